// SPDX-License-Identifier: MIT
// Replication through faults, from seeds (docs/testing.md). RINGKV_SEEDS says how many, RINGKV_FIRST_SEED where they
// begin. RINGKV_SEED runs one of them and prints what happened.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "tests/simulation/replicated_shard.h"

namespace ringkv::test {
namespace {

constexpr int64_t kFaultsMs = 20'000;

uint64_t NumberIn(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

FaultPlan PlanOf(uint64_t seed) { return PlanFor(seed, seed % 2 == 0 ? 5 : 3, kFaultsMs); }

// The faults that the failure needs, and all that happens in a run with these.
std::string Explain(const FaultPlan& plan) {
  const auto fails = [](const FaultPlan& tried) {
    ReplicatedShard shard(tried);
    shard.Run();
    return !shard.violation().empty();
  };
  const FaultPlan few = Shrink(plan, NumberIn("RINGKV_SHRINK", 300), fails);
  std::string text = std::to_string(few.faults.size()) + " of " + std::to_string(plan.faults.size()) +
                     " faults are enough, within " + std::to_string(few.duration_ms) + " ms:\n";
  for (const Fault& fault : few.faults) text += "  " + Show(fault) + "\n";
  ReplicatedShard traced(few, true);
  traced.Run();
  return text + "It ends so:\n" + traced.timeline().trace();
}

TEST(ReplicationSimulation, KeepsItsPromisesThroughFaults) {
  const uint64_t only = NumberIn("RINGKV_SEED", 0);
  const uint64_t first = only != 0 ? only : NumberIn("RINGKV_FIRST_SEED", 1);
  const uint64_t seeds = only != 0 ? 1 : NumberIn("RINGKV_SEEDS", 300);
  uint64_t acknowledged = 0;
  uint64_t reads = 0;
  uint64_t promotions = 0;
  int64_t simulated_ms = 0;
  const std::clock_t begun = std::clock();
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    ReplicatedShard shard(PlanOf(seed), only != 0);
    shard.Run();
    ASSERT_EQ(shard.violation(), "") << "RINGKV_SEED=" << seed << "\n" << Explain(PlanOf(seed));
    if (only != 0) std::cout << shard.timeline().trace();
    acknowledged += shard.acknowledged();
    reads += shard.reads();
    promotions += shard.promotions();
    simulated_ms += shard.timeline().now();
  }
  const auto took_ms = static_cast<double>(std::clock() - begun) * 1000 / CLOCKS_PER_SEC;
  std::cout << static_cast<double>(simulated_ms) / took_ms << " simulated seconds a second of CPU\n";
  if (only != 0) return;
  // The faults leave something to lose.
  EXPECT_GT(acknowledged, 50 * seeds);
  EXPECT_GT(reads, 10 * seeds);
  EXPECT_GT(2 * promotions, seeds);
}

TEST(ReplicationSimulation, IsTheSameForTheSameSeed) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    ReplicatedShard one(PlanOf(seed));
    ReplicatedShard other(PlanOf(seed), true);
    one.Run();
    other.Run();
    EXPECT_EQ(one.timeline().digest(), other.timeline().digest()) << seed;
    EXPECT_EQ(one.timeline().events_run(), other.timeline().events_run()) << seed;
    ReplicatedShard again(PlanOf(seed), true);
    again.Run();
    EXPECT_EQ(again.timeline().trace(), other.timeline().trace()) << seed;
  }
}

TEST(ReplicationSimulation, LeavesOutTheFaultsThatAFailureDoesNotNeed) {
  const FaultPlan plan = PlanOf(1);
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
