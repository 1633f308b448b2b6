// SPDX-License-Identifier: MIT
// Client-side caching: how many clients keep copies of keys, on which threads, and whom a change concerns.
//
// A table of each partition says who has read a key (storage/keyspace/tracking_table.h). Who changes it takes these out
// and passes them to the threads of the clients, each of which tells its own.
//
// Threads: synchronised. What writers ask is atomic; the rest changes with CLIENT TRACKING only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "server/base/client_links.h"
#include "server/tracking/tracking_mode.h"
#include "storage/base/mutex.h"
#include "storage/keyspace/store.h"

namespace ringkv::storage {
class Txn;
}

namespace ringkv::server {

class Tracking {
 public:
  // All must outlive it. `threads`: of clients.
  Tracking(storage::Store& store, ClientLinks& links, size_t threads);

  // A client begins, or ends.
  void Begin(const TrackingMode& mode);
  void End(const TrackingMode& mode);
  void AddPrefix(const std::string& prefix);
  void RemovePrefix(const std::string& prefix);

  // Passes it to the threads of those whom it concerns.
  void Tell(const std::shared_ptr<const storage::Invalidation>& invalidation);

  // Whether more keys are remembered than may be (tracking-table-max-keys; 0: no limit).
  bool IsFull(int64_t most_keys) const {
    return store_.is_tracked() && most_keys > 0 && keys() > static_cast<uint64_t>(most_keys);
  }
  // Then clients are told that some have changed, which chance picks. Takes a millisecond at most.
  void MakeRoom(storage::Txn& txn, int64_t most_keys);
  // Call several times a second: forgets clients that are gone.
  void Tick(storage::Txn& txn);

  uint64_t clients() const { return clients_.load(std::memory_order_relaxed); }
  uint64_t keys() const { return store_.tracking().keys.load(std::memory_order_relaxed); }
  uint64_t items() const { return store_.tracking().items.load(std::memory_order_relaxed); }
  uint64_t CountPrefixes();

 private:
  struct OfThread {
    std::atomic<uint64_t> clients{0};
    std::atomic<uint64_t> broadcasts{0};  // of them
  };

  bool BeginsSweep();
  bool IsGone(storage::TrackerId tracker) const REQUIRES(mutex_) { return !live_.contains(tracker); }

  storage::Store& store_;
  ClientLinks& links_;
  const size_t threads_;
  const std::unique_ptr<OfThread[]> of_threads_;
  std::atomic<uint64_t> clients_{0};
  storage::Mutex mutex_;
  std::unordered_set<storage::TrackerId> live_ GUARDED_BY(mutex_);
  size_t broadcasts_ GUARDED_BY(mutex_) = 0;
  size_t departed_ GUARDED_BY(mutex_) = 0;                     // since a sweep has begun
  std::map<std::string, size_t> prefixes_ GUARDED_BY(mutex_);  // with the number of their clients
  size_t next_swept_ = storage::kPartitions;                   // by the thread that ticks only
};

}  // namespace ringkv::server
