// SPDX-License-Identifier: MIT
// The data: partitions with a lock each, and their background jobs.
//
// Commands access it through `Txn` only; this class owns, counts and sweeps.
//
// Threads: synchronised.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "storage/base/buffer_memory.h"
#include "storage/base/clock.h"
#include "storage/base/position.h"
#include "storage/entry/access.h"
#include "storage/entry/type_limits.h"
#include "storage/index/index_policy.h"
#include "storage/keyspace/key_observer.h"
#include "storage/keyspace/ledger_text.h"
#include "storage/keyspace/libraries.h"
#include "storage/keyspace/long_holds.h"
#include "storage/keyspace/partition.h"
#include "storage/keyspace/reclaim.h"
#include "storage/log/log_buffer.h"

namespace ringkv::storage {

struct StoreOptions {
  DbIndex databases = 16;
  uint64_t hash_seed = 0;
  bool by_slot = false;      // see Placement
  PrefixList prefixes = {};  // prefixes with statistics
  // Maximum string length in bytes, for effects of a log or another node.
  uint64_t longest_string = UINT32_MAX;
};

// The authority over the data.
enum class Authority : uint8_t {
  kOwner,             // this store: changes are recorded, keys expire here
  kFollower,          // another store, whose effects are applied: expired keys are hidden until it deletes them
  kWritableFollower,  // like kFollower, but clients may write; their changes are not recorded
  kRedisFollower,     // a Redis server, whose commands are executed: like kFollower, but changes are recorded
};

// Whether changes by transactions are recorded, with LSNs of this store.
constexpr bool RecordsChanges(Authority authority) {
  return authority == Authority::kOwner || authority == Authority::kRedisFollower;
}

class Store {
 public:
  // `clock` must outlive the store.
  Store(const StoreOptions& options, const Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  DbIndex databases() const { return options_.databases; }
  Placement placement() const { return {placement_seed_.load(std::memory_order_relaxed), options_.by_slot}; }
  // Prepares for another data set. Call under the locks of all partitions, without any key.
  void Reseed(uint64_t seed) {
    placement_seed_.store(seed, std::memory_order_relaxed);
    type_limits_.seed = seed;
  }
  Authority authority() const { return authority_.load(std::memory_order_relaxed); }
  void SetAuthority(Authority authority) { authority_.store(authority, std::memory_order_relaxed); }
  // Whether what has expired is hidden and stays, although this store is its owner (import-mode): another server's
  // changes, which come later, may prolong it.
  bool leaves_expired() const { return leaves_expired_.load(std::memory_order_relaxed); }
  void set_leaves_expired(bool leaves) { leaves_expired_.store(leaves, std::memory_order_relaxed); }
  // Whether what has expired is erased here, and not when another one says so.
  bool MayExpire() const { return authority() == Authority::kOwner && !leaves_expired(); }
  const Clock& clock() const { return clock_; }
  AccessOptions& access_options() { return access_options_; }
  TypeLimits& type_limits() { return type_limits_; }
  Reclaimer& reclaimer() { return reclaimer_; }
  IndexPolicy& index_policy() { return index_policy_; }
  // The buffer for effects of transactions.
  LogBuffer& log() { return log_; }
  // Of replication, beside the log's buffer.
  BufferMemory& buffers() { return buffers_; }
  // Of copies on their way to a snapshot, a replica or another node: redis-server has these in a process of their own.
  BufferMemory& copies() { return copies_; }
  // Of clients that have not yet said who they are: no data is evicted for them.
  BufferMemory& strangers() { return strangers_; }
  // Memory that eviction does not count, because it will be free soon, or has its own limits.
  size_t UncountedBytes() const {
    return reclaimer_.pending_bytes() + log_.memory_bytes() + buffers_.bytes() + copies_.bytes() + strangers_.bytes();
  }
  Libraries& libraries() { return libraries_; }
  // The libraries together with all groups so far, for a copy of the data. Waits for transactions that change them, so
  // the thread must hold no partition.
  LibrariesAt CopyLibraries();
  LedgerText& ledger() { return ledger_; }
  // Likewise.
  std::string CopyLedger();
  Partition& partition(size_t index) { return partitions_[index]; }
  LongHolds& long_holds() { return long_holds_; }
  const Occupancy& occupancy() const { return occupancy_; }
  // The database was emptied. Call under the locks of all partitions.
  void NoteUnused(DbIndex db) { occupancy_.NoteUnused(db); }
  const PrefixList& prefixes() const { return options_.prefixes; }
  uint64_t longest_string() const { return options_.longest_string; }

  // The number of flushes of a database.
  uint64_t flushes() const { return flushes_.load(); }
  void NoteFlush() { flushes_.fetch_add(1); }

  // All databases were flushed by a client. TakeEmptied tells so once.
  void NoteEmptied() { was_emptied_ = true; }
  bool TakeEmptied() { return was_emptied_.load(std::memory_order_relaxed) && was_emptied_.exchange(false); }

  // Receives every change; may be null. Set before threads run; must outlive the use of the store.
  void set_observer(KeyObserver* observer) { observer_ = observer; }
  KeyObserver* observer() const { return observer_; }

  // Of clients that keep copies of keys.
  TrackingTotals& tracking() { return tracking_; }
  // Whether a change has to be looked at for them.
  bool is_tracked() const { return tracking_.is_on.load(std::memory_order_relaxed); }

 private:
  const StoreOptions options_;
  std::atomic<uint64_t> placement_seed_;
  std::atomic<Authority> authority_{Authority::kOwner};
  std::atomic<bool> leaves_expired_{false};
  const Clock& clock_;
  AccessOptions access_options_;
  TypeLimits type_limits_;
  KeyObserver* observer_ = nullptr;
  TrackingTotals tracking_;
  Reclaimer reclaimer_;
  IndexPolicy index_policy_;
  LogBuffer log_;
  BufferMemory buffers_;
  BufferMemory copies_;
  BufferMemory strangers_;
  Libraries libraries_;
  LedgerText ledger_;
  std::atomic<uint64_t> flushes_{0};
  std::atomic<bool> was_emptied_{false};
  LongHolds long_holds_;
  Occupancy occupancy_;
  std::array<Partition, kPartitions> partitions_;
};

}  // namespace ringkv::storage
