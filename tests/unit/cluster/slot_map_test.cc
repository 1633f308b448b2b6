// SPDX-License-Identifier: MIT
#include "cluster/slot_map.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cluster/route.h"
#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

using storage::kSlots;

SlotRange SomeRange(storage::Random& random, size_t longest) {
  const size_t first = random.Below(kSlots);
  const size_t last = std::min(first + random.Below(longest), kSlots - 1);
  return {static_cast<storage::SlotNumber>(first), static_cast<storage::SlotNumber>(last)};
}

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

// Ranges that overlap are given again and again, also to the shard that has them.
TEST(SlotMap, ForgetsRunsThatAreGivenAway) {
  constexpr ShardIndex kShards = 3;
  storage::Random random(2);
  SlotMap map;
  for (int i = 0; i < 200; ++i) {
    const size_t longest = size_t{1} << random.Below(14);
    map.Give(SomeRange(random, longest), static_cast<ShardIndex>(random.Below(kShards)));
    SlotMap other;
    for (const SlotMap::Run& run : map.Runs()) other.Give(run.range, run.owner);
    EXPECT_EQ(map, other);
    const size_t slot = random.Below(kSlots);
    other.Give({static_cast<storage::SlotNumber>(slot), static_cast<storage::SlotNumber>(slot)}, kShards);
    EXPECT_NE(map, other);
  }
  ExpectWhatEachSlotSays(map, kShards);
  map.Give({0, kSlots - 1}, 1);
  EXPECT_EQ(map.Runs().size(), 1u);
}

TEST(Route, SaysOfAllSlotsAtOnceWhatItSaysOfEach) {
  storage::Random random(3);
  for (const bool is_primary : {true, false}) {
    SlotMap owners;
    SlotMap offered_to;
    SlotSet held;
    for (int i = 0; i < 100; ++i) {
      owners.Give(SomeRange(random, 500), static_cast<ShardIndex>(random.Below(3)));
      offered_to.Give(SomeRange(random, 100), 1);
      held |= SlotsIn({SomeRange(random, 100)});
    }
    for (const ShardIndex shard : {ShardIndex{0}, ShardIndex{2}, kNoShard}) {
      const ShardRole here{.shard = shard, .is_primary = is_primary};
      SlotSet served;
      for (size_t slot = 0; slot < kSlots; ++slot) {
        const SlotState state{.owner = owners.owner(slot), .offered_to = offered_to.owner(slot), .is_held = held[slot]};
        served[slot] = RouteSlot(state, here, {}) == SlotRoute::kHere;
      }
      EXPECT_EQ(ServedSlots(here, owners, held, offered_to.SlotsOf(1)), served);
    }
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
