// SPDX-License-Identifier: MIT
// Slots that move through faults, from seeds.
#include <gtest/gtest.h>

#include <vector>

#include "tests/simulation/seeded_runs.h"
#include "tests/simulation/sharded_cluster.h"

namespace ringkv::test {
namespace {

FaultPlan PlanOf(uint64_t seed, size_t nodes, const std::vector<FaultKind>& always) {
  constexpr int64_t kFaultsMs = 20'000;
  using enum FaultKind;
  constexpr FaultKind kSometimes[] = {kKill,     kKillAtWrite, kDisconnect, kCut,     kSetClock,   kStop,
                                      kFailDisk, kFillDisk,    kSave,       kReshape, kHealNetwork};
  return PlanFor(seed, nodes, kFaultsMs, always, kSometimes);
}

FaultPlan ClusterPlan(uint64_t seed) {
  FaultPlan plan = PlanOf(seed, seed % 2 == 0 ? 5 : 3, {FaultKind::kReshape, FaultKind::kHealNetwork});
  plan.has_watches = seed % 4 == 0;
  return plan;
}

TEST(SlotSimulation, KeepsItsPromisesThroughFaults) {
  uint64_t acknowledged = 0;
  uint64_t reads = 0;
  uint64_t hand_overs = 0;
  const uint64_t seeds = RunSeeds<ShardedCluster>(ClusterPlan, 1, 200, [&](const ShardedCluster& cluster) {
    acknowledged += cluster.acknowledged();
    reads += cluster.reads();
    hand_overs += cluster.hand_overs();
  });
  if (seeds == 0) return;
  // The faults leave something to lose.
  EXPECT_GT(acknowledged, 100 * seeds);
  EXPECT_GT(reads, 20 * seeds);
  EXPECT_GT(hand_overs, 5 * seeds);
}

FaultPlan ReplicatedPlan(uint64_t seed) {
  using enum FaultKind;
  FaultPlan plan = PlanOf(seed, seed % 2 == 0 ? 6 : 4, {kReshape, kPromote, kHealNetwork});
  plan.copies = 2;
  return plan;
}

TEST(ReplicatedSlotSimulation, KeepsItsPromisesThroughFaults) {
  uint64_t acknowledged = 0;
  uint64_t hand_overs = 0;
  uint64_t promotions = 0;
  const uint64_t seeds = RunSeeds<ShardedCluster>(ReplicatedPlan, 1, 60, [&](const ShardedCluster& cluster) {
    acknowledged += cluster.acknowledged();
    hand_overs += cluster.hand_overs();
    promotions += cluster.promotions();
  });
  if (seeds == 0) return;
  EXPECT_GT(acknowledged, 50 * seeds);
  EXPECT_GT(hand_overs, seeds);
  EXPECT_GT(2 * promotions, seeds);
}

TEST(SlotSimulation, IsTheSameForTheSameSeed) { ExpectTheSameForTheSameSeed<ShardedCluster>(ClusterPlan); }

TEST(SlotSimulation, LeavesNoMemoryBehind) { ExpectNoMemoryLeft<ShardedCluster>(ClusterPlan); }

}  // namespace
}  // namespace ringkv::test
