// SPDX-License-Identifier: MIT
#include "storage/snapshot/run_loader.h"

#include "storage/types/collection.h"

namespace ringkv::storage {
namespace {

// False if the key is there already.
bool InsertInto(Partition& partition, DbIndex db, const BlockEntry& entry, Position position, const TypeLimits& limits)
    REQUIRES(partition.mutex) {
  Table& table = partition.TableOf(db);
  if (table.SegmentFor(position.local())->Find(entry.key, position.local()) != nullptr) return false;
  table.Insert(position.local(), MakeEntry(entry.key, {entry.kind, entry.value, entry.expiry}, limits, entry.access));
  partition.NoteOccupancy(db);
  return true;
}

// Reads the databases of a run, and gives each key to `insert(db, entry, position)`, which says no if it
// is there already.
template <typename Insert>
std::string ReadKeys(ByteReader& reader, const Placement& placement, const BlockRun& run, DbIndex databases,
                     uint64_t* keys, Insert&& insert) {
  for (uint64_t number = reader.Varint(); number != 0; number = reader.Varint()) {
    const uint64_t db = number - 1;
    if (db >= databases) {
      return "it has keys in database " + std::to_string(db) + ", and databases is " + std::to_string(databases);
    }
    const uint64_t count = reader.Varint();
    for (uint64_t i = 0; i < count; ++i) {
      const BlockEntry entry = DecodeEntry(&reader);
      if (!reader.ok()) return "a block ends within an entry";
      const Position position = PositionOf(entry.key, placement);
      if (position.value < run.first || position.value >= run.end) return "a key is in the wrong block";
      if (!insert(static_cast<DbIndex>(db), entry, position)) return "a key occurs twice";
    }
    *keys += count;
  }
  return reader.ok() ? "" : "a block is cut short";
}

}  // namespace

std::string LoadRun(ByteReader& reader, const Placement& placement, Store& store, uint64_t* keys, BlockRun* run) {
  *run = DecodeRun(&reader);
  const Position first{run->first};
  const bool in_one_partition = run->end > run->first && Position{run->end - 1}.partition() == first.partition();
  if (!reader.ok() || run->end > kPositions || !in_one_partition) return "a run has impossible bounds";
  if (placement == store.placement()) {
    Partition& partition = store.partition(first.partition());
    LongHoldMutexLock lock(partition.mutex);
    return ReadKeys(reader, placement, *run, store.databases(), keys,
                    [&](DbIndex db, const BlockEntry& entry, Position position) {
                      partition.mutex.AssertHeld();
                      return InsertInto(partition, db, entry, position, store.type_limits());
                    });
  }
  // The order of keys has changed since: cluster-enabled was switched.
  return ReadKeys(reader, placement, *run, store.databases(), keys, [&](DbIndex db, const BlockEntry& entry, Position) {
    const Position position = PositionOf(entry.key, store.placement());
    Partition& partition = store.partition(position.partition());
    LongHoldMutexLock lock(partition.mutex);
    return InsertInto(partition, db, entry, position, store.type_limits());
  });
}

}  // namespace ringkv::storage
