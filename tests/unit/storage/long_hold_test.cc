// SPDX-License-Identifier: MIT
// Partitions that are held for long: who waits for them, and who does not.
#include <atomic>
#include <condition_variable>
#include <future>
#include <string>
#include <thread>

#include "storage/housekeeping/eviction.h"
#include "storage/housekeeping/expiry_job.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

using std::chrono::seconds;

// Counts what it is told.
struct HoldListener : LongHoldListener {
  void LongHoldBegan() override { ++began; }
  void LongHoldOverdue() override { ++overdue; }
  void LongHoldEnded() override { ++ended; }
  std::atomic<int> began{0};
  std::atomic<int> overdue{0};
  std::atomic<int> ended{0};
};

class LongHoldTest : public StoreFixture {
 protected:
  LongHoldTest() { store_.long_holds().set_listener(&listener_); }

  size_t PartitionOf(std::string_view key) { return PositionOf(key, store_.placement()).partition(); }
  // Two keys, the first in a lower partition.
  std::pair<std::string, std::string> TwoKeys() {
    std::string low = "a";
    std::string high = "b";
    for (int i = 0; PartitionOf(low) >= PartitionOf(high); ++i) high = "b" + std::to_string(i);
    return {low, high};
  }

  // A key in another partition.
  std::string KeyElsewhere(std::string_view key) {
    std::string other = "a";
    for (int i = 0; PartitionOf(other) == PartitionOf(key); ++i) other = "a" + std::to_string(i);
    return other;
  }

  // As long as it takes.
  void LockBoth(const std::pair<std::string, std::string>& keys, Random& random) {
    Txn txn(store_, 0, random);
    txn.AddKey(keys.first);
    txn.AddKey(keys.second);
    txn.LockAdded();
  }

  HoldListener listener_;
  Txn holder_{store_, 0, random_};
};

TEST_F(LongHoldTest, AMutexWakesThoseWhoDoNotWaitForALongHold) {
  LongHoldMutex mutex;
  mutex.Lock();
  std::future<bool> impatient = std::async(std::launch::async, [&]() NO_THREAD_SAFETY_ANALYSIS {
    const bool locked = mutex.Lock(false);
    if (locked) mutex.Unlock();
    return locked;
  });
  std::future<void> patient = std::async(std::launch::async, [&] { LongHoldMutexLock lock(mutex); });
  mutex.Mark(Hold::kLong);
  EXPECT_FALSE(impatient.get());
  EXPECT_EQ(patient.wait_for(seconds(0)), std::future_status::timeout);
  mutex.Unlock();
  patient.get();
  EXPECT_EQ(mutex.hold(), Hold::kShort);
  const bool is_free = mutex.TryLock();
  EXPECT_TRUE(is_free);
  if (is_free) mutex.Unlock();
}

TEST_F(LongHoldTest, LocksOfClientsFailAndLeaveNothingBehind) {
  const auto [low, high] = TwoKeys();
  Txn txn(store_, 0, random_);
  holder_.LockKey(high);
  holder_.HoldForLong();
  EXPECT_FALSE(txn.LockKey(high, false));
  EXPECT_FALSE(txn.LockAll(false));
  txn.AddKey(low);
  txn.AddKey(high);
  EXPECT_FALSE(txn.LockAdded(false));
  EXPECT_FALSE(txn.holds_any());
  EXPECT_FALSE(txn.LockPartition(PartitionOf(high), false));
  EXPECT_TRUE(txn.LockKey(low, false));
  txn.Unlock();
  holder_.Unlock();
  EXPECT_TRUE(txn.LockAll(false));
}

TEST_F(LongHoldTest, WhoWaitsForALongHoldHoldsNothingMeanwhile) {
  const auto keys = TwoKeys();
  const auto& [low, high] = keys;
  holder_.LockKey(high);
  std::future<void> waits = std::async(std::launch::async, [&] {
    Random random(2);
    LockBoth(keys, random);
  });
  holder_.HoldForLong();
  Get(low);  // would wait for ever
  EXPECT_EQ(waits.wait_for(seconds(0)), std::future_status::timeout);
  holder_.Unlock();
  waits.get();
}

// Else a thread of clients that wants the right, and has a suspended holder to go on with, would wait for ever.
TEST_F(LongHoldTest, WhoWaitsForALongHoldWithTheRightHoldsThatForLong) {
  const auto [low, high] = TwoKeys();
  for (const bool locks_several : {false, true}) {
    holder_.LockKey(high);
    holder_.HoldForLong();
    std::future<void> waits = std::async(std::launch::async, [&, first = low, second = high] {
      Random random(2);
      Txn txn(store_, 0, random);
      EXPECT_TRUE(txn.TryBeginIrrevocable());
      if (locks_several) txn.AddKey(first);
      if (locks_several) txn.AddKey(second);
      EXPECT_TRUE(locks_several ? txn.LockAdded() : txn.LockKey(second));
    });
    while (store_.long_holds().right_to_wait().hold() == Hold::kShort) std::this_thread::yield();
    Txn of_client(store_, 0, random_);
    of_client.set_skips_held(true);
    EXPECT_FALSE(of_client.TryBeginIrrevocable());
    holder_.Unlock();
    waits.get();
  }
}

