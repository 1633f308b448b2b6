// SPDX-License-Identifier: MIT
// Builds the indexes that are wanted and drops the others, a slice at a time.
//
// Threads: `Step` is confined to the thread that calls it in a loop.
#pragma once

#include "storage/keyspace/store.h"

namespace ringkv::storage {

class IndexJob {
 public:
  explicit IndexJob(Store& store) : store_(store) {}

  // Does a slice of what there is to do, holding one lock for well below a millisecond. False if there was nothing.
  bool Step();

 private:
  // False if there is nothing to do in this partition.
  bool StepIn(Partition& partition, int64_t now);

  Store& store_;
  size_t partition_ = 0;
};

}  // namespace ringkv::storage
