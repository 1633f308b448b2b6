// SPDX-License-Identifier: MIT
#include "storage/snapshot/run_map.h"

#include <algorithm>

namespace ringkv::storage {

bool RunMap::Build(std::vector<BlockRun> runs, const Placement& placement) {
  std::sort(runs.begin(), runs.end(), [](const BlockRun& a, const BlockRun& b) { return a.first < b.first; });
  *this = RunMap(placement);
  for (const BlockRun& run : runs) {
    if (!Append(run)) return false;
  }
  return is_complete();
}

bool RunMap::Append(const BlockRun& run) {
  if (run.first != end_ || run.end <= run.first) return false;
  // Adjacent runs with the same LSN, as all have without writes, are merged.
  if (!runs_.empty() && runs_.back().lsn == run.lsn) {
    runs_.back().end = run.end;
  } else {
    runs_.push_back(run);
  }
  end_ = run.end;
  highest_ = std::max(highest_, run.lsn);
  return true;
}

Lsn RunMap::LsnAt(Position position) const {
  if (position.value >= end_) return UINT64_MAX;
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), position.value,
                                       [](uint64_t value, const BlockRun& run) { return value < run.first; });
  return std::prev(behind)->lsn;
}

}  // namespace ringkv::storage
