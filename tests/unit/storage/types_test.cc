// SPDX-License-Identifier: MIT
// Each kind of collection against the standard library's, through random changes, packed and large, and packed anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "storage/base/byte_codec.h"
#include "storage/base/random.h"
#include "storage/entry/large_value.h"
#include "storage/table/value_edit.h"
#include "storage/types/collection.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/list_bytes.h"
#include "storage/types/order_tree.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "tests/support/collections.h"

namespace ringkv::test {
namespace {

using namespace storage;

// A value without a store around it.
class Value {
 public:
  Value(ValueType type, const TypeLimits& limits)
      : edit_("key", kEmptyPacked, kNoExpiry, {type, CollectionForm::kPacked}, 0, limits) {}
  explicit Value(MutableEntry* entry, const TypeLimits& limits) : edit_(entry, limits) {}
  ~Value() { edit_.Discard(); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  template <typename Effect>
  EffectResult Do(const Effect& effect) {
    return Apply(edit_, effect);
  }
  const Entry& entry() const { return *edit_.entry(); }

  // The packed form unpacks to an equal value, under other limits too.
  void ExpectToSurvivePacking() const {
    if (ElementCount(entry()) == 0) return;
    const ValueCopy copy(entry());
    ASSERT_TRUE(IsPackedCollection(copy.kind, copy.packed));
    if (entry().kind().is_large()) {
      FoldedBytes folded;
      entry().large().CopyTo(&folded);
      std::string expected;
      PutText(&expected, copy.packed);
      std::string buffer;
      ASSERT_EQ(folded.Unfolded(&buffer), expected);
      ASSERT_EQ(folded.size(), expected.size());
    }
    TypeLimits usual;
    for (const TypeLimits* limits : {&edit_.limits(), static_cast<const TypeLimits*>(&usual)}) {
      const Value again(MakeEntry("key", {copy.kind, copy.packed}, *limits, 0), *limits);
      ASSERT_EQ(ShownValue(again.entry()), ShownValue(entry()));
    }
  }

 private:
  ValueEdit edit_;
};

// Grows for half of the steps, and shrinks for the other half.
bool IsToErase(Random& random, int step, int steps) { return random.Below(10) < (step < steps / 2 ? 3u : 7u); }

class TypesTest : public testing::TestWithParam<int> {
 protected:
  TypesTest() : random_(static_cast<uint64_t>(GetParam()) + 1) {
    if (GetParam() % 2 == 0) SetSmallLimits(limits_);
    if (GetParam() % 4 == 1) limits_.list_open_ends = 1;
    names_ = GetParam() % 4 < 2 ? 30 : 3000;
  }
  std::string RandomName() {
    const uint64_t number = random_.Below(names_);
    return number % 5 == 0 ? std::string(number % 97, 'n') + std::to_string(number) : std::to_string(number);
  }