TEST_F(LongHoldTest, AThreadWithoutClientsWaitsForTheRight) {
  ASSERT_TRUE(holder_.TryBeginIrrevocable());
  holder_.HoldForLong();
  std::future<bool> waits = std::async(std::launch::async, [&] {
    Random random(2);
    Txn txn(store_, 0, random);
    return txn.TryBeginIrrevocable();
  });
  EXPECT_EQ(waits.wait_for(seconds(0)), std::future_status::timeout);
  holder_.Unlock();
  EXPECT_TRUE(waits.get());
}

TEST_F(LongHoldTest, TheListenerIsToldOfEachHold) {
  holder_.HoldForLong();  // of nothing yet
  holder_.HoldForLong();
  EXPECT_EQ(listener_.began, 1);
  EXPECT_EQ(holder_.LockMore("key"), MoreLocks::kLocked);
  EXPECT_EQ(store_.partition(PartitionOf("key")).mutex.hold(), Hold::kLong);
  holder_.HoldForLong(Hold::kOverdue);
  holder_.HoldForLong(Hold::kLong);
  EXPECT_EQ(store_.partition(PartitionOf("key")).mutex.hold(), Hold::kOverdue);
  EXPECT_EQ(listener_.overdue, 1);
  EXPECT_EQ(listener_.ended, 0);
  holder_.Unlock();
  EXPECT_EQ(listener_.ended, 1);
  EXPECT_EQ(store_.partition(PartitionOf("key")).mutex.hold(), Hold::kShort);
  holder_.LockKey("key");
  holder_.Unlock();
  EXPECT_EQ(listener_.ended, 1);
}

TEST_F(LongHoldTest, WalksAndSumsOfClientsLeaveOutWhatIsHeldAndNoteIt) {
  for (int i = 0; i < 1000; ++i) Put("key:" + std::to_string(i), "v");
  Txn txn(store_, clock_.Now(), random_);
  txn.set_skips_held(true);
  EXPECT_EQ(SizeOf(txn, 0).keys, 1000u);
  EXPECT_FALSE(txn.TakeSkipped());
  holder_.LockKey("key:1");
  holder_.HoldForLong();
  EXPECT_LT(SizeOf(txn, 0).keys, 1000u);
  EXPECT_TRUE(txn.TakeSkipped());
  EXPECT_FALSE(txn.TakeSkipped());
}

TEST_F(LongHoldTest, EvictionAndExpiryDoNotWait) {
  for (int i = 0; i < 100; ++i) Put("key:" + std::to_string(i), "v", clock_.Now() + 10);
  clock_.Advance(5000);
  holder_.LockAll();
  holder_.HoldForLong();
  ExpiryJob expiry(store_);
  while (!expiry.Step()) continue;
  for (const EvictionPolicy policy : {EvictionPolicy::kAllKeysLru, EvictionPolicy::kVolatileTtl}) {
    Txn txn(store_, 0, random_);
    txn.set_skips_held(true);
    Evictor evictor;
    EXPECT_FALSE(evictor.EvictOne(txn, policy, 5));
    EXPECT_TRUE(txn.TakeSkipped()) << "there may be something later";
  }
  holder_.Unlock();
  do {
  } while (!expiry.Step());
  EXPECT_EQ(Size().keys, 0u);
}

TEST_F(LongHoldTest, AKeyIsPrefetchedOrNot) {
  Txn txn(store_, 0, random_);
  holder_.LockKey("key");
  holder_.HoldForLong();
  txn.BeginPrefetch();
  const Position position = txn.PrefetchBucket(0, "key");
  txn.PrefetchEntry(0, position, true);
  EXPECT_EQ(position.partition(), PartitionOf("key"));
}

// Whose data set is replaced between its prefetches, or behind them.
TEST_F(LongHoldTest, AKeyIsLockedWhereItStandsWhateverWasPrefetched) {
  Txn txn(store_, 0, random_);
  ASSERT_TRUE(txn.TryBeginIrrevocable());
  txn.BeginPrefetch();
  const std::string key = "key";
  const Position position = txn.PrefetchBucket(0, key);
  uint64_t seed = 1;
  do {
    holder_.LockAll();
    holder_.Replace(++seed);
    holder_.Unlock();
  } while (PartitionOf(key) == position.partition());
  txn.PrefetchBucket(0, "another");
  ASSERT_TRUE(txn.LockKey(key, position));
  EXPECT_TRUE(txn.HoldsPartition(PartitionOf(key)));
  EXPECT_TRUE(txn.is_irrevocable());
  txn.Unlock();
}

