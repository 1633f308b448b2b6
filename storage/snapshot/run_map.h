// SPDX-License-Identifier: MIT
// The LSN at which each stretch of the hash order was copied: effects up to it are in the block already.
//
// Threads: confined.
#pragma once

#include <string_view>
#include <vector>

#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

class RunMap {
 public:
  // Without a snapshot.
  RunMap() = default;
  // Runs arrive in ascending order between effects, each run after all effects that precede its copy. So effects on
  // keys of runs that have not arrived yet can be dropped.
  explicit RunMap(const Placement& placement) : placement_(placement), end_(0) {}

  // Takes all runs, in any order. False if they leave a gap or overlap.
  bool Build(std::vector<BlockRun> runs, const Placement& placement);
  // Adds the next run of a growing map. False if it does not begin at the end of the last one.
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
  uint64_t end_ = kPositions;   // of the runs that have arrived
  std::vector<BlockRun> runs_;  // ascending
  Lsn highest_ = 0;
};

}  // namespace ringkv::storage
