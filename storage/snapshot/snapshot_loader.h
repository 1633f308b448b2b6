// SPDX-License-Identifier: MIT
// Puts the blocks of a snapshot into an empty store, with several threads.
#pragma once

#include <functional>
#include <vector>

#include "storage/snapshot/snapshot_reader.h"
#include "storage/store.h"

namespace ringkv::storage {

// Which LSN each stretch of the hash order was copied at: an effect up to it is in the block already.
class RunMap {
 public:
  // Takes the runs in any order. False if they leave a hole or overlap.
  bool Build(std::vector<BlockRun> runs);
  // 0 without a snapshot.
  Lsn LsnAt(Position position) const;
  Lsn highest() const { return highest_; }

 private:
  std::vector<BlockRun> runs_;  // ascending
  Lsn highest_ = 0;
};

// `progress` is called now and then, in the calling thread, with the share that is done. The store holds a part of the
// keys after an error.
using LoadProgress = std::function<void(double)>;
Result<RunMap> LoadBlocks(const SnapshotReader& snapshot, Store& store, size_t threads, const LoadProgress& progress);

}  // namespace ringkv::storage
