// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "storage/effects/key_event.h"
#include "storage/keyspace/tracking_table.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {
namespace {

struct LoneTable {
  TrackingTotals totals;
  TrackingTable table{totals, SeededHash(1)};
};

using Trackers = std::vector<TrackerId>;

TEST(TrackingTable, TellsEachReaderOnce) {
  LoneTable t;
  for (const TrackerId tracker : {3, 1, 3, 2}) t.table.Remember("k", tracker);
  t.table.Remember("other", 1);
  EXPECT_EQ(t.totals.keys, 2u);
  EXPECT_EQ(t.totals.items, 4u);
  EXPECT_EQ(t.table.Take("k"), (Trackers{1, 2, 3}));
  EXPECT_EQ(t.table.Take("k"), Trackers());
  EXPECT_EQ(t.totals.keys, 1u);
  EXPECT_EQ(t.totals.items, 1u);
}

TEST(TrackingTable, GivesUpKeysByChance) {
  LoneTable t;
  constexpr int kKeys = 1000;
  for (int i = 0; i < kKeys; ++i) t.table.Remember("key" + std::to_string(i), 1);
  Random random(1);
  std::set<std::string> given_up;
  for (int i = 0; i < kKeys; ++i) given_up.insert(t.table.TakeAny(random).key);
  EXPECT_EQ(given_up.size(), size_t{kKeys});
  EXPECT_TRUE(t.table.empty());
  EXPECT_EQ(t.totals.keys, 0u);
}

TEST(TrackingTable, ForgetsWhoIsGone) {
  LoneTable t;
  t.table.Remember("both", 1);
  t.table.Remember("both", 2);
  t.table.Remember("one", 1);
  t.table.Forget([](TrackerId tracker) { return tracker == 1; });
  EXPECT_EQ(t.totals.keys, 1u);
  EXPECT_EQ(t.totals.items, 1u);
  EXPECT_EQ(t.table.Take("both"), (Trackers{2}));
}

TEST(TrackingTable, LeavesTheTotalsWhenItGoes) {
  TrackingTotals totals;
  {
    TrackingTable table(totals, SeededHash(1));
    table.Remember("k", 1);
    table.Uncount();
    EXPECT_EQ(totals.keys, 0u);
  }
  EXPECT_EQ(totals.keys, 0u);
  EXPECT_EQ(totals.items, 0u);
}

// Hears what transactions tell.
class InvalidationListener final : public KeyObserver {
 public:
  bool Changed(DbIndex, std::string_view, KeyChange) override { return false; }
  bool Replacing(DbIndex, const KeyPredicate&) override { return false; }
  void Invalidated(std::shared_ptr<const Invalidation> invalidation) override {
    for (const Invalidation::Item& item : invalidation->items) {
      heard.push_back(item.what == Invalidation::What::kEverything ? "*" : item.key);
    }
    if (invalidation->ends_broadcasts) heard.push_back("leaves");
    last = std::move(invalidation);
  }
  std::vector<std::string> Take() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  std::shared_ptr<const Invalidation> last;
};

class TrackedStore : public testing::Test {
 protected:
  TrackedStore() {
    store_.set_observer(&listener_);
    store_.tracking().is_on = true;
  }
  void Read(const std::string& key) {
    txn_.LockKey(key);
    txn_.Remember(key, 1);
    txn_.Unlock();
  }
  void Write(const std::string& key) {
    txn_.LockKey(key);
    Place place = txn_.Find(0, key, Intent::kWrite);
    txn_.Do(place, StringPut{"v"}, events::kSet);
    txn_.Unlock();
  }

