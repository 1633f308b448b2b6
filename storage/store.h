// SPDX-License-Identifier: MIT
// The data: partitions with a lock each, and the background work on them.
//
// Commands reach it through `Txn` only; this class owns, counts and sweeps.
//
// Threads: own synchronisation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "storage/clock.h"
#include "storage/index/index_policy.h"
#include "storage/key_observer.h"
#include "storage/keyspace/access.h"
#include "storage/keyspace/partition.h"
#include "storage/keyspace/position.h"
#include "storage/keyspace/reclaim.h"
#include "storage/log/log_buffer.h"

namespace ringkv::storage {

struct StoreOptions {
  DbIndex databases = 16;
  uint64_t hash_seed = 0;
};

class Store {
 public:
  // `clock` must outlive the store.
  Store(const StoreOptions& options, const Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  DbIndex databases() const { return options_.databases; }
  uint64_t hash_seed() const { return options_.hash_seed; }
  const Clock& clock() const { return clock_; }
  AccessOptions& access_options() { return access_options_; }
  Reclaimer& reclaimer() { return reclaimer_; }
  IndexPolicy& index_policy() { return index_policy_; }
  // Where transactions leave their effects while somebody records.
  LogBuffer& log() { return log_; }
  Partition& partition(size_t index) { return partitions_[index]; }

  // Told of every change; null for nobody. Set before threads run; must outlive the store's use.
  void set_observer(KeyObserver* observer) { observer_ = observer; }
  KeyObserver* observer() const { return observer_; }

 private:
  const StoreOptions options_;
  const Clock& clock_;
  AccessOptions access_options_;
  KeyObserver* observer_ = nullptr;
  Reclaimer reclaimer_;
  IndexPolicy index_policy_;
  LogBuffer log_;
  std::array<Partition, kPartitions> partitions_;
};

}  // namespace ringkv::storage
