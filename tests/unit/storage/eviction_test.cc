// SPDX-License-Identifier: MIT
#include "storage/housekeeping/eviction.h"

#include "storage/base/allocator.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class EvictionTest : public StoreFixture {
 protected:
  // Evicts so many keys; returns how many went.
  size_t Evict(EvictionPolicy policy, size_t count, size_t samples = 5) {
    Txn txn(store_, clock_.Now(), random_);
    size_t evicted = 0;
    while (evicted < count && evictor_.EvictOne(txn, policy, samples)) ++evicted;
    return evicted;
  }
  size_t CountThere(const std::string& prefix, int count) {
    size_t there = 0;
    for (int i = 0; i < count; ++i) there += Get(prefix + std::to_string(i)) ? 1 : 0;
    return there;
  }

  bool Exists(const std::string& key) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    return bool(txn.Find(0, key, Intent::kCheck));
  }

  Evictor evictor_;
};

TEST_F(EvictionTest, NoEvictionTakesNothing) {
  Put("a", "v");
  EXPECT_EQ(Evict(EvictionPolicy::kNoEviction, 1), 0u);
}

TEST_F(EvictionTest, LruTakesMostlyTheOld) {
  for (int i = 0; i < 1000; ++i) Put("old:" + std::to_string(i), "v");
  clock_.Advance(60'000);
  for (int i = 0; i < 1000; ++i) Put("new:" + std::to_string(i), "v");
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysLru, 500), 500u);
  EXPECT_GE(CountThere("new:", 1000), 980u);
}

TEST_F(EvictionTest, LfuTakesMostlyTheRarelyUsed) {
  store_.access_options().mode = AccessMode::kLeastFrequent;
  for (int i = 0; i < 500; ++i) Put("hot:" + std::to_string(i), "v");
  for (int i = 0; i < 500; ++i) Put("cold:" + std::to_string(i), "v");
  for (int round = 0; round < 50; ++round) CountThere("hot:", 500);
  Evict(EvictionPolicy::kAllKeysLfu, 250);
  EXPECT_GE(CountThere("hot:", 500), 480u);
}

TEST_F(EvictionTest, VolatilePoliciesLeaveLastingKeysAlone) {
  for (int i = 0; i < 200; ++i) Put("lasting:" + std::to_string(i), "v");
  for (int i = 0; i < 20; ++i) Put("volatile:" + std::to_string(i), "v", clock_.Now() + 1'000'000);
  for (const EvictionPolicy policy : {EvictionPolicy::kVolatileLru, EvictionPolicy::kVolatileLfu,
                                      EvictionPolicy::kVolatileRandom, EvictionPolicy::kVolatileTtl}) {
    EXPECT_EQ(Evict(policy, 5), 5u);
  }
  EXPECT_EQ(Evict(EvictionPolicy::kVolatileRandom, 1), 0u);
  EXPECT_EQ(CountThere("lasting:", 200), 200u);
}

