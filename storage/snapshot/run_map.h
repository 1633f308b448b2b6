// SPDX-License-Identifier: MIT
// Which LSN each stretch of the hash order was copied at: an effect up to it is in the block already.
//
// Threads: confined.
#pragma once

#include <string_view>
#include <vector>

#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

class RunMap {
 public:
  // No snapshot: nothing is in blocks.
  RunMap() = default;
  // Runs arrive in ascending order while effects do, each run after all effects that were sent before it was copied:
  // what is done to keys of a run that has not come yet is in it when it comes.
  explicit RunMap(const Placement& placement) : placement_(placement), end_(0) {}

  // Takes all runs, in any order. False if they leave a hole or overlap.
  bool Build(std::vector<BlockRun> runs, const Placement& placement);
  // Takes the next run of a growing map. False if it does not begin where the last one ended.
  bool Append(const BlockRun& run);
  bool is_complete() const { return end_ == kPositions; }

  bool IsInBlock(Lsn lsn, std::string_view key) const {
    if (is_complete() && lsn > highest_) return false;
    return lsn <= LsnAt(PositionOf(key, placement_));
  }
  Lsn highest() const { return highest_; }

 private:
  Lsn LsnAt(Position position) const;

  Placement placement_;
  uint64_t end_ = kPositions;   // of what has come
  std::vector<BlockRun> runs_;  // ascending
  Lsn highest_ = 0;
};

}  // namespace ringkv::storage
