// SPDX-License-Identifier: MIT
// One partition after the other: for walks, searches and sums, in a transaction that holds no lock or all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "storage/transaction/txn.h"

namespace ringkv::storage {

using KeyVisitor = std::function<void(const Entry&)>;

// Calls `function(Partition&)` with the partition locked, unless it is held for long and the transaction skips it then.
template <typename Function>
void WithPartition(Txn& txn, size_t index, Function&& function) {
  Partition& partition = txn.store().partition(index);
  if (txn.holds_all()) {
    partition.mutex.AssertHeld();
    return function(partition);
  }
  RINGKV_CHECK(!txn.holds_any());  // waiting for one lock while holding another would break the order
  if (!partition.mutex.Lock(!txn.skips_held())) return txn.NoteSkipped();
  txn.DependOn(partition.last_lsn);
  function(partition);
  partition.mutex.Unlock();
}

// Likewise for all, one after the other.
template <typename Function>
void ForEachPartition(Txn& txn, Function&& function) {
  for (size_t i = 0; i < kPartitions; ++i) WithPartition(txn, i, function);
}

// The partitions that have keys of the database. Any group may have emptied the others, so the transaction depends on
// the last one.
PartitionSet OccupiedPartitions(Txn& txn, DbIndex db, bool volatile_only = false);

// Whether the key is hidden: it has expired, or is in a slot of another shard.
inline bool IsHidden(const Txn& txn, const Partition& partition, const Cell& cell) REQUIRES(partition.mutex) {
  return (!txn.shows_foreign() && partition.IsForeign(cell.local_position())) || txn.IsExpired(*cell.entry());
}

// Visits the database's partitions from the cursor's on, each locked, until `visit` says that it stopped at a position
// within. Returns the cursor to go on with; 0 at the end.
using PartitionVisitor = std::function<bool(Partition&, uint32_t from, uint64_t* next)>;
uint64_t VisitPartitions(Txn& txn, DbIndex db, uint64_t cursor, const PartitionVisitor& visit);

// Visits about `*budget` keys of the database from `from` on, and decrements the budget by their number. False at the
// partition's end, else `*next` is the position to go on from.
bool WalkPartition(Txn& txn, Partition& partition, DbIndex db, uint32_t from, size_t* budget, const KeyVisitor& visit,
                   uint64_t* next) REQUIRES(partition.mutex);

}  // namespace ringkv::storage