  static constexpr int kSteps = 6000;
  static constexpr int kStepsAPacking = 500;
  TypeLimits limits_;
  Random random_;
  uint64_t names_;
};

TEST_P(TypesTest, AHashIsAMap) {
  Value value(ValueType::kHash, limits_);
  std::map<std::string, std::string> model;
  for (int step = 0; step < kSteps; ++step) {
    const std::string name = RandomName();
    if (IsToErase(random_, step, kSteps)) {
      ASSERT_EQ(value.Do(HashErase{name}) == EffectResult::kChanged, model.erase(name) == 1);
    } else {
      const std::string text(random_.Below(80), 'v');
      const bool is_new = model.find(name) == model.end();
      ASSERT_EQ(value.Do(HashPut{name, text}), is_new ? EffectResult::kAdded : EffectResult::kChanged);
      model[name] = text;
    }
    const HashView view(&value.entry());
    ASSERT_EQ(view.size(), model.size());
    const std::string asked = RandomName();
    const auto found = model.find(asked);
    ASSERT_EQ(view.Find(asked), found == model.end() ? std::nullopt : std::optional<std::string_view>(found->second));
    if (step % kStepsAPacking == 0) value.ExpectToSurvivePacking();
  }
}

TEST_P(TypesTest, ASetIsASet) {
  Value value(ValueType::kSet, limits_);
  std::set<std::string> model;
  const bool only_integers = random_.Below(2) == 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto integer = static_cast<int64_t>(random_.Next() >> random_.Below(64)) * (random_.Below(2) == 0 ? 1 : -1);
    const std::string name = only_integers ? std::to_string(integer) : RandomName();
    if (IsToErase(random_, step, kSteps) && !model.empty()) {
      const std::string gone = random_.Below(2) == 0 ? name : *model.begin();
      ASSERT_EQ(value.Do(SetErase{gone}) == EffectResult::kChanged, model.erase(gone) == 1);
    } else {
      ASSERT_EQ(value.Do(SetAdd{name}) == EffectResult::kAdded, model.insert(name).second);
    }
    const SetView view(&value.entry());
    ASSERT_EQ(view.size(), model.size());
    ASSERT_EQ(view.Contains(name), model.count(name) == 1);
    if (step % kStepsAPacking == 0) {
      size_t picked = 0;
      const auto expect_member = [&](std::string_view member) {
        ASSERT_EQ(model.count(std::string(member)), 1u);
        ++picked;
      };
      if (!model.empty()) view.PickRepeated(random_, 50, expect_member);
      ASSERT_EQ(picked, model.empty() ? 0u : 50u);
      ASSERT_EQ(ShownValue(value.entry()), Joined("set", {model.begin(), model.end()}));
      value.ExpectToSurvivePacking();
    }
  }
}

// Elements are looked for by their bytes with the lengths around them, which another element may hold.
TEST_P(TypesTest, AnElementInsideOfAnotherOneIsNotFound) {
  Value value(ValueType::kList, limits_);
  std::string packed;
  AppendListElement(&packed, "wanted");
  for (int i = 0; i < 100; ++i) value.Do(ListPush{"before" + packed + "behind", false});
  EXPECT_EQ(value.Do(ListRemove{"wanted", 0, false}), EffectResult::kUnchanged);
  EXPECT_EQ(value.Do(ListInsert{"wanted", "inserted", true}), EffectResult::kUnchanged);
  value.Do(ListPush{"wanted", false});
  EXPECT_EQ(value.Do(ListInsert{"wanted", "inserted", true}), EffectResult::kAdded);
  EXPECT_EQ(value.Do(ListRemove{"wanted", 0, true}), EffectResult::kChanged);
  std::string buffer;
  EXPECT_EQ(ListView(&value.entry()).At(100, &buffer), "inserted");
}

TEST_P(TypesTest, AListIsADeque) {
  Value value(ValueType::kList, limits_);
  std::deque<std::string> model;
  for (int step = 0; step < kSteps; ++step) {
    const std::string name = RandomName();
    const uint64_t what = random_.Below(20);
    if (IsToErase(random_, step, kSteps) && !model.empty()) {
      const size_t count = std::min<size_t>(1 + random_.Below(5), model.size());
      const bool from_front = random_.Below(2) == 0;
      value.Do(ListTake{count, from_front});
      const auto first = from_front ? model.begin() : model.end() - static_cast<std::ptrdiff_t>(count);
      model.erase(first, first + static_cast<std::ptrdiff_t>(count));
    } else if (what == 0 && !model.empty()) {
      const uint64_t index = random_.Below(model.size());
      value.Do(ListSet{index, name});
      model[index] = name;
    } else if (what == 1) {
      const auto pivot = std::find(model.begin(), model.end(), name);
      const EffectResult outcome = value.Do(ListInsert{name, "inserted", true});
      ASSERT_EQ(outcome == EffectResult::kAdded, pivot != model.end());
      if (pivot != model.end()) model.insert(pivot + 1, "inserted");
    } else if (what == 2) {
      value.Do(ListRemove{name, 0, random_.Below(2) == 0});
      model.erase(std::remove(model.begin(), model.end(), name), model.end());
    } else {
      const bool at_front = random_.Below(2) == 0;
      value.Do(ListPush{name, at_front});
      at_front ? model.push_front(name) : model.push_back(name);
    }
    const ListView view(&value.entry());
    ASSERT_EQ(view.size(), model.size());
    if (!model.empty()) {
      const size_t index = random_.Below(model.size());
      std::string buffer;
      ASSERT_EQ(view.At(index, &buffer), model[index]);
    }
    if (step % kStepsAPacking == 0) {
      ASSERT_EQ(ShownValue(value.entry()), Joined("list", {model.begin(), model.end()}));
      std::vector<std::string> backwards;
      view.VisitFrom(model.size() - 1, true, [&](std::string_view element) {
        backwards.emplace_back(element);
        return true;
      });
      if (!model.empty()) {
        ASSERT_EQ(backwards, std::vector<std::string>(model.rbegin(), model.rend()));
      }
      value.ExpectToSurvivePacking();
    }
  }
}

TEST_P(TypesTest, ASortedSetKeepsOrderAndRanks) {
  Value value(ValueType::kSortedSet, limits_);
  std::map<std::string, double> scores;
  std::set<std::pair<double, std::string>> order;
  for (int step = 0; step < kSteps; ++step) {
    const std::string name = RandomName();
    const auto there = scores.find(name);
    const bool is_there = there != scores.end();
    if (is_there) order.erase({there->second, name});
    if (IsToErase(random_, step, kSteps)) {
      ASSERT_EQ(value.Do(SortedSetErase{name}) == EffectResult::kChanged, is_there);
      scores.erase(name);
    } else {
      const double kScores[] = {1, -1, 2.5, 1e300, INFINITY, -INFINITY, static_cast<double>(step)};
      const double score = kScores[random_.Below(std::size(kScores))];
      ASSERT_EQ(value.Do(SortedSetPut{name, score}) == EffectResult::kAdded, !is_there);
      scores[name] = score;
      order.insert({score, name});
    }
    const SortedSetView view(&value.entry());
    ASSERT_EQ(view.size(), scores.size());
    if (step % 50 == 0 && !order.empty()) {
      const size_t rank = random_.Below(order.size());
      const auto at = std::next(order.begin(), static_cast<std::ptrdiff_t>(rank));
      ASSERT_EQ(view.Rank(at->second), rank);
      std::vector<std::string> upwards;
      view.VisitRange(rank, 7, false, [&](std::string_view each, double) { upwards.emplace_back(each); });
      std::vector<std::string> expected;
      for (auto next = at; next != order.end() && expected.size() < 7; ++next) expected.push_back(next->second);
      ASSERT_EQ(upwards, expected);
      std::vector<std::string> downwards;
      view.VisitRange(rank, rank + 1, true, [&](std::string_view each, double) { downwards.emplace_back(each); });
      ASSERT_EQ(downwards.size(), rank + 1);
      ASSERT_EQ(downwards.front(), at->second);
      ASSERT_EQ(downwards.back(), order.begin()->second);
    }
    if (step % kStepsAPacking == 0) value.ExpectToSurvivePacking();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TypesTest, testing::Range(0, 8));

TEST(OrderTree, InsertionInOrderFillsTheNodes) {
  constexpr size_t kMembers = 100'000;
  MemberTable members(1);
  OrderTree tree;
  for (size_t i = 0; i < kMembers; ++i) {
    const double score = static_cast<double>(i);
    tree.Insert({score, members.Put(std::to_string(i), "12345678").first});
  }
  EXPECT_LT(tree.bytes(), kMembers * 18);
  EXPECT_EQ(tree.CountBefore([](const OrderTree::Item& item) { return item.score < 54'321; }), 54'321u);
}

TEST(MemberTable, ACursorVisitsEachMemberExactlyOnceWhileTheTableGrows) {
  MemberTable table(7);
  std::map<std::string, int> met;
  for (int i = 0; i < 2000; ++i) table.Put("old" + std::to_string(i), "");
  uint64_t cursor = 0;
  int added = 0;
  do {
    cursor = table.Scan(cursor, 50, [&](const Entry& entry) { ++met[std::string(entry.key())]; });
    for (int i = 0; i < 200; ++i) table.Put("new" + std::to_string(added++), "");
  } while (cursor != 0);
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(met["old" + std::to_string(i)], 1) << i;
}

TEST(MemberTable, OneThatWasMadeForManyIsAsOneThatGrew) {
  for (const int count : {1, 900, 1000, 20'000}) {
    MemberTable grown(7);
    MemberTable made(7, static_cast<size_t>(count));
    for (int i = 0; i < count + count / 4; ++i) {
      for (MemberTable* table : {&grown, &made}) ASSERT_TRUE(table->Put(std::to_string(i), "value").second);
    }
    std::string names[2];
    for (uint64_t cursor = 0, other = 0;;) {
      cursor = grown.Scan(cursor, 10, [&](const Entry& entry) { names[0] += entry.key(); });
      other = made.Scan(other, 10, [&](const Entry& entry) { names[1] += entry.key(); });
      ASSERT_EQ(cursor, other);
      if (cursor == 0) break;
    }
    EXPECT_EQ(names[0].size(), names[1].size());
    for (int i = 0; i < count + count / 4; ++i) ASSERT_TRUE(made.Erase(std::to_string(i)));
    EXPECT_EQ(made.size(), 0u);
  }
}

TEST(ListElements, TheFirstEqualOneIsFound) {
  std::string elements;
  std::vector<std::string> all;
  for (const size_t size : {0, 1, 5, 125, 126, 127, 128, 129, 300, 16'400, 7, 0}) {
    for (const char last : {'a', 'b'}) {
      all.push_back(size == 0 ? "" : std::string(size - 1, 'x') + last);
      AppendListElement(&elements, all.back());
    }
  }
  for (const std::string& wanted : all) {
    const auto first = std::find(all.begin(), all.end(), wanted);
    EXPECT_EQ(FindListElement(elements, wanted), static_cast<size_t>(first - all.begin())) << wanted.size();
  }
  for (const size_t size : {2, 5, 126, 127, 300}) EXPECT_FALSE(FindListElement(elements, std::string(size, 'y')));
  EXPECT_FALSE(FindListElement({}, ""));
}

TEST(LargeListTest, FilledAtOnceItIsAsFilledOneByOne) {
  Random random(1);
  for (const size_t open_ends : {0, 1, 2}) {
    for (const int count : {0, 1, 400, 1200, 20'000}) {
      LargeList one_by_one(ListChunkLimit{}, open_ends);
      LargeList at_once(ListChunkLimit{}, open_ends);
      std::string elements;
      for (int i = 0; i < count; ++i) {
        std::string element = "element:" + std::to_string(i);
        if (i / 1000 % 3 == 1) element = std::to_string(random.Next()) + std::to_string(random.Next());
        if (i % 5000 == 4999) element = std::string(30'000, 'x');
        one_by_one.Insert(one_by_one.size(), element);
        AppendListElement(&elements, element);
      }
      at_once.Fill(elements);
      EXPECT_EQ(at_once.size(), one_by_one.size());
      EXPECT_LE(at_once.bytes(), one_by_one.bytes());
      for (LargeList* list : {&one_by_one, &at_once}) {
        list->Insert(0, "first");
        list->Insert(list->size(), "last");
        if (count > 2) list->Erase(list->size() / 2, 1);
      }
      std::string wanted;
      std::string got;
      one_by_one.Pack(&wanted);
      at_once.Pack(&got);
      EXPECT_EQ(got, wanted) << count << " of " << open_ends;
    }
  }
}

TEST(LargeListTest, IsCompressedBetweenItsEnds) {
  std::array<size_t, 2> bytes = {};
  for (const size_t open_ends : {size_t{0}, size_t{2}}) {
    LargeList list(ListChunkLimit{}, open_ends);
    for (int i = 0; i < 20'000; ++i) list.Insert(list.size(), "element:" + std::to_string(i));
    std::string buffer;
    for (const size_t index : {size_t{0}, size_t{3}, size_t{10'000}, size_t{19'999}}) {
      EXPECT_EQ(list.At(index, &buffer), "element:" + std::to_string(index));
    }
    bytes[open_ends / 2] = list.bytes();
    // Taken from both ends to the last one, it is open again wherever it is looked at.
    for (int i = 0; i < 9'999; ++i) {
      ASSERT_EQ(list.At(0, &buffer), "element:" + std::to_string(i));
      list.Erase(0, 1);
      list.Erase(list.size() - 1, 1);
    }
    EXPECT_EQ(list.size(), 2u);
    list.Erase(0, 2);
    EXPECT_EQ(list.bytes(), sizeof(LargeList));
  }
  EXPECT_LT(bytes[1], bytes[0] / 2);
}

// --- bytes from outside ---------------------------------------------------------------------------------------------

TEST(PackedCollection, TruncatedAndExtendedOnesAreRefused) {
  TypeLimits limits;
  const ValueType kTypes[] = {ValueType::kHash, ValueType::kList, ValueType::kSet, ValueType::kSortedSet};
  for (const ValueType type : kTypes) {
    Value value(type, limits);
    switch (type) {
      case ValueType::kHash: value.Do(HashPut{"field", "value"}); break;
      case ValueType::kList: value.Do(ListPush{"element", false}); break;
      case ValueType::kSet: value.Do(SetAdd{"member"}); break;
      default: value.Do(SortedSetPut{"member", 0.1}); break;
    }
    const ValueCopy copy(value.entry());
    for (size_t size = 0; size < copy.packed.size(); ++size) {
      EXPECT_FALSE(IsPackedCollection(copy.kind, copy.packed.substr(0, size))) << size;
    }
    EXPECT_FALSE(IsPackedCollection(copy.kind, copy.packed + "x"));
    EXPECT_TRUE(IsPackedCollection(copy.kind, copy.packed));
  }
}

TEST(PackedCollection, WhatStandsThereTwiceCountsOnceInALargeOneToo) {
  constexpr uint32_t kNames = 3000;
  const TypeLimits limits;
  for (const ValueType type : {ValueType::kHash, ValueType::kSet, ValueType::kSortedSet}) {
    std::string packed;
    AppendPackedHead(&packed, 2 * kNames);
    for (uint32_t i = 0; i < 2 * kNames; ++i) {
      const std::string name = "name" + std::to_string(i % kNames);
      if (type == ValueType::kSortedSet) {
        AppendScored(&packed, name, i);
      } else {
        PutText(&packed, name);
      }
      if (type == ValueType::kHash) PutText(&packed, std::to_string(i));
    }
    const Value value(MakeEntry("key", {{type, CollectionForm::kPacked}, packed}, limits, 0), limits);
    EXPECT_EQ(ElementCount(value.entry()), kNames);
    if (type == ValueType::kHash) {
      EXPECT_EQ(HashView(&value.entry()).Find("name5"), std::to_string(kNames + 5));
    } else if (type == ValueType::kSortedSet) {
      EXPECT_EQ(SortedSetView(&value.entry()).Score("name5"), kNames + 5);
    }
  }
}

TEST(PackedCollection, EmptyUnorderedAndNonNumericOnesAreRefused) {
  const ValueKind sorted(ValueType::kSortedSet, CollectionForm::kPacked);
  std::string packed;
  AppendPackedHead(&packed, 0);
  EXPECT_FALSE(IsPackedCollection(sorted, packed));
  packed.clear();
  AppendPackedHead(&packed, 2);
  AppendScored(&packed, "b", 2);
  AppendScored(&packed, "a", 1);
  EXPECT_FALSE(IsPackedCollection(sorted, packed));
  packed.clear();
  AppendPackedHead(&packed, 1);
  AppendScored(&packed, "a", NAN);
  EXPECT_FALSE(IsPackedCollection(sorted, packed));
  EXPECT_FALSE(IsPackedCollection({ValueType::kHash, CollectionForm::kLarge}, "12345678"));
  EXPECT_FALSE(IsPackedCollection({ValueType::kSet, CollectionForm::kIntegers}, std::string("\x02\x05\0\x04\0", 5)));
  EXPECT_TRUE(IsPackedCollection({ValueType::kSet, CollectionForm::kIntegers}, std::string("\x02\x04\0\x05\0", 5)));
}

}  // namespace
}  // namespace ringkv::test
