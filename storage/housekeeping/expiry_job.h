// SPDX-License-Identifier: MIT
// Active expiry: erases expired keys, and expired fields of hashes, in the background.
//
// Threads: `Step` is confined to the thread that calls it in a loop; a test calls it between its own moves.
#pragma once

#include <cstddef>

#include "storage/transaction/txn.h"

namespace ringkv::storage {

class ExpiryJob {
 public:
  // The number of keys and fields visited under one lock.
  static constexpr size_t kKeysAStep = 128;
  // A partition where a million expire at once takes turns with the others.
  static constexpr size_t kStepsAtOnce = 64;

  explicit ExpiryJob(Store& store) : store_(store), random_(store.placement().seed) {}

  // Sweeps a part of one partition where something may expire. True when a pass over all of those partitions is
  // complete, and nothing is left that is due.
  bool Step();

 private:
  Store& store_;
  Random random_;
  PartitionSet partitions_;         // of the current pass
  size_t partition_ = kPartitions;  // the next one of them; kPartitions: begin a new pass
  size_t steps_ = 0;                // so far, there
  bool has_left_some_ = false;      // of what is due, in this pass
};

}  // namespace ringkv::storage
