// SPDX-License-Identifier: MIT
// Changes that are undone leave no trace, and changes that are kept for undo are as good as others.
#include <map>
#include <string>
#include <vector>

#include "storage/transaction/totals.h"
#include "tests/support/collections.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

// Writes down what it is told.
class Listener : public KeyObserver {
 public:
  bool Changed(DbIndex db, std::string_view key, KeyChange) override {
    changed_.push_back(std::to_string(db) + ":" + std::string(key));
    return false;
  }
  bool Replacing(DbIndex, const KeyPredicate&) override { return false; }
  const std::vector<std::string>& changed() const { return changed_; }

 private:
  std::vector<std::string> changed_;
};

class UndoTest : public StoreFixture {
 protected:
  UndoTest() {
    test::SetSmallLimits(store_.type_limits());
    store_.log().BeginRecording();
    store_.set_observer(&listener_);
  }

  // All that can be seen of the data set.
  std::map<std::string, std::string> Shown() {
    std::map<std::string, std::string> shown;
    Txn txn(store_, clock_.Now(), random_);
    for (DbIndex db = 0; db < 2; ++db) {
      const DatabaseSize size = SizeOf(txn, db);
      shown["size of " + std::to_string(db)] = std::to_string(size.keys) + " " + std::to_string(size.volatile_keys);
      for (uint64_t cursor = 0, goes_on = 1; goes_on != 0;) {
        cursor = Walk(txn, db, cursor, 100, [&](const Entry& entry) {
          shown[std::to_string(db) + ":" + std::string(entry.key())] =
              test::ShownValue(entry) + " until " + std::to_string(entry.has_expiry() ? entry.expiry() : 0) +
              " access " + std::to_string(entry.access());
        });
        goes_on = cursor;
      }
    }
    shown["changes"] = std::to_string(CountChanges(txn));
    return shown;
  }

  // Another transaction has the right to wait: what the next one changes is kept.
  void TakeRight() { ASSERT_TRUE(other_.TryBeginIrrevocable()); }

  Listener listener_;
  Txn other_{store_, 0, random_};
};

// Of a group that is there.
void NoteConsumer(Txn& txn, const Place& place) {
  if (!place || place.entry().type() != ValueType::kStream) return;
  for (const char* group : {"group0", "group1"}) {
    if (StreamIn(place.entry()).FindGroup(group) != nullptr) txn.NoteConsumerSeen(place, group, "seen", false);
  }
}

// The collection in place of itself, with another expiry.
void PutAsAWhole(Txn& txn, Place& place, UnixMs expiry) {
  if (!place || place.entry().type() == ValueType::kString) return;
  std::string buffer;
  const std::string packed(PackedValue(place.entry(), &buffer));
  txn.Do(place, CollectionPut{PackedKind(place.entry()), packed, expiry}, events::kNone);
}

// Another set, built beside the keyspace.
void PutNewSet(Txn& txn, Place& place, Random& random) {
  NewSet set(txn.store().type_limits(), place.key());
  for (uint64_t left = 1 + random.Below(30); left > 0; --left) set.Add("member:" + std::to_string(random.Below(100)));
  txn.PutSet(place, set, events::kSUnionStore);
}

// In one of all the ways in which a transaction changes a key.
void ChangeAtRandom(Txn& txn, Random& random, UnixMs now) {
  const std::string key = "key:" + std::to_string(random.Below(40));
  const auto db = static_cast<DbIndex>(random.Below(2));
  Place place = txn.Find(db, key, Intent::kWrite);
  const std::string text(random.Below(300), 'x');
  switch (random.Below(16)) {
    case 0: return txn.Do(place, StringPut{text}, events::kSet);
    case 1: return txn.Do(place, StringPut{text, now + 5000}, events::kSet);
    case 2: return place ? txn.Do(place, Erase{}, events::kDel) : void();
    case 3: return place ? txn.Do(place, ExpirySet{now + 9000}, events::kNone) : void();
    case 4: return place ? txn.Do(place, ExpirySet{kNoExpiry}, events::kNone) : void();
    case 5: {
      const std::string to = "key:" + std::to_string(random.Below(40));
      if (place && to != key) txn.Rename(place, static_cast<DbIndex>(random.Below(2)), to, {});
      return;
    }
    case 6:
      if (place && place.entry().type() != ValueType::kString) return;
      return txn.Do(place, StringPatch{random.Below(10), text}, events::kNone);
    case 7:
      if (place && place.entry().type() != ValueType::kString) return;
      return txn.MakeString(
          place, 5, false, [](char* out) { std::copy_n("12345", 5, out); }, events::kNone);
    case 8:
      return txn.MakeString(
          place, 1 + text.size(), true, [&](char* out) { std::fill_n(out, 1 + text.size(), 'm'); }, events::kNone);
    case 9: return PutAsAWhole(txn, place, now + 7000);
    case 10: return place ? txn.Touch(place, events::kLTrim) : void();
    case 11:
      if (place && place.entry().type() == ValueType::kString) txn.NotePatched(place);
      return;
    case 12: return NoteConsumer(txn, place);
    case 13: return PutNewSet(txn, place, random);
    default:
      if (place && place.entry().type() == ValueType::kString) return;
      return test::ChangeCollection(txn, place, random);
  }
}

void LockAllKeys(Txn& txn, std::vector<std::string>& names) {
  names.clear();
  for (int i = 0; i < 40; ++i) names.push_back("key:" + std::to_string(i));
  for (const std::string& name : names) txn.AddKey(name);
  txn.LockAdded();
}

