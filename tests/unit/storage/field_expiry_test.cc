// SPDX-License-Identifier: MIT
// Fields of hashes that expire: what is shown, when they are erased, and what they cost.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "storage/base/allocator.h"
#include "storage/housekeeping/expiry_job.h"
#include "storage/replay/effect_apply.h"
#include "storage/types/hash.h"
#include "tests/support/collections.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

constexpr UnixMs kLong = 1'000'000;

class FieldExpiry : public StoreFixture {
 protected:
  template <typename Effect>
  EffectResult Do(std::string_view key, const Effect& effect) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    Place place = txn.Find(0, key, Intent::kWrite);
    return txn.Do(place, effect, events::kNone);
  }
  // `look(HashView)` at the key, as a client sees it.
  template <typename Looker>
  auto Look(std::string_view key, Looker&& look) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    const Place place = txn.Find(0, key, Intent::kRead);
    return look(HashView(place.entry_or_null(), txn.hides_fields_until()));
  }
  std::string Value(std::string_view key, std::string_view field) {
    return Look(key, [&](const HashView& hash) { return std::string(hash.Find(field).value_or("nothing")); });
  }
  size_t CountShown(std::string_view key) {
    return Look(key, [](const HashView& hash) { return hash.CountShown(); });
  }
  size_t CountStored(std::string_view key) {
    return Look(key, [](const HashView& hash) { return hash.size(); });
  }
  uint64_t ExpiredFields() {
    Txn txn(store_, clock_.Now(), random_);
    return CountExpiredFields(txn);
  }
  void Fill(std::string_view key, int fields, UnixMs lives) {
    for (int i = 0; i < fields; ++i) Do(key, HashPut{"field" + std::to_string(i), "value", clock_.Now() + lives});
  }
  int Sweep() {
    int steps = 1;
    while (!job_.Step()) ++steps;
    return steps;
  }

  ExpiryJob job_{store_};
};

TEST_F(FieldExpiry, AFieldIsHiddenFromItsMillisecondOnAndErasedWithinASecond) {
  for (const int others : {2, 2000}) {
    const std::string key = "hash" + std::to_string(others);
    for (int i = 0; i < others; ++i) Do(key, HashPut{"other" + std::to_string(i), "value"});
    const UnixMs begin = clock_.Now();
    Do(key, HashPut{"field", "value", begin + 1000});
    clock_.Advance(999);
    EXPECT_EQ(Value(key, "field"), "value");
    clock_.Advance(1);
    EXPECT_EQ(Value(key, "field"), "nothing");
    EXPECT_EQ(CountShown(key), static_cast<size_t>(others));
    EXPECT_EQ(CountStored(key), static_cast<size_t>(others) + 1);
    clock_.Advance(1000);
    Sweep();
    EXPECT_EQ(CountStored(key), static_cast<size_t>(others));
  }
  EXPECT_EQ(ExpiredFields(), 2u);
  EXPECT_EQ(Size().field_expiry_keys, 0u);
}

TEST_F(FieldExpiry, AHashWhoseLastFieldExpiresIsGone) {
  Fill("small", 3, 1000);
  Fill("large", 3000, 1000);
  EXPECT_EQ(Size().keys, 2u);
  EXPECT_EQ(Size().field_expiry_keys, 2u);
  clock_.Advance(2000);
  EXPECT_EQ(CountShown("large"), 0u);
  Sweep();
  EXPECT_EQ(Size().keys, 0u);
  EXPECT_EQ(Size().field_expiry_keys, 0u);
}

TEST_F(FieldExpiry, AStepIsBoundedWhenManyFieldsExpireAtOnce) {
  constexpr int kFields = 50'000;
  Fill("hash", kFields, 1000);
  Fill("other", 3, 1000);
  clock_.Advance(2000);
  uint64_t before = ExpiredFields();
  for (bool finished = false; !finished;) {
    finished = job_.Step();
    const uint64_t now = ExpiredFields();
    ASSERT_LE(now - before, 2 * ExpiryJob::kKeysAStep);
    before = now;
  }
  EXPECT_EQ(before, static_cast<uint64_t>(kFields) + 3);
  EXPECT_EQ(Size().keys, 0u);
}

