// SPDX-License-Identifier: MIT
#include "storage/transaction/totals.h"

#include <algorithm>

#include "storage/index/table_index.h"
#include "storage/transaction/partition_visit.h"

namespace ringkv::storage {
namespace {

// Counts no keys of foreign slots.
void TakeOffForeign(const Partition& partition, const Table& table, DatabaseSize* size) REQUIRES(partition.mutex) {
  for (uint64_t at = 0; at < uint64_t{1} << 32 && table.keys() > 0;) {
    const Table::Stretch stretch = table.StretchAt(static_cast<uint32_t>(at));
    const size_t first_slot = SlotAt({at});
    const size_t slots = SlotAt({stretch.end - 1}) - first_slot + 1;
    const uint64_t mask = (slots == kSlotsInPartition ? ~uint64_t{0} : (uint64_t{1} << slots) - 1) << first_slot;
    if ((partition.foreign_slots & mask) != 0) {
      stretch.segment->ForEach([&](const Cell& cell) {
        partition.mutex.AssertHeld();
        if (!partition.IsForeign(cell.local_position())) return;
        --size->keys;
        if (cell.entry()->has_field_expiry()) --size->field_expiry_keys;
        if (!cell.entry()->has_expiry()) return;
        --size->volatile_keys;
        size->expiry_sum -= cell.entry()->expiry();
      });
    }
    at = stretch.end;
  }
}

// Calls `add(slot, keys)` for parts of the table. Large tables have segments that lie within one slot.
template <typename Add>
void ForEachSlotPart(size_t partition, const Table& table, Add&& add) {
  for (uint64_t at = 0; at < uint64_t{1} << 32 && table.keys() > 0;) {
    const Table::Stretch stretch = table.StretchAt(static_cast<uint32_t>(at));
    const size_t first = SlotAt(Position::In(partition, static_cast<uint32_t>(at)));
    if (first == SlotAt(Position::In(partition, static_cast<uint32_t>(stretch.end - 1)))) {
      add(first, stretch.segment->size());
    } else {
      stretch.segment->ForEach(
          [&](const Cell& cell) { add(SlotAt(Position::In(partition, cell.local_position())), 1); });
    }
    at = stretch.end;
  }
}

}  // namespace

int64_t DatabaseSize::AverageTtl(UnixMs now) const {
  if (volatile_keys == 0) return 0;
  const __int128 average = expiry_sum / static_cast<__int128>(volatile_keys) - now;
  return static_cast<int64_t>(std::clamp<__int128>(average, 0, INT64_MAX));
}

DatabaseSize SizeOf(Txn& txn, DbIndex db) {
  DatabaseSize size;
  const PartitionSet occupied = OccupiedPartitions(txn, db);
  for (size_t i = occupied.Next(0); i < kPartitions; i = occupied.Next(i + 1)) {
    WithPartition(txn, i, [&](Partition& partition) {
      partition.mutex.AssertHeld();
      const Table* table = partition.tables[db].get();
      if (table == nullptr) return;
      size.keys += table->keys();
      size.volatile_keys += table->volatile_keys();
      size.expiry_sum += table->expiry_sum();
      size.field_expiry_keys += table->field_expiry_keys();
      if (partition.foreign_slots != 0 && !txn.shows_foreign()) TakeOffForeign(partition, *table, &size);
    });
  }
  return size;
}

uint64_t CountKeys(Txn& txn) {
  uint64_t keys = 0;
  txn.store().occupancy().ForEachUsed([&](DbIndex db) { keys += SizeOf(txn, db).keys; });
  return keys;
}

std::vector<uint64_t> CountKeysOfSlots(Txn& txn, DbIndex db, size_t first, size_t last) {
  std::vector<uint64_t> counts(last - first + 1);
  for (size_t i = first / kSlotsInPartition; i <= last / kSlotsInPartition; ++i) {
    WithPartition(txn, i, [&](Partition& partition) {
      partition.mutex.AssertHeld();
      const Table* table = partition.tables[db].get();
      if (table == nullptr) return;
      ForEachSlotPart(i, *table, [&](size_t slot, size_t keys) {
        if (slot >= first && slot <= last) counts[slot - first] += keys;
      });
    });
  }
  return counts;
}

KeyStatistics SumStatistics(Txn& txn) {
  KeyStatistics sum;
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    sum += partition.statistics;
  });
  return sum;
}

uint64_t CountExpiredFields(Txn& txn) {
  uint64_t sum = 0;
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    sum += partition.expired_fields;
  });
  return sum;
}

void ResetStatistics(Txn& txn) {
  ForEachPartition(txn, [](Partition& partition) {
    partition.mutex.AssertHeld();
    partition.statistics = KeyStatistics();
    partition.expired_fields = 0;
    std::fill_n(partition.prefix_uses.get(), partition.prefixes->size(), PrefixUses());
  });
}

std::vector<PrefixUsage> PrefixUsages(Txn& txn) {
  const PrefixList& prefixes = txn.store().prefixes();
  std::vector<PrefixUsage> usages(prefixes.size());
  if (prefixes.empty()) return usages;
  for (size_t i = 0; i < prefixes.size(); ++i) usages[i].prefix = prefixes[i];
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    for (size_t j = 0; j < usages.size(); ++j) {
      usages[j].uses.reads += partition.prefix_uses[j].reads;
      usages[j].uses.misses += partition.prefix_uses[j].misses;
      usages[j].uses.writes += partition.prefix_uses[j].writes;
      txn.store().occupancy().ForEachUsed([&](DbIndex db) {
        partition.mutex.AssertHeld();
        const Table* table = partition.tables[db].get();
        if (table == nullptr) return;
        usages[j].size.keys += table->prefix_sizes()[j].keys;
        usages[j].size.bytes += table->prefix_sizes()[j].bytes;
      });
    }
  });
  return usages;
}

uint64_t CountChanges(Txn& txn) {
  uint64_t sum = 0;
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    sum += partition.changes;
  });
  return sum;
}

uint64_t TableBytes(Txn& txn, DbIndex db) {
  uint64_t sum = 0;
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    const Table* table = partition.tables[db].get();
    if (table != nullptr) sum += table->TableBytes();
  });
  return sum;
}

uint64_t TableBytes(Txn& txn) {
  uint64_t sum = 0;
  txn.store().occupancy().ForEachUsed([&](DbIndex db) { sum += TableBytes(txn, db); });
  return sum;
}

IndexReport ReportIndexes(Txn& txn, Direction direction) {
  IndexReport report;
  ForEachPartition(txn, [&](Partition& partition) {
    partition.mutex.AssertHeld();
    txn.store().occupancy().ForEachUsed([&](DbIndex db) {
      partition.mutex.AssertHeld();
      const Table* table = partition.tables[db].get();
      if (table == nullptr || table->keys() == 0) return;
      ++report.tables;
      const TableIndex* index = table->index(direction);
      if (index == nullptr) return;
      ++report.begun;
      report.ready += index->is_ready() ? 1 : 0;
      report.keys += index->keys();
      report.bytes += index->Bytes();
    });
  });
  return report;
}

}  // namespace ringkv::storage
