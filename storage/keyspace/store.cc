// SPDX-License-Identifier: MIT
#include "storage/keyspace/store.h"

#ifdef RINGKV_THREAD_SANITIZED
// ThreadSanitizer's search for deadlocks can't follow more than 64 locks at a time; FLUSHALL takes 256.
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }
#endif

namespace ringkv::storage {

Store::Store(const StoreOptions& options, const Clock& clock)
    : options_(options), placement_seed_(options.hash_seed), clock_(clock), occupancy_(options.databases) {
  type_limits_.seed = options.hash_seed;
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = partitions_[i];
    LongHoldMutexLock lock(partition.mutex);
    partition.prefixes = &options_.prefixes;
    partition.occupancy = &occupancy_;
    partition.index = i;
    partition.prefix_uses = std::make_unique<PrefixUses[]>(options.prefixes.size());
    partition.tables = std::make_unique<std::unique_ptr<Table>[]>(options.databases);
  }
}

Store::~Store() = default;

LibrariesAt Store::CopyLibraries() {
  Partition& any = partitions_[0];
  LongHoldMutexLock lock(any.mutex);
  return {log_.appended(), libraries_.Get().set};
}

std::string Store::CopyLedger() {
  Partition& any = partitions_[0];
  LongHoldMutexLock lock(any.mutex);
  return ledger_.Get();
}

}  // namespace ringkv::storage
