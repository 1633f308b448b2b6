// SPDX-License-Identifier: MIT
#include "storage/transaction/sweep.h"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/base/text_list.h"
#include "storage/transaction/partition_visit.h"
#include "storage/types/hash.h"

namespace ringkv::storage {
namespace {

bool LockUnlessHeld(Txn& txn, size_t partition) {
  if (txn.LockPartition(partition, false)) return true;
  txn.NoteSkipped();
  return false;
}

// Erases up to `most` expired fields of hashes at the position.
void SweepFields(Txn& txn, Partition& partition, DbIndex db, const Table& table, uint32_t local_position, size_t most,
                 Sweep* sweep) REQUIRES(partition.mutex) {
  Segment* segment = table.SegmentFor(local_position);
  const Cell* cell = segment->FindWithExpiredFields(local_position, txn.now());
  if (cell == nullptr) return;
  TextList names;
  sweep->looked_at += GatherExpiredFields(*cell->entry(), txn.now(), most, &names);
  const std::string key(cell->entry()->key());  // the entry changes
  Place place = Place(db, key, partition, local_position).FoundAt(segment, cell, &table);
  for (size_t i = 0; i < names.size() && place; ++i) {
    ++sweep->erased;
    txn.Do(place, HashFieldExpire{names[i]}, events::kHExpired);
  }
}

// Looks at one due item; true if erasing merged the segment away.
bool SweepItem(Txn& txn, Partition& partition, DbIndex db, Table& table, Segment* segment, uint32_t local_position,
               DueTime due_now, size_t most, Sweep* sweep) REQUIRES(partition.mutex) {
  // Several keys may have the same position; each is checked. Foreign keys are skipped: their owner expires them.
  if (partition.IsForeign(local_position)) {
    segment->QueueAgain(local_position, due_now + 1);
    return false;
  }
  const size_t segments_before = table.segments();
  while (const Cell* cell = segment->FindExpiredAt(local_position, txn.now())) {
    Place place = Place(db, cell->entry()->key(), partition, local_position).FoundAt(segment, cell, &table);
    ++sweep->erased;
    txn.Do(place, Erase{EraseReason::kExpired}, events::kExpired);
    if (table.segments() != segments_before) {
      table.SegmentFor(local_position)->QueueAgain(local_position, due_now + 1);
      return true;
    }
  }
  SweepFields(txn, partition, db, table, local_position, most - std::min(most - 1, sweep->looked_at), sweep);
  // At once if more fields have expired: nothing else is due by now.
  table.SegmentFor(local_position)->QueueAgain(local_position, due_now);
  return table.segments() != segments_before;
}

// False if more than `most` items are due in the table.
bool SweepTable(Txn& txn, Partition& partition, DbIndex db, Table& table, size_t most, DueTime due_now, Sweep* sweep)
    REQUIRES(partition.mutex) {
  DueTime next_due = kNeverDue;
  for (uint64_t at = 0; at < (uint64_t{1} << 32);) {
    const Table::Stretch stretch = table.StretchAt(static_cast<uint32_t>(at));
    Segment* segment = stretch.segment;
    bool merged = false;
    while (segment->NextDue() <= due_now && !merged) {
      if (sweep->looked_at >= most) return false;
      ++sweep->looked_at;
      merged = SweepItem(txn, partition, db, table, segment, segment->PopDue().local_position, due_now, most, sweep);
    }
    if (merged) continue;  // the segment is another now: look at the same stretch again
    next_due = std::min(next_due, segment->NextDue());
    at = stretch.end;
  }
  table.set_next_due(next_due);
  return true;
}

void SweepLocked(Txn& txn, Partition& partition, size_t most, Sweep* sweep) REQUIRES(partition.mutex) {
  const DueTime due_now = DueForCertain(txn.now());
  const Occupancy& occupancy = txn.store().occupancy();
  for (DbIndex db = occupancy.NextUsed(0); db < occupancy.databases() && sweep->finished;
       db = occupancy.NextUsed(static_cast<DbIndex>(db + 1))) {
    Table* table = partition.tables[db].get();
    if (table == nullptr || table->next_due() > due_now) continue;
    sweep->finished = SweepTable(txn, partition, db, *table, most, due_now, sweep);
  }
}

void EvictCell(Txn& txn, Partition& partition, DbIndex db, const Table& table, const Cell& cell)
    REQUIRES(partition.mutex) {
  const uint32_t local_position = cell.local_position();
  Place place = Place(db, cell.entry()->key(), partition, local_position)
                    .FoundAt(table.SegmentFor(local_position), &cell, &table);
  txn.Do(place, Erase{EraseReason::kEvicted}, events::kEvicted);
}

// The one that stands at the position, if `may_go` says so of it.
bool EvictFrom(Txn& txn, Partition& partition, DbIndex db, uint32_t local_position,
               const std::function<bool(const Entry&)>& may_go) REQUIRES(partition.mutex) {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  const Cell* cell = nullptr;
  table->VisitAt(local_position, [&](const Cell& found) {
    if (may_go(*found.entry())) cell = &found;
  });
  if (cell != nullptr) EvictCell(txn, partition, db, *table, *cell);
  return cell != nullptr;
}

bool EvictDueFrom(Txn& txn, Partition& partition, DueKeys* keys) REQUIRES(partition.mutex) {
  constexpr int kMostLeftBehind = 16;  // items that are looked at under one lock
  const DueTime by = std::exchange(keys->due, kNeverDue);
  const Table* table = partition.tables[keys->db].get();
  if (table == nullptr) return false;
  const uint32_t first = keys->first.local();
  bool is_evicted = false;
  for (int i = 0; i < kMostLeftBehind && !is_evicted && table->SegmentFor(first)->NextDue() <= by; ++i) {
    Segment* segment = table->SegmentFor(first);
    const ExpiryQueue::Item item = segment->PopDue();
    const Cell* cell = segment->FindDueAt(item.local_position, item.due);
    is_evicted = cell != nullptr;
    if (is_evicted) {
      EvictCell(txn, partition, keys->db, *table, *cell);
    } else {
      segment->QueueAgain(item.local_position, item.due + 1);  // its key has gone, or was given more time
    }
  }
  keys->due = table->SegmentFor(first)->NextDue();
  return is_evicted;
}

}  // namespace

Sweep SweepExpired(Txn& txn, size_t partition_index, size_t most) {
  Sweep sweep;
  if (!LockUnlessHeld(txn, partition_index)) return sweep;
  Partition& partition = txn.store().partition(partition_index);
  partition.mutex.AssertHeld();
  // A follower is told when keys end.
  if (txn.store().MayExpire()) SweepLocked(txn, partition, most, &sweep);
  txn.Unlock();
  return sweep;
}

bool EvictAt(Txn& txn, DbIndex db, Position position, const std::function<bool(const Entry&)>& may_go) {
  if (!LockUnlessHeld(txn, position.partition())) return false;
  Partition& partition = txn.store().partition(position.partition());
  partition.mutex.AssertHeld();
  // A follower is told what is evicted, and keys of foreign slots are their owner's matter.
  const bool may_evict = txn.store().authority() == Authority::kOwner && !partition.IsForeign(position.local());
  const bool is_evicted = may_evict && EvictFrom(txn, partition, db, position.local(), may_go);
  txn.Unlock();
  return is_evicted;
}

std::optional<DueKeys> SampleDue(Txn& txn, DbIndex db) {
  const PartitionSet occupied = txn.store().occupancy().With(db, true);
  if (occupied.size() == 0) return std::nullopt;
  std::optional<DueKeys> found;
  WithPartition(txn, occupied.Pick(txn.random()), [&](Partition& partition) {
    partition.mutex.AssertHeld();
    const Table* table = partition.tables[db].get();
    if (table == nullptr || partition.foreign_slots != 0) return;
    uint32_t first = 0;
    const Segment* segment = table->SampleVolatile(txn.random(), &first);
    if (segment == nullptr) return;
    found = {db, Position::In(partition.index, first), segment->NextDue(), segment->volatile_keys()};
  });
  return found;
}

bool EvictDue(Txn& txn, DueKeys* keys) {
  if (!LockUnlessHeld(txn, keys->first.partition())) {
    keys->due = kNeverDue;
    return false;
  }
  Partition& partition = txn.store().partition(keys->first.partition());
  partition.mutex.AssertHeld();
  const bool may_evict = txn.store().authority() == Authority::kOwner && partition.foreign_slots == 0;
  if (!may_evict) keys->due = kNeverDue;
  const bool is_evicted = may_evict && EvictDueFrom(txn, partition, keys);
  txn.Unlock();
  return is_evicted;
}

}  // namespace ringkv::storage
