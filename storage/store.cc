// SPDX-License-Identifier: MIT
#include "storage/store.h"

namespace ringkv::storage {

Store::Store(const StoreOptions& options, const Clock& clock) : options_(options), clock_(clock) {
  for (Partition& partition : partitions_) {
    MutexLock lock(partition.mutex);
    partition.tables.resize(options.databases);
  }
}

Store::~Store() = default;

}  // namespace ringkv::storage
