// SPDX-License-Identifier: MIT
// Changes of whole databases, and of the ledger of slots. The transaction holds the locks of all partitions.
#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <memory>
#include <utility>

#include "storage/base/allocator.h"
#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

void Txn::FlushDatabase(DbIndex db) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  if (store_.occupancy().IsUsed(db)) DropTables(db);
  if (store_.is_tracked()) InvalidateAll();
  store_.NoteFlush();
  if (MustRecord()) EncodeEffect(&records_, db, DatabaseFlush{});
}

void Txn::DropTables(DbIndex db) {
  if (store_.observer() != nullptr) {
    const auto is_touched = [&](std::string_view key) { return bool{LookUp(db, key)}; };
    if (store_.observer()->Replacing(db, is_touched)) must_tell_ = true;
  }
  uint64_t all_keys = 0;
  std::vector<std::unique_ptr<Table>> removed;
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    partition.mutex.AssertHeld();
    store_.occupancy().ForEachUsed([&](DbIndex used) {
      partition.mutex.AssertHeld();
      if (partition.tables[used] != nullptr) all_keys += partition.tables[used]->keys();
    });
    if (partition.tables[db] == nullptr) continue;
    partition.changes += partition.tables[db]->keys();
    removed.push_back(std::move(partition.tables[db]));
    partition.NoteOccupancy(db);
  }
  store_.NoteUnused(db);
  // Used memory includes values that wait to be freed, whose keys are not counted any more.
  const uint64_t pending = store_.reclaimer().pending_bytes();
  const uint64_t used = UsedMemory();
  const uint64_t bytes = used - std::min(used, pending);
  const uint64_t bytes_a_key = all_keys > 0 ? bytes / all_keys : 0;
  store_.reclaimer().Free(std::move(removed), bytes_a_key);
}

void Txn::SwapDatabases(DbIndex a, DbIndex b) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  if (store_.observer() != nullptr) {
    const auto is_touched = [&](std::string_view key) { return LookUp(a, key) || LookUp(b, key); };
    for (const DbIndex db : {a, b}) {
      if (store_.observer()->Replacing(db, is_touched)) must_tell_ = true;
    }
  }
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    partition.mutex.AssertHeld();
    std::swap(partition.tables[a], partition.tables[b]);
    partition.NoteOccupancy(a);
    partition.NoteOccupancy(b);
  }
  if (store_.is_tracked()) InvalidateAll();
  Partition& first = store_.partition(0);
  first.mutex.AssertHeld();
  ++first.changes;
  if (MustRecord()) EncodeEffect(&records_, a, DatabaseSwap{b});
}

void Txn::SetForeignSlots(const std::bitset<kSlots>& slots) {
  RINGKV_CHECK(holds_all_);
  static_assert(kSlotsInPartition == 64 && std::endian::native == std::endian::little);
  const auto of_partitions = std::bit_cast<std::array<uint64_t, kPartitions>>(slots);
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    partition.mutex.AssertHeld();
    if (store_.is_tracked()) InvalidateSlots(partition, of_partitions[i] & ~partition.foreign_slots);
    partition.foreign_slots = of_partitions[i];
  }
}

void Txn::Do(const LedgerPut& effect) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  store_.ledger().Replace(effect.text);
  if (MustRecord()) EncodeEffect(&records_, effect);
}

void Txn::Replace(uint64_t seed) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  is_recording_ = false;
  for (DbIndex db = 0; db < store_.databases(); ++db) FlushDatabase(db);
  store_.libraries().Replace({.set = std::make_shared<const LibrarySet>()});
  store_.ledger().Replace({});
  // Numbers of the old data set's groups mean nothing in the new one.
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    partition.mutex.AssertHeld();
    partition.last_lsn = 0;
  }
  store_.Reseed(seed);
}

}  // namespace ringkv::storage
