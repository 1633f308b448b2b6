// SPDX-License-Identifier: MIT
#include "storage/transaction/walk.h"

#include <algorithm>

namespace ringkv::storage {
namespace {

// False if all keys that were come upon are hidden.
bool SampleTable(Txn& txn, const Partition& partition, const Table& table, size_t count, bool volatile_only,
                 const PositionVisitor& visit) REQUIRES(partition.mutex) {
  // Once more where nothing was come upon but what is hidden.
  const int tries = partition.foreign_slots == 0 ? 1 : 8;
  bool found = false;
  for (int i = 0; i < tries && !found; ++i) {
    table.Sample(txn.random(), count, volatile_only, [&](const Cell& cell) {
      partition.mutex.AssertHeld();
      if (partition.IsForeign(cell.local_position())) return;
      found = true;
      visit(Position::In(partition.index, cell.local_position()), *cell.entry());
    });
  }
  return found;
}

}  // namespace

uint64_t Walk(Txn& txn, DbIndex db, uint64_t cursor, size_t count, const KeyVisitor& visit) {
  size_t budget = std::max<size_t>(count, 1);
  return VisitPartitions(txn, db, cursor, [&](Partition& partition, uint32_t from, uint64_t* next) {
    partition.mutex.AssertHeld();
    return WalkPartition(txn, partition, db, from, &budget, visit, next);
  });
}

uint64_t WalkSlot(Txn& txn, DbIndex db, size_t slot, uint64_t cursor, size_t count, const KeyVisitor& visit) {
  const uint64_t begin = FirstPositionOf(slot);
  const uint64_t length = FirstPositionOf(slot + 1) - begin;
  if (cursor >= length) return 0;
  const Position from{begin + cursor};
  Partition& partition = txn.store().partition(from.partition());
  partition.mutex.AssertHeld();
  size_t budget = std::max<size_t>(count, 1);
  uint64_t next = 0;
  const auto visit_own = [&](const Entry& entry) {
    if (KeySlot(entry.key()) == slot) visit(entry);
  };
  if (!WalkPartition(txn, partition, db, from.local(), &budget, visit_own, &next)) return 0;
  const uint64_t behind = Position::In(from.partition(), 0).value + next - begin;
  return behind < length ? behind : 0;
}

void Sample(Txn& txn, DbIndex db, size_t count, bool volatile_only, const PositionVisitor& visit) {
  const PartitionSet occupied = OccupiedPartitions(txn, db, volatile_only);
  const size_t candidates = occupied.size();
  if (candidates == 0) return;
  size_t at = occupied.Pick(txn.random());
  bool found = false;
  for (size_t i = 0; i < candidates && !found; ++i) {
    WithPartition(txn, at, [&](Partition& partition) {
      partition.mutex.AssertHeld();
      const Table* table = partition.tables[db].get();
      found = table != nullptr && SampleTable(txn, partition, *table, count, volatile_only, visit);
    });
    at = occupied.Next(at + 1);
    if (at == kPartitions) at = occupied.Next(0);
  }
}

}  // namespace ringkv::storage
