// SPDX-License-Identifier: MIT
// What requests take, by slot and by key.
#include "server/observe/usage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ringkv::server {
namespace {

const storage::SeededHash kHash(1);

TEST(HeavyHitters, ANameThatGetsMoreThanItsShareIsFoundAmongManyOthers) {
  HeavyHitters names(100, kHash);
  uint64_t heavy = 0;
  for (int i = 0; i < 100'000; ++i) {
    names.Add("other" + std::to_string(i), 1);
    if (i % 20 == 0) names.Add("heavy", 1);
    heavy += i % 20 == 0 ? 1 : 0;
  }
  const auto greatest = names.Greatest(1);
  ASSERT_EQ(greatest.size(), 1u);
  EXPECT_EQ(greatest[0].first, "heavy");
  EXPECT_GE(greatest[0].second, heavy);
  EXPECT_LE(greatest[0].second, heavy + 105'000 / 100);
}

TEST(HeavyHitters, FewNamesAreCountedExactlyAndLongOnesNotAtAll) {
  HeavyHitters names(3, kHash);
  names.Add("a", 1);
  names.Add("b", 5);
  names.Add("a", 3);
  names.Add("c", 2);
  names.Add(std::string(HeavyHitters::kLongestName + 1, 'x'), 100);
  using Amounts = std::vector<std::pair<std::string, uint64_t>>;
  EXPECT_EQ(names.Greatest(10), (Amounts{{"b", 5}, {"a", 4}, {"c", 2}}));
  EXPECT_EQ(names.Greatest(2), (Amounts{{"b", 5}, {"a", 4}}));
}

class HotKeysTest : public testing::Test {
 protected:
  void Use(std::vector<std::string_view> keys, uint64_t nanoseconds, uint64_t bytes) {
    hot_keys_.Add(keys, {nanoseconds, bytes}, now_);
  }

  storage::UnixMs now_ = 1'000'000;
  HotKeys hot_keys_;
};

TEST_F(HotKeysTest, KeysShareWhatARequestTook) {
  ASSERT_TRUE(hot_keys_.Start({.by_time = true, .by_bytes = true, .slots = {}}, 1, now_, {10, 20}));
  EXPECT_FALSE(hot_keys_.Start({.by_time = true, .slots = {}}, 1, now_, {}));
  Use({"a"}, 5'000, 10);
  Use({"a", "b"}, 4'000, 100);
  Use({}, 1'000, 1);
  now_ += 50;
  const auto report = hot_keys_.Get(now_, {12, 23});
  ASSERT_TRUE(report);
  using Amounts = std::vector<std::pair<std::string, uint64_t>>;
  EXPECT_EQ(report->by_time, (Amounts{{"a", 7}, {"b", 2}}));
  EXPECT_EQ(report->by_bytes, (Amounts{{"a", 60}, {"b", 50}}));
  EXPECT_EQ(report->all.nanoseconds, 10'000u);
  EXPECT_EQ(report->all.bytes, 111u);
  EXPECT_EQ(report->took_ms, 50);
  EXPECT_EQ(report->times.user_ms, 2u);
  EXPECT_EQ(report->times.system_ms, 3u);
}

TEST_F(HotKeysTest, ItEndsWhenItsTimeIsOverAndKeepsWhatItFound) {
  ASSERT_TRUE(hot_keys_.Start({.by_bytes = true, .lasts_ms = 1000, .slots = {}}, 1, now_, {}));
  Use({"early"}, 1, 10);
  now_ += 1000;
  Use({"late"}, 1, 10);
  const auto report = hot_keys_.Get(now_ + 5000, {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->is_on);
  EXPECT_EQ(report->took_ms, 1000);
  EXPECT_EQ(report->all.bytes, 10u) << "what comes late is in no sum";
  EXPECT_EQ(report->by_bytes.size(), 1u);
  EXPECT_FALSE(hot_keys_.is_on());
  EXPECT_FALSE(hot_keys_.Stop(now_, {}));
  EXPECT_TRUE(hot_keys_.Reset());
  EXPECT_FALSE(hot_keys_.Get(now_, {}));
}

TEST_F(HotKeysTest, OnlyKeysInTheSlotsAndOneInSoManyRequestsCount) {
  HotKeys::Plan plan{.by_bytes = true, .ratio = 10, .slots = {}};
  plan.slots.emplace().set(storage::KeySlot("in"));
  ASSERT_TRUE(hot_keys_.Start(plan, 1, now_, {}));
  EXPECT_FALSE(hot_keys_.Reset());
  for (int i = 0; i < 100; ++i) {
    Use({"in"}, 1, 10);
    Use({"out"}, 1, 10);
  }
  const auto report = hot_keys_.Get(now_, {});
  EXPECT_EQ(report->by_bytes.size(), 1u);
  EXPECT_EQ(report->by_bytes[0].second, 100u);
  EXPECT_EQ(report->sampled.bytes, 100u);
  EXPECT_EQ(report->in_slots.bytes, 1000u);
  EXPECT_EQ(report->all.bytes, 2000u);
}

TEST(SlotUsageTest, SlotsAreCountedEachAndForgotten) {
  SlotUsage usage;
  EXPECT_EQ(usage.Of(5).bytes_in, 0u);
  usage.Reset();
  usage.Add(5, {1, 2, 3});
  usage.Add(5, {1, 2, 3});
  usage.Add(storage::kSlots - 1, {7, 8, 9});
  EXPECT_EQ(usage.Of(5).nanoseconds, 2u);
  EXPECT_EQ(usage.Of(5).bytes_in, 4u);
  EXPECT_EQ(usage.Of(5).bytes_out, 6u);
  EXPECT_EQ(usage.Of(6).bytes_out, 0u);
  usage.Reset();
  EXPECT_EQ(usage.Of(storage::kSlots - 1).nanoseconds, 0u);
}

}  // namespace
}  // namespace ringkv::server
