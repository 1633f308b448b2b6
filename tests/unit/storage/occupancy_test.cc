// SPDX-License-Identifier: MIT
// A look at a database costs what is in it: partitions without its keys are left alone.
#include "storage/keyspace/occupancy.h"

#include <chrono>
#include <functional>
#include <future>

#include "storage/edit/mutable_entry.h"
#include "storage/housekeeping/eviction.h"
#include "storage/housekeeping/expiry_job.h"
#include "storage/transaction/search.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class OccupancyTest : public StoreFixture {
 protected:
  size_t PartitionOf(std::string_view key) { return PositionOf(key, store_.placement()).partition(); }

  // Runs in another thread while all partitions but one are locked. False if it waits for one of them.
  bool RunsWithAllLockedBut(size_t free, const std::function<void()>& look) NO_THREAD_SAFETY_ANALYSIS {
    for (size_t i = 0; i < kPartitions; ++i) {
      if (i != free) store_.partition(i).mutex.Lock();
    }
    std::future<void> done = std::async(std::launch::async, look);
    const bool is_done = done.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
    for (size_t i = 0; i < kPartitions; ++i) {
      if (i != free) store_.partition(i).mutex.Unlock();
    }
    return is_done;
  }
};

TEST_F(OccupancyTest, LooksAtADatabaseLeavePartitionsWithoutItsKeysAlone) {
  for (int i = 0; i < 1000; ++i) Put("other:" + std::to_string(i), "v", clock_.Now() + 1000, 1);
  Put("key", "v", clock_.Now() + 100'000);
  const auto look = [&] {
    Random random(7);
    Txn txn(store_, clock_.Now(), random);
    size_t seen = 0;
    EXPECT_EQ(SizeOf(txn, 0).keys, 1u);
    EXPECT_EQ(SizeOf(txn, 2).keys, 0u);
    EXPECT_EQ(Walk(txn, 0, 0, 10, [&](const Entry&) { ++seen; }), 0u);
    EXPECT_EQ(Search(txn, 0, ParseKeyPattern("k*"), 0, 10, [&](const Entry&) { ++seen; }), 0u);
    Sample(txn, 0, 1, false, [&](Position, const Entry&) { ++seen; });
    Sample(txn, 0, 1, true, [&](Position, const Entry&) { ++seen; });
    EXPECT_EQ(seen, 4u);
  };
  EXPECT_TRUE(RunsWithAllLockedBut(PartitionOf("key"), look));
}

TEST_F(OccupancyTest, ExpiryLeavesPartitionsWithoutVolatileKeysAlone) {
  for (int i = 0; i < 1000; ++i) Put("lasting:" + std::to_string(i), "v");
  Put("key", "v", clock_.Now() + 1000);
  clock_.Advance(3000);
  const auto look = [&] {
    ExpiryJob job(store_);
    EXPECT_TRUE(job.Step());
    EXPECT_TRUE(job.Step()) << "there are none any more";
  };
  EXPECT_TRUE(RunsWithAllLockedBut(PartitionOf("key"), look));
  EXPECT_EQ(Size().keys, 1000u);
}

TEST_F(OccupancyTest, EvictionLeavesEmptyDatabasesAlone) {
  Put("key", "v", clock_.Now() + 100'000);
  const auto look = [&] {
    Random random(7);
    Txn txn(store_, clock_.Now(), random);
    Evictor evictor;
    EXPECT_TRUE(evictor.EvictOne(txn, EvictionPolicy::kVolatileTtl, 5));
    EXPECT_FALSE(evictor.EvictOne(txn, EvictionPolicy::kVolatileTtl, 5));
    EXPECT_FALSE(evictor.EvictOne(txn, EvictionPolicy::kAllKeysLru, 5));
    EXPECT_FALSE(evictor.EvictOne(txn, EvictionPolicy::kAllKeysRandom, 5));
  };
  EXPECT_TRUE(RunsWithAllLockedBut(PartitionOf("key"), look));
}

TEST_F(OccupancyTest, FollowsEveryWayInWhichKeysComeAndGo) {
  const size_t partition = PartitionOf("key");
  const auto holds = [&](DbIndex db) { return store_.occupancy().With(db).Contains(partition); };
  const auto holds_volatile = [&](DbIndex db) { return store_.occupancy().With(db, true).Contains(partition); };
  EXPECT_FALSE(holds(0));
  Put("key", "v");
  EXPECT_TRUE(holds(0));
  EXPECT_FALSE(holds_volatile(0));
  SetExpiry("key", clock_.Now() + 1000);
  EXPECT_TRUE(holds_volatile(0));
  Put("key", "v");
  EXPECT_FALSE(holds_volatile(0));
  Put("key", "w", clock_.Now() + 1000);
  EXPECT_TRUE(holds_volatile(0));
  {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockAll();
    txn.SwapDatabases(0, 3);
  }
  EXPECT_FALSE(holds(0) || holds_volatile(0));
  EXPECT_TRUE(holds(3) && holds_volatile(3));
  EXPECT_EQ(Size(3).keys, 1u);
  clock_.Advance(2000);
  EXPECT_EQ(Get("key", 3), std::nullopt);
  EXPECT_FALSE(holds(3) || holds_volatile(3));
  Put("key", "v", kNoExpiry, 5);
  EXPECT_TRUE(holds(5));
  {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockAll();
    txn.FlushDatabase(5);
  }
  EXPECT_FALSE(holds(5));
  EXPECT_FALSE(store_.occupancy().IsUsed(5));
}

TEST_F(OccupancyTest, EachOfTwoKeysIsPickedAsOften) {
  Put("a", "v");
  Put("b", "v");
  size_t picked_a = 0;
  Txn txn(store_, clock_.Now(), random_);
  for (int i = 0; i < 2000; ++i) {
    Sample(txn, 0, 1, false, [&](Position, const Entry& entry) { picked_a += entry.key() == "a" ? 1 : 0; });
  }
  EXPECT_GT(picked_a, 800u);
  EXPECT_LT(picked_a, 1200u);
}

TEST_F(OccupancyTest, EachOfManyKeysIsPickedAsOften) {
  constexpr size_t kKeys = 100;
  constexpr size_t kDraws = 100'000;
  Table table(store_.prefixes());
  std::map<std::string, size_t> picked;
  for (size_t i = 0; i < kKeys; ++i) {
    const std::string key = "key:" + std::to_string(i);
    table.Insert(static_cast<uint32_t>(random_.Next()),
                 MutableEntry::Create(key, "v", kNoExpiry, StringForm::kPlain, 0));
    picked[key] = 0;
  }
  for (size_t i = 0; i < kDraws; ++i) {
    table.Sample(random_, 1, false, [&](const Cell& cell) { ++picked[std::string(cell.entry()->key())]; });
  }
  double chi_squared = 0;
  for (const auto& [key, count] : picked) {
    const double off = static_cast<double>(count) - double{kDraws} / kKeys;
    chi_squared += off * off * kKeys / kDraws;
  }
  EXPECT_LT(chi_squared, 160) << "99 degrees of freedom: above 160 by chance once in 10,000 times";
}

TEST_F(OccupancyTest, WhatLooksAtEmptyPartitionsDependsOnTheGroupsThatEmptiedThem) {
  store_.log().BeginRecording();
  Put("a", "v");
  Delete("a");
  const Lsn last = store_.log().appended();
  ASSERT_GT(last, 0u);
  const auto expect_dependence = [&](const std::function<void(Txn&)>& look) {
    Txn txn(store_, clock_.Now(), random_);
    look(txn);
    EXPECT_EQ(txn.depends_on(), last);
  };
  expect_dependence([](Txn& txn) { EXPECT_EQ(SizeOf(txn, 0).keys, 0u); });
  expect_dependence([](Txn& txn) { EXPECT_EQ(Walk(txn, 0, 0, 10, [](const Entry&) {}), 0u); });
  expect_dependence([](Txn& txn) { Sample(txn, 0, 1, false, [](Position, const Entry&) {}); });
}

TEST_F(OccupancyTest, TheAverageTimeToLiveIsExact) {
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 0);
  Put("lasting", "v");
  Put("a", "v", clock_.Now() + 1000);
  Put("b", "v", clock_.Now() + 3000);
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 2000);
  SetExpiry("a", clock_.Now() + 5000);
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 4000);
  Put("b", "longer than it was before", clock_.Now() + 7000);
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 6000);
  SetExpiry("b", kNoExpiry);
  EXPECT_EQ(Size().AverageTtl(clock_.Now() + 1000), 4000);
  Put("c", "v", INT64_MAX);
  Put("d", "v", INT64_MAX - 1);
  EXPECT_GT(Size().AverageTtl(clock_.Now()), INT64_MAX / 2);
  Delete("c");
  Delete("d");
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 5000);
  EXPECT_EQ(Size().AverageTtl(clock_.Now() + 60'000), 0) << "expired, and not yet erased";
  Delete("a");
  EXPECT_EQ(Size().AverageTtl(clock_.Now()), 0);
}

}  // namespace
}  // namespace ringkv::storage
