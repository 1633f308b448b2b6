// SPDX-License-Identifier: MIT
// The faults of a run, all known before it begins: so one can be left out, to find those that a failure needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ringkv::test {

enum class FaultKind : uint8_t {
  kKill,         // harsh: the machine loses its power
  kKillPrimary,  // likewise
  kKillAtWrite,  // at the so many-th of the next operations on its disk
  kDisconnect,   // harsh: the others do not notice
  kCut,          // nothing passes from this node to the other; harsh: nor back
  kSetClock,     // by so many milliseconds
  kStop,         // the process stands still for so long
  kFailDisk,     // so many operations fail
  kFillDisk,     // the disk is full for so long
  kFlipBit,      // of its files, while the process is restarted
  kFollow,       // the operator lets it follow the other one, whatever that is
  kSave,         // the log is rewritten
  kPromote,
  kHealNetwork,
  kReshape,  // the operator gives slots to other shards; the amount is a seed
};

struct Fault {
  int64_t at_ms = 0;
  FaultKind kind = FaultKind::kKill;
  size_t node = 0;
  size_t other = 0;
  int64_t amount = 0;
  bool is_harsh = false;
};

std::string Show(const Fault& fault);

struct FaultPlan {
  uint64_t seed = 0;  // of everything else
  size_t nodes = 0;
  size_t copies = 1;         // nodes of each shard, in a cluster
  bool has_watches = false;  // likewise: its nodes ask each other whether they are there
  int64_t duration_ms = 0;
  std::vector<Fault> faults;  // in their order
};

// Of these kinds: `always`, and some of `sometimes`, which are others for each seed.
FaultPlan PlanFor(uint64_t seed, size_t nodes, int64_t duration_ms, std::vector<FaultKind> always,
                  std::span<const FaultKind> sometimes);

// The plan without the faults that `fails` does not need, after so many attempts at most.
FaultPlan Shrink(FaultPlan plan, size_t attempts, const std::function<bool(const FaultPlan&)>& fails);

}  // namespace ringkv::test
