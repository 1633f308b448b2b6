// SPDX-License-Identifier: MIT
// Active expiry: erases expired keys in the background.
//
// Threads: `Step` is confined to the thread that calls it in a loop; a test calls it between its own moves.
#pragma once

#include <cstddef>

#include "storage/transaction/txn.h"

namespace ringkv::storage {

class ExpiryJob {
 public:
  // The number of keys visited under one lock.
  static constexpr size_t kKeysAStep = 128;

  explicit ExpiryJob(Store& store) : store_(store), random_(store.placement().seed) {}

  // Sweeps a part of one partition that has keys with an expiry. True when a pass over all of those partitions is
  // complete.
  bool Step();

 private:
  Store& store_;
  Random random_;
  PartitionSet partitions_;         // of the current pass
  size_t partition_ = kPartitions;  // the next one of them; kPartitions: begin a new pass
};

}  // namespace ringkv::storage