TEST_F(FieldExpiry, OtherHashesDoNotWaitForOneOfWhichAMillionFieldsExpire) {
  Fill("hash", 100'000, 1000);
  for (int i = 0; i < 300; ++i) Fill("other" + std::to_string(i), 1, 1000);
  clock_.Advance(2000);
  size_t steps = 0;
  while (Size().keys > 1) {
    job_.Step();
    ++steps;
  }
  EXPECT_LT(steps, 2 * (kPartitions + ExpiryJob::kStepsAtOnce));
}

TEST_F(FieldExpiry, LaterEarlierAndNoExpiryAreHonoured) {
  for (const int others : {0, 2000}) {
    const std::string key = "hash" + std::to_string(others);
    for (int i = 0; i < others; ++i) Do(key, HashPut{"other" + std::to_string(i), "value"});
    const UnixMs now = clock_.Now();
    Do(key, HashPut{"later", "v", now + 1000});
    Do(key, HashFieldExpirySet{"later", now + kLong});
    Do(key, HashPut{"earlier", "v", now + kLong});
    Do(key, HashFieldExpirySet{"earlier", now + 1000});
    Do(key, HashPut{"persists", "v", now + 1000});
    Do(key, HashFieldExpirySet{"persists", kNoExpiry});
    Do(key, HashPut{"overwritten", "v", now + 1000});
    Do(key, HashPut{"overwritten", "w"});
    clock_.Advance(3000);
    Sweep();
    EXPECT_EQ(CountStored(key), static_cast<size_t>(others) + 3);
    EXPECT_EQ(Value(key, "earlier"), "nothing");
    clock_.Advance(kLong);
    Sweep();
    EXPECT_EQ(CountStored(key), static_cast<size_t>(others) + 2);
    EXPECT_EQ(Size().field_expiry_keys, 0u);
  }
}

TEST_F(FieldExpiry, AFollowerHidesAndLeavesTheErasureToItsPrimary) {
  Fill("hash", 3, 1000);
  store_.SetAuthority(Authority::kFollower);
  clock_.Advance(2000);
  EXPECT_EQ(CountShown("hash"), 0u);
  Sweep();
  EXPECT_EQ(CountStored("hash"), 3u);
}

// However a hash with such fields comes and goes, the index knows.
TEST_F(FieldExpiry, WhatReplacesCopiesMovesOrDeletesAHashKeepsTheIndexExact) {
  for (const int fields : {3, 2000}) {
    Fill("a", fields, 1000);
    EXPECT_EQ(Size().field_expiry_keys, 1u);
    Put("a", "a string");
    EXPECT_EQ(Size().field_expiry_keys, 0u);
    Delete("a");
    Fill("a", fields, 1000);
    {
      Txn txn(store_, clock_.Now(), random_);
      txn.LockAll();
      Place from = txn.Find(0, "a", Intent::kWrite);
      const ValueCopy copy(from.entry());
      Place to = txn.Find(0, "copy", Intent::kWrite);
      txn.PutCopy(to, copy, events::kNone);
      from = txn.Find(0, "a", Intent::kWrite);
      txn.Rename(from, 1, "moved", events::kRename);
      EXPECT_EQ(test::ShownValue(txn.Find(0, "copy", Intent::kRead).entry()),
                test::ShownValue(txn.Find(1, "moved", Intent::kRead).entry()));
    }
    EXPECT_EQ(Size(0).field_expiry_keys, 1u);
    EXPECT_EQ(Size(1).field_expiry_keys, 1u);
    SetExpiry("copy", clock_.Now() + kLong);
    clock_.Advance(2000);
    Sweep();
    EXPECT_EQ(Size(0).keys + Size(1).keys, 0u);
    EXPECT_EQ(Size(0).field_expiry_keys + Size(1).field_expiry_keys, 0u);
  }
}

TEST_F(FieldExpiry, AnUndoneTransactionLeavesTheIndexAsItWas) {
  Fill("a", 3, 1000);
  Txn txn(store_, clock_.Now(), random_);
  txn.set_prefers_undo(true);
  txn.LockKey("a");
  txn.BeginChanges();
  Place place = txn.Find(0, "a", Intent::kWrite);
  txn.Do(place, Erase{}, events::kNone);
  txn.Rollback();
  EXPECT_EQ(Size().field_expiry_keys, 1u);
  EXPECT_EQ(CountShown("a"), 3u);
}

TEST_F(FieldExpiry, PickingAndScanningLeaveOutWhatIsHidden) {
  for (const int fields : {6, 2000}) {
    const std::string key = "hash" + std::to_string(fields);
    Fill(key, fields, 1000);
    Do(key, HashPut{"stays", "value"});
    clock_.Advance(1000);
    Look(key, [&](const HashView& hash) {
      const auto expect_it = [](std::string_view field, std::string_view) { EXPECT_EQ(field, "stays"); };
      EXPECT_TRUE(hash.MayHide());
      hash.PickRepeated(random_, 5, expect_it);
      hash.PickDistinct(random_, 1, expect_it);
      uint64_t cursor = 0;
      do {
        cursor = hash.Scan(cursor, 10, expect_it);
      } while (cursor != 0);
    });
  }
}

// A follower's hash may have hidden fields for ever, as its primary erases them later.
TEST_F(FieldExpiry, APickOfAHashWithOneHiddenFieldLooksAtFewFields) {
  Fill("hash", 20'000, kLong);
  Do("hash", HashPut{"hidden", "value", clock_.Now() + 1000});
  store_.SetAuthority(Authority::kFollower);
  clock_.Advance(2000);
  Look("hash", [&](const HashView& hash) {
    ASSERT_TRUE(hash.MayHide());
    size_t looks = 0;
    for (int i = 0; i < 100; ++i) EXPECT_NE(hash.TryPick(random_, &looks)->name, "hidden");
    EXPECT_LT(looks, 200u);
    looks = 0;
    const auto picked = hash.TryPickDistinct(random_, 50, &looks);
    ASSERT_TRUE(picked);
    std::set<std::string_view> names;
    for (const HashField& field : *picked) names.insert(field.name);
    EXPECT_EQ(names.size(), 50u);
    EXPECT_EQ(names.count("hidden"), 0u);
    EXPECT_LT(looks, 300u);
  });
  clock_.Advance(kLong);
  Look("hash", [&](const HashView& hash) {
    size_t looks = 0;
    EXPECT_FALSE(hash.TryPick(random_, &looks));
    EXPECT_FALSE(hash.TryPickDistinct(random_, 50, &looks));
    EXPECT_LT(looks, 300u);
  });
}

TEST_F(FieldExpiry, WhatExpiredInATransactionThatIsUndoneIsNotCounted) {
  Fill("hash", 3, 1000);
  Put("key", "value");
  SetExpiry("key", clock_.Now() + 1000);
  clock_.Advance(2000);
  for (const bool undoes : {true, false}) {
    for (const std::string_view key : {"hash", "key"}) {
      Txn txn(store_, clock_.Now(), random_);
      txn.set_prefers_undo(true);
      txn.LockKey(key);
      txn.BeginChanges();
      Place place = txn.Find(0, key, Intent::kWrite);
      if (place) txn.Do(place, HashFieldExpire{"field0"}, events::kHExpired);
      if (undoes) txn.Rollback();
    }
  }
  EXPECT_EQ(ExpiredFields(), 1u);
  Txn txn(store_, clock_.Now(), random_);
  EXPECT_EQ(SumStatistics(txn).expired, 1u);
}

TEST_F(FieldExpiry, WhileDataIsImportedWhatHasExpiredIsHiddenAndStays) {
  store_.set_leaves_expired(true);
  Fill("hash", 3, 1000);
  Put("key", "value");
  SetExpiry("key", clock_.Now() + 1000);
  clock_.Advance(5000);
  Sweep();
  EXPECT_EQ(CountShown("hash"), 0u);
  EXPECT_EQ(CountStored("hash"), 3u);
  {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey("key");
    EXPECT_FALSE(txn.Find(0, "key", Intent::kWrite));
    txn.set_keeps_expired(true);
    EXPECT_TRUE(txn.Find(0, "key", Intent::kWrite));
  }
  Put("key", "another");
  EXPECT_EQ(Size().keys, 2u);
  store_.set_leaves_expired(false);
  Sweep();
  EXPECT_EQ(Size().keys, 1u);
  EXPECT_EQ(ExpiredFields(), 3u);
}

// Random changes of one hash beside a model of it, while time passes.
TEST_F(FieldExpiry, AHashIsWhatItsModelIs) {
  test::SetSmallLimits(store_.type_limits());
  std::map<std::string, std::pair<std::string, UnixMs>> model;
  for (int step = 0; step < 20'000; ++step) {
    // As many fields as a packed one has, then more.
    const std::string field = std::to_string(random_.Below(step / 1000 % 2 == 0 ? 4 : 60));
    const std::string value(random_.Below(12), 'v');
    const UnixMs expiry =
        random_.Below(2) == 0 ? kNoExpiry : clock_.Now() + 1 + static_cast<UnixMs>(random_.Below(5000));
    switch (random_.Below(4)) {
      case 0:
        if (model.erase(field) != 0) Do("h", HashErase{field});
        break;
      case 1:
        if (const auto found = model.find(field); found != model.end()) {
          found->second.second = expiry;
          Do("h", HashFieldExpirySet{field, expiry});
        }
        break;
      default: model[field] = {value, expiry}; Do("h", HashPut{field, value, expiry});
    }
    clock_.Advance(static_cast<UnixMs>(random_.Below(20)));
    std::erase_if(
        model, [&](const auto& each) { return each.second.second != kNoExpiry && each.second.second <= clock_.Now(); });
    if (random_.Below(50) == 0) Sweep();
    std::map<std::string, std::pair<std::string, UnixMs>> shown;
    Look("h", [&](const HashView& hash) {
      hash.ForEachField([&](const HashField& each) {
        shown[std::string(each.name)] = {std::string(each.value), each.expiry};
      });
    });
    ASSERT_EQ(shown, model) << step;
    if (model.empty()) continue;
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey("h");
    const ValueCopy copy(txn.Find(0, "h", Intent::kRead).entry());
    ASSERT_TRUE(IsPackedCollection(copy.kind, copy.packed)) << step;
  }
}

TEST_F(FieldExpiry, OnlyTimesAfter1970AreSound) {
  EXPECT_TRUE(IsSound(HashPut{"f", "v", 1}, 100));
  EXPECT_FALSE(IsSound(HashPut{"f", "v", 0}, 100));
  EXPECT_FALSE(IsSound(HashFieldExpirySet{"f", -1}, 100));
  EXPECT_TRUE(IsSound(HashFieldExpirySet{"f", kNoExpiry}, 100));
}

TEST_F(FieldExpiry, OneCostsAtMost16Bytes) {
  constexpr int kFields = 200'000;
  for (int i = 0; i < kFields; ++i) Do("hash", HashPut{"field" + std::to_string(i), "value"});
  const auto bytes = [&] {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey("hash");
    return txn.Find(0, "hash", Intent::kRead).entry().MemorySize();
  };
  const size_t said_before = bytes();
  const size_t before = UsedMemory();
  for (int i = 0; i < kFields; ++i) {
    Do("hash", HashFieldExpirySet{"field" + std::to_string(i), clock_.Now() + kLong + i});
  }
  EXPECT_LE(UsedMemory() - before, size_t{16} * kFields);
  EXPECT_LE(bytes() - said_before, size_t{17} * kFields);
}

}  // namespace
}  // namespace ringkv::storage
