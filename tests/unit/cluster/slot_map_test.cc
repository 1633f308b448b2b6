// SPDX-License-Identifier: MIT
#include "cluster/slot_map.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

using storage::kSlots;

// Each slot by itself.
void ExpectWhatEachSlotSays(const SlotMap& map, ShardIndex shards) {
  for (ShardIndex shard = 0; shard < shards; ++shard) {
    SlotSet slots;
    for (size_t slot = 0; slot < kSlots; ++slot) slots[slot] = map.owner(slot) == shard;
    EXPECT_EQ(map.SlotsOf(shard), slots);
    EXPECT_EQ(SlotsIn(RangesIn(slots)), slots);
    EXPECT_EQ(map.CountOf(shard), slots.count());
  }
  size_t next = 0;
  for (const SlotMap::Run& run : map.Runs()) {
    ASSERT_EQ(run.range.first, next);
    if (next > 0) {
      EXPECT_NE(map.owner(next - 1), run.owner);
    }
    for (; next <= run.range.last; ++next) ASSERT_EQ(map.owner(next), run.owner);
  }
  EXPECT_EQ(next, kSlots);
}

TEST(SlotMap, TellsWhatEachSlotSays) {
  constexpr ShardIndex kShards = 3;
  storage::Random random(1);
  for (size_t longest : {1, 2, 17, 64, 300, 5000, 20000}) {
    SlotMap map;
    for (size_t first = 0, end = 0; first < kSlots; first = end) {
      end = std::min(first + 1 + random.Below(longest), kSlots);
      map.Give({static_cast<storage::SlotNumber>(first), static_cast<storage::SlotNumber>(end - 1)},
               static_cast<ShardIndex>(random.Below(kShards)));
    }
    ExpectWhatEachSlotSays(map, kShards);
  }
}

TEST(SlotMap, FindsRangesAtBothEnds) {
  SlotSet slots;
  EXPECT_TRUE(RangesIn(slots).empty());
  slots.set(0).set(63).set(64).set(kSlots - 1);
  EXPECT_EQ(PrintRanges(RangesIn(slots)), "0 63-64 16383");
  EXPECT_EQ(SlotsIn(RangesIn(slots)), slots);
  EXPECT_EQ(PrintRanges(RangesIn(~SlotSet())), "0-16383");
  EXPECT_EQ(SlotsIn({{0, kSlots - 1}}), ~SlotSet());
}

}  // namespace
}  // namespace ringkv::cluster
