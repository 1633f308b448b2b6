// SPDX-License-Identifier: MIT
// Replication through faults, from seeds.
#include <gtest/gtest.h>

#include <iterator>
#include <string>

#include "tests/simulation/replicated_shard.h"
#include "tests/simulation/seeded_runs.h"

namespace ringkv::test {
namespace {

FaultPlan ShardPlan(uint64_t seed) {
  constexpr int64_t kFaultsMs = 20'000;
  constexpr size_t kNodes[] = {5, 3, 4, 3};
  using enum FaultKind;
  constexpr FaultKind kSometimes[] = {kKill,     kKillPrimary, kKillAtWrite, kDisconnect, kCut,
                                      kSetClock, kStop,        kFailDisk,    kFillDisk,   kFlipBit,
                                      kFollow,   kSave,        kPromote,     kHealNetwork};
  return PlanFor(seed, kNodes[seed % std::size(kNodes)], kFaultsMs, {kPromote, kHealNetwork}, kSometimes);
}

TEST(ReplicationSimulation, KeepsItsPromisesThroughFaults) {
  uint64_t acknowledged = 0;
  uint64_t reads = 0;
  uint64_t promotions = 0;
  const uint64_t seeds = RunSeeds<ReplicatedShard>(ShardPlan, 1, 300, [&](const ReplicatedShard& shard) {
    acknowledged += shard.acknowledged();
    reads += shard.reads();
    promotions += shard.promotions();
  });
  if (seeds == 0) return;
  // The faults leave something to lose.
  EXPECT_GT(acknowledged, 50 * seeds);
  EXPECT_GT(reads, 10 * seeds);
  EXPECT_GT(2 * promotions, seeds);
}

std::string ViolationOf(uint64_t seed) {
  ReplicatedShard shard(ShardPlan(seed));
  shard.Run();
  return shard.violation();
}

// The primary is told to follow a replica when no other node has its data: one is in the midst of a snapshot, the other
// one has lost its disk; or nobody has written anything yet.
TEST(ReplicationSimulation, APrimaryThatFollowsByMistakeLeadsAgain) {
  for (const uint64_t seed : {565, 4079}) EXPECT_EQ(ViolationOf(seed), "") << seed;
}

// A node is killed when its data set was replaced, and the new one was not in its files.
TEST(ReplicationSimulation, ANodeThatDoesNotKnowWhichDataItHasIsNotAsked) {
  for (const uint64_t seed : {631, 13'077}) EXPECT_EQ(ViolationOf(seed), "") << seed;
}

TEST(ReplicationSimulation, IsTheSameForTheSameSeed) { ExpectTheSameForTheSameSeed<ReplicatedShard>(ShardPlan); }

TEST(ReplicationSimulation, LeavesNoMemoryBehind) { ExpectNoMemoryLeft<ReplicatedShard>(ShardPlan); }

TEST(ReplicationSimulation, LeavesOutTheFaultsThatAFailureDoesNotNeed) {
  const FaultPlan plan = ShardPlan(1);
  ASSERT_GT(plan.faults.size(), 4u);
  const int64_t one = plan.faults[1].at_ms;
  const int64_t other = plan.faults[3].at_ms;
  const FaultPlan few = Shrink(plan, 1000, [&](const FaultPlan& tried) {
    size_t found = 0;
    for (const Fault& fault : tried.faults) found += fault.at_ms == one || fault.at_ms == other;
    return found == 2;
  });
  ASSERT_EQ(few.faults.size(), 2u);
  EXPECT_EQ(few.faults[0].at_ms, one);
  EXPECT_EQ(few.faults[1].at_ms, other);
}

}  // namespace
}  // namespace ringkv::test
