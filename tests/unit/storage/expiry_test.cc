// SPDX-License-Identifier: MIT
#include "storage/housekeeping/expiry_job.h"
#include "storage/transaction/totals.h"

#include <map>
#include <random>

#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class Expiry : public StoreFixture {
 protected:
  // One pass over the whole keyspace; returns how many steps it took.
  int Sweep() {
    int steps = 1;
    while (!job_.Step()) ++steps;
    return steps;
  }

  ExpiryJob job_{store_};
};

TEST_F(Expiry, AKeyExpiresAtItsMillisecondForEveryCommand) {
  Put("a", "v", clock_.Now() + 100);
  clock_.Advance(99);
  EXPECT_EQ(Get("a"), "v");
  clock_.Advance(1);
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_EQ(Size().keys, 0u);
  EXPECT_EQ(Statistics().expired, 1u);
}

TEST_F(Expiry, ActiveExpiryDeletesUnusedKeysWithinASecond) {
  for (int i = 0; i < 10'000; ++i) Put("k" + std::to_string(i), "v", clock_.Now() + 1000);
  Put("stays", "v");
  clock_.Advance(999);
  Sweep();
  EXPECT_EQ(Size().keys, 10'001u);
  clock_.Advance(1024);
  Sweep();
  EXPECT_EQ(Size().keys, 1u);
}

TEST_F(Expiry, AStepIsBoundedWhenEverythingExpiresAtOnce) {
  for (int i = 0; i < 100'000; ++i) Put("k" + std::to_string(i), "v", clock_.Now() + 1000);
  clock_.Advance(2000);
  const uint64_t before = Size().keys;
  job_.Step();
  EXPECT_GE(Size().keys, before - ExpiryJob::kKeysAStep);
  Sweep();
  EXPECT_EQ(Size().keys, 0u);
}

TEST_F(Expiry, MoreTimeLessTimeAndNoneAreHonoured) {
  Put("more", "v", clock_.Now() + 1000);
  SetExpiry("more", clock_.Now() + 100'000);
  Put("less", "v", clock_.Now() + 100'000);
  SetExpiry("less", clock_.Now() + 1000);
  Put("none", "v", clock_.Now() + 1000);
  SetExpiry("none", kNoExpiry);
  Put("over", "v", clock_.Now() + 1000);
  Put("over", "w");
  clock_.Advance(3000);
  Sweep();
  EXPECT_EQ(Size().keys, 3u);
  EXPECT_EQ(Get("less"), std::nullopt);
  clock_.Advance(100'000);
  Sweep();
  EXPECT_EQ(Size().keys, 2u);
}

TEST_F(Expiry, FarAwayTimesAreReachedToo) {
  const UnixMs in_forty_years = clock_.Now() + UnixMs{40} * 365 * 86'400'000;
  Put("far", "v", in_forty_years);
  clock_.Advance(UnixMs{20} * 365 * 86'400'000);
  Sweep();
  EXPECT_EQ(Get("far"), "v");
  clock_.Advance(UnixMs{20} * 365 * 86'400'000);
  EXPECT_EQ(Get("far"), std::nullopt);
}

// The same key again and again, with ever shorter lives: what it leaves behind in the queue must not grow.
TEST_F(Expiry, TheQueueDoesNotGrowWithRefreshes) {
  Txn txn(store_, clock_.Now(), random_);
  Put("k", "v", clock_.Now() + 10'000'000);
  const uint64_t before = TableBytes(txn);
  for (int i = 0; i < 100'000; ++i) Put("k", "v", clock_.Now() + 10'000'000 - i * 50);
  EXPECT_LT(TableBytes(txn), before + 4096);
}

TEST_F(Expiry, AgreesWithAModelOverRandomLives) {
  std::mt19937 random(3);
  std::map<std::string, UnixMs> model;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 300; ++i) {
      const std::string key = "k" + std::to_string(random() % 5000);
      const UnixMs expiry = random() % 4 == 0 ? kNoExpiry : clock_.Now() + 1 + random() % 20'000;
      Put(key, "v", expiry);
      model[key] = expiry;
    }
    clock_.Advance(100);
    Sweep();
    std::erase_if(model, [&](const auto& each) { return each.second != kNoExpiry && each.second <= clock_.Now(); });
    // The sweep may be up to a second late, never early.
    ASSERT_GE(Size().keys, model.size());
  }
  clock_.Advance(1024);
  Sweep();
  std::erase_if(model, [&](const auto& each) { return each.second != kNoExpiry && each.second <= clock_.Now(); });
  for (const auto& [key, expiry] : model) ASSERT_TRUE(Get(key)) << key;
}

}  // namespace
}  // namespace ringkv::storage
