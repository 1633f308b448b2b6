// SPDX-License-Identifier: MIT
// Failover through etcd, with faults, from seeds.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/simulation/elected_shard.h"
#include "tests/simulation/seeded_runs.h"

namespace ringkv::test {
namespace {

// kFollow: all watches end; kPromote: nodes are cut off from etcd, or it has no majority; kReshape: the primary hands
// over.
FaultPlan ElectedPlan(uint64_t seed) {
  constexpr int64_t kFaultsMs = 40'000;
  using enum FaultKind;
  constexpr FaultKind kSometimes[] = {kKill,     kKillAtWrite, kDisconnect, kCut,    kSetClock, kStop,
                                      kFailDisk, kFillDisk,    kFlipBit,    kFollow, kSave,     kReshape};
  return PlanFor(seed, seed % 2 == 0 ? 5 : 3, kFaultsMs, {kKillPrimary, kPromote, kHealNetwork}, kSometimes);
}

TEST(FailoverSimulation, KeepsItsPromisesThroughFaults) {
  uint64_t acknowledged = 0;
  uint64_t reads = 0;
  uint64_t elections = 0;
  double calls_per_second = 0;
  const uint64_t seeds = RunSeeds<ElectedShard>(ElectedPlan, 1, 200, [&](const ElectedShard& shard) {
    acknowledged += shard.acknowledged();
    reads += shard.reads();
    elections += shard.elections();
    calls_per_second += shard.calls_per_second();
  });
  if (seeds == 0) return;
  std::cout << acknowledged << " acknowledged writes, " << reads << " reads, " << elections << " elections, "
            << calls_per_second / static_cast<double>(seeds) << " calls of etcd a second in peace\n";
  // The faults leave something to lose.
  EXPECT_GT(acknowledged, 50 * seeds);
  EXPECT_GT(reads, 10 * seeds);
  EXPECT_GT(elections, 2 * seeds);
  EXPECT_LE(calls_per_second, 2 * static_cast<double>(seeds));
}

TEST(FailoverSimulation, IsTheSameForTheSameSeed) { ExpectTheSameForTheSameSeed<ElectedShard>(ElectedPlan); }

TEST(FailoverSimulation, LeavesNoMemoryBehind) { ExpectNoMemoryLeft<ElectedShard>(ElectedPlan); }

}  // namespace
}  // namespace ringkv::test