TEST_F(EvictionTest, VolatileTtlMostlyEvictsTheShortestTtl) {
  for (int i = 0; i < 300; ++i) Put("soon:" + std::to_string(i), "v", clock_.Now() + 10'000 + i);
  for (int i = 0; i < 300; ++i) Put("late:" + std::to_string(i), "v", clock_.Now() + 10'000'000 + i);
  Evict(EvictionPolicy::kVolatileTtl, 150);
  EXPECT_GE(CountThere("late:", 300), 270u);
}

TEST_F(EvictionTest, VolatileTtlFollowsChangesOfTheExpiry) {
  for (int i = 0; i < 200; ++i) Put("a:" + std::to_string(i), "v", clock_.Now() + 10'000, static_cast<DbIndex>(i % 3));
  for (int i = 0; i < 200; ++i) Put("b:" + std::to_string(i), "v", clock_.Now() + 20'000);
  for (int i = 0; i < 100; ++i) Put("c:" + std::to_string(i), "v", clock_.Now() + 5'000);
  for (int i = 0; i < 100; ++i) SetExpiry("c:" + std::to_string(i), clock_.Now() + 900'000);
  for (int i = 0; i < 100; ++i) Put("d:" + std::to_string(i), "v", clock_.Now() + 900'000);
  for (int i = 0; i < 100; ++i) SetExpiry("d:" + std::to_string(i), clock_.Now() + 1'000);
  for (int i = 0; i < 50; ++i) Delete("d:" + std::to_string(i));
  EXPECT_EQ(Evict(EvictionPolicy::kVolatileTtl, 450), 450u);
  EXPECT_LE(CountThere("d:", 100), 5u);
  EXPECT_GE(CountThere("c:", 100), 80u);
  EXPECT_EQ(Evict(EvictionPolicy::kVolatileTtl, 200), 100u);
  EXPECT_EQ(Statistics().evicted, 550u);
}

TEST_F(EvictionTest, VolatileTtlComesNearTheOrderOfExpiries) {
  constexpr int kKeys = 20'000;
  for (int i = 0; i < kKeys; ++i) Put("key:" + std::to_string(i), "v", clock_.Now() + 10'000 + i * 1000);
  EXPECT_EQ(Evict(EvictionPolicy::kVolatileTtl, kKeys / 2), size_t{kKeys / 2});
  size_t late = 0;
  for (int i = kKeys * 6 / 10; i < kKeys; ++i) late += Get("key:" + std::to_string(i)) ? 1 : 0;
  EXPECT_GE(late, size_t{kKeys * 4 / 10 - kKeys / 100});
}

TEST_F(EvictionTest, AFewVolatileKeysAreFoundAmongManyLasting) {
  for (int i = 0; i < 5000; ++i) Put("lasting:" + std::to_string(i), "v");
  for (const EvictionPolicy policy : {EvictionPolicy::kVolatileLru, EvictionPolicy::kVolatileLfu,
                                      EvictionPolicy::kVolatileRandom, EvictionPolicy::kVolatileTtl}) {
    for (int i = 0; i < 3; ++i) Put("volatile:" + std::to_string(i), "v", clock_.Now() + 1'000'000);
    EXPECT_EQ(Evict(policy, 4), 3u);
  }
  EXPECT_EQ(Size().keys, 5000u);
}

TEST_F(EvictionTest, KeysUsedSinceSamplingAreNotEvicted) {
  for (int i = 0; i < 10; ++i) Put("old:" + std::to_string(i), "v");
  clock_.Advance(60'000);
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysLru, 1, 100), 1u);
  // The others are candidates now.
  int left = -1;
  for (int i = 0; i < 10; ++i) {
    if (left < 0 && Exists("old:" + std::to_string(i))) {
      left = i;
    } else {
      Get("old:" + std::to_string(i));
    }
  }
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysLru, 1, 100), 1u);
  EXPECT_FALSE(Exists("old:" + std::to_string(left)));
  EXPECT_EQ(Size().keys, 8u);
}

TEST_F(EvictionTest, MemoryPendingReclaimCausesNoEviction) {
  store_.reclaimer().Start();
  const std::string value(4 << 20, 'x');
  for (int i = 0; i < 10; ++i) Put("key:" + std::to_string(i), value);
  Txn txn(store_, clock_.Now(), random_);
  const MemoryLimit limit{.bytes = UsedMemory() - (6 << 20), .policy = EvictionPolicy::kAllKeysRandom};
  EXPECT_EQ(evictor_.MakeRoom(txn, limit, [] { return true; }), Eviction::kDone);
  EXPECT_EQ(Size().keys, 8u);
  store_.reclaimer().Stop();
}

TEST_F(EvictionTest, AFlushedDatabaseThatIsBeingFreedCausesNoEviction) {
  const std::string value(1000, 'x');
  for (int i = 0; i < 20'000; ++i) Put("key:" + std::to_string(i), value);
  const MemoryLimit limit{.bytes = UsedMemory(), .policy = EvictionPolicy::kAllKeysRandom};
  store_.reclaimer().Start();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  txn.FlushDatabase(0);
  txn.Unlock();
  for (int i = 0; i < 1000; ++i) {
    Put("new:" + std::to_string(i), value);
    evictor_.MakeRoom(txn, limit, [] { return true; });
  }
  EXPECT_EQ(Size().keys, 1000u);
  store_.reclaimer().Stop();
}

TEST_F(EvictionTest, PendingMemoryOfManyDatabasesIsAtMostTheirMemory) {
  const std::string value(1000, 'x');
  for (int i = 0; i < 32'000; ++i) Put("key:" + std::to_string(i), value, kNoExpiry, static_cast<DbIndex>(i % 16));
  const uint64_t used = UsedMemory();
  store_.reclaimer().Start();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  for (DbIndex db = 0; db < 16; ++db) txn.FlushDatabase(db);
  EXPECT_LE(store_.reclaimer().pending_bytes(), used + used / 10);
  txn.Unlock();
  store_.reclaimer().Stop();
  EXPECT_EQ(store_.reclaimer().pending_bytes(), 0u);
}

TEST_F(EvictionTest, RandomTakesFromEveryDatabase) {
  Put("a", "v", kNoExpiry, 0);
  Put("a", "v", kNoExpiry, 9);
  EXPECT_EQ(Evict(EvictionPolicy::kAllKeysRandom, 5), 2u);
  EXPECT_EQ(Statistics().evicted, 2u);
}

}  // namespace
}  // namespace ringkv::storage