TEST_F(UndoTest, RollbackLeavesNoTraceOfRandomChanges) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<std::string> names;
    Txn txn(store_, clock_.Now(), random);
    LockAllKeys(txn, names);
    for (int i = 0; i < 30; ++i) ChangeAtRandom(txn, random, clock_.Now());
    txn.Unlock();
    const auto before = Shown();
    const Lsn lsn = store_.log().appended();
    const size_t told = listener_.changed().size();
    TakeRight();
    LockAllKeys(txn, names);
    txn.BeginChanges();
    for (uint64_t i = 0; i < 1 + random.Below(40); ++i) ChangeAtRandom(txn, random, clock_.Now());
    EXPECT_EQ(listener_.changed().size(), told);
    ASSERT_TRUE(txn.MayRollback());
    txn.Rollback();
    EXPECT_FALSE(txn.holds_any());
    other_.Unlock();
    ASSERT_EQ(Shown(), before);
    EXPECT_EQ(store_.log().appended(), lsn);
    EXPECT_EQ(listener_.changed().size(), told);
  }
}

TEST_F(UndoTest, ChangesThatAreNotUndoneAreLoggedAndToldAtTheEnd) {
  TakeRight();
  const Lsn before = store_.log().appended();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("key");
  txn.BeginChanges();
  Place place = txn.Find(0, "key", Intent::kWrite);
  txn.Do(place, StringPut{"1"}, events::kSet);
  txn.Do(place, StringPut{"2"}, events::kSet);
  EXPECT_TRUE(listener_.changed().empty());
  txn.Unlock();
  other_.Unlock();
  EXPECT_EQ(listener_.changed(), std::vector<std::string>{"0:key"});
  EXPECT_EQ(store_.log().appended(), before + 1);
  EXPECT_EQ(Get("key"), "2");
}

TEST_F(UndoTest, WhatHasExpiredBeforeTheFirstChangeStaysErased) {
  Put("old", "v", clock_.Now() + 10);
  clock_.Advance(100);
  TakeRight();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("old");
  EXPECT_FALSE(txn.Find(0, "old", Intent::kRead));
  txn.BeginChanges();
  Place place = txn.Find(0, "old", Intent::kWrite);
  txn.Do(place, StringPut{"new"}, events::kSet);
  txn.Rollback();
  other_.Unlock();
  EXPECT_EQ(Size().keys, 0u);
}

TEST_F(UndoTest, LargeValuesAreChangedOnlyByWhoWillNotUndoIt) {
  Put("short", "v");
  Put("long", std::string(10'000, 'v'));
  Txn txn(store_, clock_.Now(), random_);
  TakeRight();
  for (const char* key : {"short", "long", "missing"}) txn.AddKey(key);
  txn.LockAdded();
  txn.BeginChanges();
  EXPECT_TRUE(txn.MayChange("short"));
  EXPECT_TRUE(txn.MayChange("missing"));
  EXPECT_FALSE(txn.MayChange("long"));
  other_.Unlock();
  EXPECT_TRUE(txn.MayChange("long"));  // it has the right now
  EXPECT_TRUE(txn.is_irrevocable());
  EXPECT_FALSE(txn.MayRollback());
}

TEST_F(UndoTest, TheRightIsLeftToOthersForAWhileWhenItWasTaken) {
  Txn txn(store_, clock_.Now(), random_);
  const auto gets_right = [&txn] {
    txn.LockKey("key");
    txn.BeginChanges();
    const bool has_right = txn.is_irrevocable();
    txn.Unlock();
    return has_right;
  };
  EXPECT_TRUE(gets_right());
  TakeRight();
  EXPECT_FALSE(gets_right());
  other_.Unlock();
  EXPECT_FALSE(gets_right());
  ASSERT_TRUE(txn.TryBeginIrrevocable());  // whoever asks for it gets it all the same, and undoes nothing
  txn.LockKey("key");
  txn.BeginChanges();
  EXPECT_FALSE(txn.MayRollback());
  txn.Unlock();
  int runs = 1;
  while (runs < 1000 && !gets_right()) ++runs;
  EXPECT_LT(runs, 1000);
}

TEST_F(UndoTest, ALargeValueOfAnotherDatabaseIsNotChangedEither) {
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("long");
  Place place = txn.Find(1, "long", Intent::kWrite);
  txn.Do(place, StringPut{std::string(10'000, 'v')}, events::kSet);
  txn.Unlock();
  TakeRight();
  txn.LockKey("long");
  txn.BeginChanges();
  EXPECT_FALSE(txn.MayChange("long"));
  txn.Rollback();
  other_.Unlock();
}

TEST_F(UndoTest, WhoHoldsEverythingIsNotUndone) {
  Put("long", std::string(10'000, 'v'));
  TakeRight();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("key");
  txn.BeginChanges();
  Place place = txn.Find(0, "key", Intent::kWrite);
  txn.Do(place, StringPut{"1"}, events::kSet);
  ASSERT_EQ(txn.LockRest(), MoreLocks::kLocked);
  EXPECT_FALSE(txn.MayRollback());
  EXPECT_TRUE(txn.MayChange("long"));
  txn.FlushDatabase(0);
  txn.Unlock();
  other_.Unlock();
  EXPECT_EQ(Size().keys, 0u);
  EXPECT_EQ(listener_.changed().back(), "0:key");
}

TEST_F(UndoTest, AKeyThatIsKeptMayGrow) {
  TakeRight();
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("key");
  txn.BeginChanges();
  Place place = txn.Find(0, "key", Intent::kWrite);
  txn.Do(place, StringPut{std::string(100'000, 'x')}, events::kSet);
  EXPECT_TRUE(txn.MayChange("key"));
  txn.Rollback();
  other_.Unlock();
  EXPECT_EQ(Get("key"), std::nullopt);
}

}  // namespace
}  // namespace ringkv::storage
