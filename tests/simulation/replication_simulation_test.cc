// SPDX-License-Identifier: MIT
// Replication through faults, from seeds (docs/testing.md). RINGKV_SEED runs one of them and prints what happened;
// RINGKV_SEEDS says how many.
#include <gtest/gtest.h>

#include <cstdlib>
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

TEST(ReplicationSimulation, KeepsItsPromisesThroughFaults) {
  const uint64_t only = NumberIn("RINGKV_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : NumberIn("RINGKV_SEEDS", 100);
  uint64_t acknowledged = 0;
  uint64_t promotions = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    ReplicatedShard shard(seed, seed % 4 == 0 ? 5 : 3);
    shard.Run(kFaultsMs);
    ASSERT_EQ(shard.violation(), "") << "RINGKV_SEED=" << seed << "\n" << shard.timeline().trace();
    if (only != 0) std::cout << shard.timeline().trace();
    acknowledged += shard.acknowledged();
    promotions += shard.promotions();
  }
  if (only != 0) return;
  // The faults leave something to lose.
  EXPECT_GT(acknowledged, 50 * (last - first + 1));
  EXPECT_GT(2 * promotions, last - first + 1);
}

TEST(ReplicationSimulation, IsTheSameForTheSameSeed) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ReplicatedShard one(seed, 3);
    ReplicatedShard other(seed, 3);
    one.Run(kFaultsMs);
    other.Run(kFaultsMs);
    EXPECT_EQ(one.timeline().digest(), other.timeline().digest()) << seed;
    EXPECT_EQ(one.timeline().events_run(), other.timeline().events_run()) << seed;
  }
}

}  // namespace
}  // namespace ringkv::test
