// SPDX-License-Identifier: MIT
#include "storage/housekeeping/index_job.h"

#include "storage/index/table_index.h"

namespace ringkv::storage {
namespace {

constexpr size_t kKeysAStep = 256;

}  // namespace

bool IndexJob::Step() {
  const int64_t now = store_.clock().SteadyMs();
  for (size_t i = 0; i < kPartitions; ++i) {
    if (StepIn(store_.partition(partition_), now)) return true;
    partition_ = (partition_ + 1) % kPartitions;
  }
  return false;
}

bool IndexJob::StepIn(Partition& partition, int64_t now) {
  std::unique_ptr<TableIndex> dropped;  // freed after the lock is
  LongHoldMutexLock lock(partition.mutex);
  const Occupancy& occupancy = store_.occupancy();
  for (DbIndex db = occupancy.NextUsed(0); db < occupancy.databases();
       db = occupancy.NextUsed(static_cast<DbIndex>(db + 1))) {
    Table* table = partition.tables[db].get();
    if (table == nullptr) continue;
    for (const Direction direction : kBothDirections) {
      const bool is_wanted = store_.index_policy().IsWanted(direction, now);
      TableIndex* index = table->index(direction);
      if (!is_wanted && index != nullptr) {
        dropped = table->TakeIndex(direction);
        return true;
      }
      if (is_wanted && index == nullptr) index = table->AddIndex(direction);
      if (index != nullptr && !index->is_ready()) {
        index->BuildSome(kKeysAStep);
        return true;
      }
    }
  }
  return false;
}

}  // namespace ringkv::storage
