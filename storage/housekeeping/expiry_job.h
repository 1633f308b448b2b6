// SPDX-License-Identifier: MIT
// Erases expired keys that nobody asks for.
//
// Threads: `Step` is confined to the thread that calls it in a loop; a test calls it between its own moves.
#pragma once

#include <cstddef>

#include "storage/transaction/txn.h"

namespace ringkv::storage {

class ExpiryJob {
 public:
  // How many keys are looked at under one lock.
  static constexpr size_t kKeysAStep = 128;

  explicit ExpiryJob(Store& store) : store_(store), random_(store.placement().seed) {}

  // Sweeps a part of one partition that has keys with an expiry. True when all of those were passed since the last time
  // this was true.
  bool Step();

 private:
  Store& store_;
  Random random_;
  PartitionSet partitions_;         // of the pass that is under way
  size_t partition_ = kPartitions;  // the next one of them; kPartitions: a pass is to begin
};

}  // namespace ringkv::storage
