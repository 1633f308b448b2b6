// SPDX-License-Identifier: MIT
// The clients that have read keys of a partition and keep copies of them (CLIENT TRACKING): whom to tell when a key
// changes. As in Redis, a key is a name, in whatever database.
//
// Threads: guarded by the lock of its partition; the totals are atomic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/base/lsn.h"
#include "storage/base/random.h"
#include "storage/base/seeded_hash.h"

namespace ringkv::storage {

// Whom to tell; the server knows who that is. 0: nobody.
using TrackerId = uint64_t;

// What a transaction has changed of what clients keep, in the order of the changes.
struct Invalidation {
  enum class What : uint8_t { kKey, kEverything };
  struct Item {
    What what = What::kKey;
    std::string key = {};
    std::vector<TrackerId> trackers = {};  // who has read it
    uint64_t author = 0;  // the client that changed it, if it wants to hear nothing of that; 0: any other
  };

  std::vector<Item> items;
  bool ends_broadcasts = false;  // too many keys for those who hear of all, or they leave: everything has changed
  Lsn lsn = 0;                   // of the group of the changes; 0: none was logged
};

// What all tables of a store share.
struct TrackingTotals {
  std::atomic<bool> is_on{false};       // some client tracks, or some table has keys: changes are looked at
  std::atomic<bool> broadcasts{false};  // some client hears of every changed key
  std::atomic<uint64_t> keys{0};
  std::atomic<uint64_t> items{0};  // pairs of key and client
};

class TrackingTable {
 public:
  // `totals` must outlive it.
  TrackingTable(TrackingTotals& totals, SeededHash hash) : totals_(totals), trackers_(0, hash) {}
  ~TrackingTable() { Uncount(); }
  TrackingTable(const TrackingTable&) = delete;
  TrackingTable& operator=(const TrackingTable&) = delete;

  void Remember(std::string_view key, TrackerId tracker);
  // Who has read the key; nobody any more from now on.
  std::vector<TrackerId> Take(std::string_view key);
  // A key that chance picks, with its trackers. The table must not be empty.
  Invalidation::Item TakeAny(Random& random);
  // All keys of which `leaves(key)` is true.
  std::vector<Invalidation::Item> TakeThose(const std::function<bool(std::string_view key)>& leaves);
  // Forgets trackers that are gone.
  void Forget(const std::function<bool(TrackerId tracker)>& is_gone);

  // Takes its keys out of the totals, before it is freed in the background.
  void Uncount();

  size_t keys() const { return trackers_.size(); }
  bool empty() const { return trackers_.empty(); }

 private:
  // Ascending: many clients may read one key.
  using Trackers = std::unordered_map<std::string, std::vector<TrackerId>, SeededHash, std::equal_to<>>;

  Invalidation::Item Extract(Trackers::iterator found);
  void Count(size_t keys, size_t items, bool more);
  void ShrinkIfSparse();

  TrackingTotals& totals_;
  Trackers trackers_;
  size_t items_ = 0;
  bool is_counted_ = true;
};

}  // namespace ringkv::storage