// --- more locks -----------------------------------------------------------------------------------------------------

TEST_F(LongHoldTest, MoreKeysAreLockedIfNobodyHoldsThem) {
  const auto [low, high] = TwoKeys();
  holder_.LockKey(high);
  EXPECT_EQ(holder_.LockMore(low), MoreLocks::kLocked);
  EXPECT_EQ(holder_.LockMore(low), MoreLocks::kLocked);
  EXPECT_TRUE(holder_.Holds(low));
  EXPECT_EQ(holder_.LockRest(), MoreLocks::kLocked);
  EXPECT_TRUE(holder_.holds_all());
}

TEST_F(LongHoldTest, OnlyTheIrrevocableOneWaitsWhileItHoldsOthers) {
  const auto [low, high] = TwoKeys();
  Txn txn(store_, 0, random_);
  Txn other(store_, 0, random_);
  txn.set_skips_held(true);
  ASSERT_TRUE(other.TryBeginIrrevocable());
  holder_.LockKey(low);
  holder_.HoldForLong();
  txn.LockKey(high);
  EXPECT_EQ(txn.LockMore(low), MoreLocks::kMustRestart);
  txn.Rollback();
  other.HoldForLong();
  EXPECT_FALSE(txn.TryBeginIrrevocable());
  other.Unlock();
  ASSERT_TRUE(txn.TryBeginIrrevocable());
  txn.LockKey(high);
  EXPECT_EQ(txn.LockMore(low), MoreLocks::kHeldForLong);
  EXPECT_EQ(store_.partition(PartitionOf(high)).mutex.hold(), Hold::kLong);
  EXPECT_EQ(txn.LockRest(), MoreLocks::kHeldForLong);
  holder_.Unlock();
  EXPECT_EQ(txn.LockMore(low), MoreLocks::kLocked);
}

TEST_F(LongHoldTest, TheRightToWaitIsTakenWhenItIsNeeded) {
  const auto [low, high] = TwoKeys();
  Txn txn(store_, 0, random_);
  holder_.LockKey(low);
  holder_.HoldForLong();
  txn.LockKey(high);
  EXPECT_EQ(txn.LockMore(low), MoreLocks::kHeldForLong);
  EXPECT_TRUE(txn.is_irrevocable());
  txn.Unlock();
  EXPECT_FALSE(txn.is_irrevocable());
}

// The one that waits for `low` holds `high`, and the ascending one that waits for `high` holds `low`.
TEST_F(LongHoldTest, WaitingInTheWrongOrderIsNoDeadlock) {
  const auto keys = TwoKeys();
  const auto& [low, high] = keys;
  for (int i = 0; i < 200; ++i) {
    std::future<void> ascending = std::async(std::launch::async, [&] {
      Random random(2);
      LockBoth(keys, random);
    });
    Txn txn(store_, 0, random_);
    ASSERT_TRUE(txn.TryBeginIrrevocable());
    txn.LockKey(high);
    while (txn.LockMore(low) != MoreLocks::kLocked) std::this_thread::yield();
    txn.Unlock();
    ascending.get();
  }
}

TEST_F(LongHoldTest, WhoHoldsEverythingNeedsNoUndo) {
  holder_.LockAll();
  holder_.BeginChanges();
  EXPECT_FALSE(holder_.is_irrevocable());
  EXPECT_FALSE(holder_.MayRollback());
  Txn txn(store_, 0, random_);
  EXPECT_TRUE(txn.TryBeginIrrevocable());
}

TEST_F(LongHoldTest, ATransactionGoesOnOnAnotherThread) {
  Put("gone", "value", 1000);
  clock_.Advance(2000);
  const std::string free = KeyElsewhere("gone");
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("gone");
  EXPECT_FALSE(txn.Find(0, "gone", Intent::kRead));
  Random random(1);
  Txn other(store_, 0, random);
  other.GoOnFrom(txn);
  EXPECT_FALSE(txn.holds_any());
  EXPECT_EQ(listener_.began, 1);
  EXPECT_FALSE(txn.LockKey("gone", false));
  EXPECT_TRUE(txn.LockKey(free, false));
  txn.Unlock();
  std::async(std::launch::async, [&] {
    other.TakeOver();
    other.set_looks_again(true);
    Place place = other.Find(0, "gone", Intent::kRead);
    other.Do(place, StringPut{"new"}, events::kNone);
    other.Unlock();
  }).get();
  EXPECT_EQ(listener_.ended, 1);
  EXPECT_EQ(Statistics().misses, 1u) << "counted before it was taken over";
  EXPECT_EQ(Get("gone"), "new");
}

}  // namespace
}  // namespace ringkv::storage