  SystemClock clock_;
  Store store_{StoreOptions{.by_slot = true}, clock_};
  Random random_{1};
  Txn txn_{store_, 1, random_};
  InvalidationListener listener_;
};

using Heard = std::vector<std::string>;

TEST_F(TrackedStore, AReaderHearsOfTheNextChangeOnly) {
  Read("k");
  Write("k");
  EXPECT_EQ(listener_.Take(), (Heard{"k"}));
  Write("k");
  EXPECT_EQ(listener_.Take(), Heard());
}

TEST_F(TrackedStore, WhoHearsOfAllHearsOfAll) {
  store_.tracking().broadcasts = true;
  Write("k");
  Write("k");
  EXPECT_EQ(listener_.Take(), (Heard{"k", "k"}));
}

TEST_F(TrackedStore, NobodyHearsBeforeTheLocksAreFree) {
  Read("a");
  Read("b");
  txn_.AddKey("a");
  txn_.AddKey("b");
  txn_.LockAdded();
  for (const char* key : {"b", "a"}) {
    Place place = txn_.Find(0, key, Intent::kWrite);
    txn_.Do(place, StringPut{"v"}, events::kSet);
  }
  EXPECT_EQ(listener_.Take(), Heard());
  txn_.Unlock();
  EXPECT_EQ(listener_.Take(), (Heard{"b", "a"}));
}

TEST_F(TrackedStore, WhatIsUndoneIsNotTold) {
  Read("k");
  txn_.set_prefers_undo(true);
  txn_.LockKey("k");
  txn_.BeginChanges();
  ASSERT_TRUE(txn_.MayChange("k"));
  Place place = txn_.Find(0, "k", Intent::kWrite);
  txn_.Do(place, StringPut{"v"}, events::kSet);
  txn_.Rollback();
  EXPECT_EQ(listener_.Take(), Heard());
  Write("k");
  EXPECT_EQ(listener_.Take(), (Heard{"k"}));
}

TEST_F(TrackedStore, AFlushIsToldOnceAndForgetsWhoHasRead) {
  Read("k");
  txn_.LockAll();
  for (DbIndex db = 0; db < store_.databases(); ++db) txn_.FlushDatabase(db);
  txn_.Unlock();
  EXPECT_EQ(listener_.Take(), (Heard{"*"}));
  EXPECT_EQ(store_.tracking().keys, 0u);
  Write("k");
  EXPECT_EQ(listener_.Take(), Heard());
}

TEST_F(TrackedStore, SwappedDatabasesAreToldAsEverything) {
  txn_.LockAll();
  txn_.SwapDatabases(0, 1);
  txn_.Unlock();
  EXPECT_EQ(listener_.Take(), (Heard{"*"}));
}

TEST_F(TrackedStore, KeysWhoseSlotLeavesAreTold) {
  Read("stays");
  Read("leaves");
  std::bitset<kSlots> foreign;
  foreign.set(KeySlot("leaves"));
  ASSERT_FALSE(foreign.test(KeySlot("stays")));
  for (int i = 0; i < 2; ++i) {
    txn_.LockAll();
    txn_.SetForeignSlots(foreign);
    txn_.Unlock();
  }
  EXPECT_EQ(listener_.Take(), (Heard{"leaves", "leaves"}));  // the key, and for those who hear of all
}

TEST_F(TrackedStore, OwnChangesHaveAnAuthorButExpiryHasNone) {
  Write("k");
  txn_.LockKey("k");
  Place place = txn_.Find(0, "k", Intent::kWrite);
  txn_.Do(place, ExpirySet{2}, events::kExpire);
  txn_.Unlock();
  Read("k");
  txn_.set_now(3);
  txn_.LockKey("k");
  txn_.set_author(7);
  EXPECT_FALSE(txn_.Find(0, "k", Intent::kRead));
  txn_.Unlock();
  EXPECT_EQ(listener_.last->items.at(0).author, 0u);
  Read("k");
  txn_.LockKey("k");
  txn_.set_author(7);
  place = txn_.Find(0, "k", Intent::kWrite);
  txn_.Do(place, StringPut{"v"}, events::kSet);
  txn_.Unlock();
  EXPECT_EQ(listener_.last->items.at(0).author, 7u);
  Read("k");
  Write("k");
  EXPECT_EQ(listener_.last->items.at(0).author, 0u);
}

}  // namespace
}  // namespace ringkv::storage
