// SPDX-License-Identifier: MIT
#include "storage/transaction/partition_visit.h"

#include <optional>

namespace ringkv::storage {

PartitionSet OccupiedPartitions(Txn& txn, DbIndex db, bool volatile_only) {
  const PartitionSet occupied = txn.store().occupancy().With(db, volatile_only);
  txn.DependOn(txn.store().log().appended());
  return occupied;
}

uint64_t VisitPartitions(Txn& txn, DbIndex db, uint64_t cursor, const PartitionVisitor& visit) {
  if (cursor >= kPositions) return 0;
  const Position at{cursor};
  const PartitionSet occupied = OccupiedPartitions(txn, db);
  for (size_t partition = occupied.Next(at.partition()); partition < kPartitions;
       partition = occupied.Next(partition + 1)) {
    bool stopped = false;
    uint64_t next = 0;
    const uint32_t from = partition == at.partition() ? at.local() : 0;
    WithPartition(txn, partition, [&](Partition& locked) { stopped = visit(locked, from, &next); });
    if (stopped) {
      const uint64_t position = (static_cast<uint64_t>(partition) << 32) + next;
      return position >= kPositions ? 0 : position;
    }
  }
  return 0;
}

bool WalkPartition(Txn& txn, Partition& partition, DbIndex db, uint32_t from, size_t* budget, const KeyVisitor& visit,
                   uint64_t* next) {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  const std::optional<uint64_t> stopped = table->Walk(from, budget, [&](const Cell& cell) {
    partition.mutex.AssertHeld();
    if (!IsHidden(txn, partition, cell)) visit(*cell.entry());
  });
  if (stopped) *next = *stopped;
  return stopped.has_value();
}

}  // namespace ringkv::storage
