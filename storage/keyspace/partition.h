// SPDX-License-Identifier: MIT
// One lock and the data that it guards: the keys of all databases whose hash begins with the partition's number.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/base/long_hold_mutex.h"
#include "storage/base/lsn.h"
#include "storage/base/position.h"
#include "storage/keyspace/occupancy.h"
#include "storage/keyspace/tracking_table.h"
#include "storage/table/table.h"

namespace ringkv::storage {

// Statistics of keys since the start or CONFIG RESETSTAT.
struct KeyStatistics {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired = 0;
  uint64_t evicted = 0;

  KeyStatistics& operator+=(const KeyStatistics& other) {
    hits += other.hits;
    misses += other.misses;
    expired += other.expired;
    evicted += other.evicted;
    return *this;
  }
};

struct alignas(64) Partition {
  // Whether the position is in a slot of another shard (see Txn::SetForeignSlots).
  bool IsForeign(uint32_t local_position) const REQUIRES(mutex) {
    return (foreign_slots >> (local_position >> kHashBitsBehindSlot) & 1) != 0;
  }

  // The table of a database, created if needed.
  Table& TableOf(size_t db) REQUIRES(mutex) {
    if (tables[db] == nullptr) tables[db] = std::make_unique<Table>(*prefixes);
    return *tables[db];
  }

  // Call when the table of a database may have got its first key or lost its last.
  void NoteOccupancy(DbIndex db) REQUIRES(mutex) {
    const Table* table = tables[db].get();
    if (table == nullptr) return occupancy->Note(db, index, {});
    occupancy->Note(db, index,
                    {.keys = table->keys() > 0,
                     .volatile_keys = table->volatile_keys() > 0,
                     .due_keys = table->volatile_keys() + table->field_expiry_keys() > 0});
  }

  // What every transaction touches comes first and fills one cache line, which passes from core to core with the lock.
  LongHoldMutex mutex;
  std::unique_ptr<std::unique_ptr<Table>[]> tables GUARDED_BY(mutex);  // by database; null while there is no key
  KeyStatistics statistics GUARDED_BY(mutex);
  uint64_t changes GUARDED_BY(mutex) = 0;  // effects applied
  Lsn last_lsn GUARDED_BY(mutex) = 0;      // of the last logged group that may have changed a key here

  // Set once, first.
  const PrefixList* prefixes = nullptr;
  Occupancy* occupancy = nullptr;
  size_t index = 0;

  uint64_t expired_fields GUARDED_BY(mutex) = 0;                // of hashes; since the same time as the statistics
  std::unique_ptr<PrefixUses[]> prefix_uses GUARDED_BY(mutex);  // of each of the prefixes
  uint64_t foreign_slots GUARDED_BY(mutex) = 0;  // one bit per slot of the partition, in a placement by slot
  std::unique_ptr<TrackingTable> tracking GUARDED_BY(mutex);  // null while nobody has read a key to keep it
};
#ifdef NDEBUG  // else the mutex knows its holder
static_assert(sizeof(Partition) == 128);
#endif

}  // namespace ringkv::storage
