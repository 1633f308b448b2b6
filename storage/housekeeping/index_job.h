// SPDX-License-Identifier: MIT
// Builds the wanted indexes and drops the others, one slice at a time.
//
// Threads: `Step` is confined to the thread that calls it in a loop.
#pragma once

#include "storage/keyspace/store.h"

namespace ringkv::storage {

class IndexJob {
 public:
  explicit IndexJob(Store& store) : store_(store) {}

  // Does one slice of work, with one lock held for well below a millisecond. False if there was no work.
  bool Step();

 private:
  // False if there is no work in this partition.
  bool StepIn(Partition& partition, int64_t now);

  Store& store_;
  size_t partition_ = 0;
};

}  // namespace ringkv::storage
