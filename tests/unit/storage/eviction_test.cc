// SPDX-License-Identifier: MIT
#include "storage/keyspace/eviction.h"

#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class Eviction : public StoreFixture {
 protected:
  // Evicts so many keys; returns how many went.
  size_t Evict(EvictionPolicy policy, size_t count) {
    Txn txn(store_, clock_.Now(), random_);
    size_t evicted = 0;
    while (evicted < count && evictor_.EvictOne(txn, policy, 5)) ++evicted;
    return evicted;
  }
  size_t CountThere(const std::string& prefix, int count) {
    size_t there = 0;
    for (int i = 0; i < count; ++i) there += Get(prefix + std::to_string(i)) ? 1 : 0;
    return there;
  }

  Evictor evictor_;
};

TEST_F(Eviction, NoEvictionTakesNothing) {
  Put("a", "v");
  EXPECT_EQ(Evict(EvictionPolicy::kNoEviction, 1), 0u);
}

TEST_F(Eviction, LruTakesMostlyTheOld) {
  for (int i = 0; i < 1000; ++i) Put("old:" + std::to_string(i), "v");
  clock_.Advance(60'000);
  for (int i = 0; i < 1000; ++i) Put("new:" + std::to_string(i), "v");
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysLru, 500), 500u);
  EXPECT_GE(CountThere("new:", 1000), 980u);
}

TEST_F(Eviction, LfuTakesMostlyTheRarelyUsed) {
  store_.access_options().mode = AccessMode::kLeastFrequent;
  for (int i = 0; i < 500; ++i) Put("hot:" + std::to_string(i), "v");
  for (int i = 0; i < 500; ++i) Put("cold:" + std::to_string(i), "v");
  for (int round = 0; round < 50; ++round) CountThere("hot:", 500);
  Evict(EvictionPolicy::kAllKeysLfu, 250);
  EXPECT_GE(CountThere("hot:", 500), 480u);
}

TEST_F(Eviction, VolatilePoliciesLeaveLastingKeysAlone) {
  for (int i = 0; i < 200; ++i) Put("lasting:" + std::to_string(i), "v");
  for (int i = 0; i < 20; ++i) Put("volatile:" + std::to_string(i), "v", clock_.Now() + 1'000'000);
  for (const EvictionPolicy policy : {EvictionPolicy::kVolatileLru, EvictionPolicy::kVolatileLfu,
                                      EvictionPolicy::kVolatileRandom, EvictionPolicy::kVolatileTtl}) {
    EXPECT_EQ(Evict(policy, 5), 5u);
  }
  EXPECT_EQ(Evict(EvictionPolicy::kVolatileRandom, 1), 0u);
  EXPECT_EQ(CountThere("lasting:", 200), 200u);
}

TEST_F(Eviction, VolatileTtlTakesMostlyWhatEndsSoonest) {
  for (int i = 0; i < 300; ++i) Put("soon:" + std::to_string(i), "v", clock_.Now() + 10'000 + i);
  for (int i = 0; i < 300; ++i) Put("late:" + std::to_string(i), "v", clock_.Now() + 10'000'000 + i);
  Evict(EvictionPolicy::kVolatileTtl, 150);
  EXPECT_GE(CountThere("late:", 300), 270u);
}

TEST_F(Eviction, RandomTakesFromEveryDatabase) {
  Put("a", "v", kNoExpiry, 0);
  Put("a", "v", kNoExpiry, 9);
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysRandom, 5), 2u);
  EXPECT_EQ(Statistics().evicted, 2u);
}

}  // namespace
}  // namespace ringkv::storage
