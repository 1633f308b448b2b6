// SPDX-License-Identifier: MIT
// What the ring promises, tried with many numbers of shards, names and weights.
#include "cluster/ring.h"

#include <gtest/gtest.h>

#include <numeric>

#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

using storage::kSlots;

std::vector<RingShard> Shards(size_t count, const std::string& prefix) {
  std::vector<RingShard> shards;
  for (size_t i = 0; i < count; ++i) shards.push_back({prefix + std::to_string(i)});
  return shards;
}

void ExpectEverySlotOwned(const SlotMap& map, size_t shards) {
  size_t sum = 0;
  for (size_t i = 0; i < shards; ++i) sum += map.CountOf(static_cast<ShardIndex>(i));
  ASSERT_EQ(sum, kSlots);
}

size_t Moved(const SlotMap& before, const SlotMap& after) {
  size_t moved = 0;
  for (size_t slot = 0; slot < kSlots; ++slot) moved += before.owner(slot) != after.owner(slot) ? 1 : 0;
  return moved;
}

TEST(Ring, WithEqualWeightsLoadAndRangesAreBounded) {
  for (const std::string prefix : {"a", "shard-", "node:"}) {
    for (const size_t count : {1u, 2u, 3u, 4u, 5u, 7u, 10u, 16u, 31u, 64u, 100u, 200u}) {
      const SlotMap map = LayOut(Shards(count, prefix));
      ExpectEverySlotOwned(map, count);
      const double mean = static_cast<double>(kSlots) / static_cast<double>(count);
      for (size_t i = 0; i < count; ++i) {
        EXPECT_LE(static_cast<double>(map.CountOf(static_cast<ShardIndex>(i))), mean * kLoadBound + 1) << count;
        EXPECT_LE(map.RangesOf(static_cast<ShardIndex>(i)).size(), 40u) << count;
      }
    }
  }
}

TEST(Ring, AJoiningShardTakesItsShareAndMovesNoSlotBetweenOthers) {
  for (const std::string prefix : {"a", "shard-", "node:"}) {
    std::vector<RingShard> shards = Shards(1, prefix);
    SlotMap before = LayOut(shards);
    for (size_t count = 1; count < 150; ++count) {
      shards.push_back({prefix + std::to_string(count)});
      const SlotMap after = LayOut(before, shards);
      if (count % 30 == 4) {
        EXPECT_EQ(after, LayOut(shards));
      }
      for (size_t slot = 0; slot < kSlots; ++slot) {
        if (before.owner(slot) == after.owner(slot)) continue;
        ASSERT_EQ(after.owner(slot), count);
      }
      EXPECT_LE(static_cast<double>(Moved(before, after)), 1.2 * kSlots / static_cast<double>(count + 1)) << count;
      before = after;
    }
  }
}

TEST(Ring, ALeavingShardGivesAwayItsSlotsAndNoOthersMove) {
  storage::Random random(1);
  for (const size_t count : {2u, 3u, 4u, 10u, 50u}) {
    std::vector<RingShard> shards = Shards(count, "s");
    const SlotMap before = LayOut(shards);
    const auto leaver = static_cast<ShardIndex>(random.Below(count));
    shards[leaver].weight = 0;
    const SlotMap after = LayOut(before, shards);
    ExpectEverySlotOwned(after, count);
    EXPECT_EQ(after.CountOf(leaver), 0u);
    EXPECT_EQ(Moved(before, after), before.CountOf(leaver));
    const double mean = static_cast<double>(kSlots) / static_cast<double>(count - 1);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_LE(static_cast<double>(after.CountOf(static_cast<ShardIndex>(i))), mean * 1.2) << count;
      EXPECT_LE(after.RangesOf(static_cast<ShardIndex>(i)).size(), 40u);
    }
  }
}

TEST(Ring, ManyJoinsAndLeavesKeepTheBounds) {
  storage::Random random(7);
  std::vector<RingShard> shards = Shards(3, "first");
  SlotMap map = LayOut(shards);
  for (int i = 0; i < 200; ++i) {
    const bool joins = shards.size() < 4 || (shards.size() < 40 && random.Below(2) == 0);
    if (joins) {
      shards.push_back({"joined" + std::to_string(i)});
    } else {
      shards[random.Below(shards.size())].weight = 0;
    }
    map = LayOut(map, shards);
    size_t members = 0;
    for (const RingShard& shard : shards) members += shard.weight > 0 ? 1 : 0;
    if (members < 3) {
      shards.push_back({"rescue" + std::to_string(i)});
      continue;
    }
    ExpectEverySlotOwned(map, shards.size());
    const double mean = static_cast<double>(kSlots) / static_cast<double>(members);
    for (size_t each = 0; each < shards.size(); ++each) {
      const auto index = static_cast<ShardIndex>(each);
      ASSERT_LE(static_cast<double>(map.CountOf(index)), mean * 1.25 + 1) << i;
      ASSERT_LE(map.RangesOf(index).size(), 40u) << i;
    }
  }
}

TEST(Ring, WeightsCount) {
  const SlotMap map = LayOut({{"small", 1}, {"large", 3}, {"middle", 2}});
  const auto near = [](size_t count, double share) {
    return std::abs(static_cast<double>(count) - share * kSlots) < share * kSlots * 0.12;
  };
  EXPECT_TRUE(near(map.CountOf(0), 1.0 / 6)) << map.CountOf(0);
  EXPECT_TRUE(near(map.CountOf(1), 3.0 / 6)) << map.CountOf(1);
  EXPECT_TRUE(near(map.CountOf(2), 2.0 / 6)) << map.CountOf(2);
}

TEST(SlotMap, RangesSurvivePrintingAndParsing) {
  const std::vector<SlotRange> ranges{{0, 5}, {7, 7}, {100, 16383}};
  EXPECT_EQ(PrintRanges(ranges), "0-5 7 100-16383");
  EXPECT_EQ(*ParseRanges({"0-5", "7", "100-16383"}), ranges);
  for (const std::string_view bad : {"16384", "5-4", "-", "1-", "x", "1-16384", ""}) {
    EXPECT_FALSE(ParseRanges({bad})) << bad;
  }
}

TEST(KeySlot, FollowsTheClusterSpecification) {
  EXPECT_EQ(storage::Crc16("123456789"), 0x31C3);
  EXPECT_EQ(storage::KeySlot("foo"), 12182);
  EXPECT_EQ(storage::KeySlot("{user1000}.following"), storage::KeySlot("user1000"));
  EXPECT_EQ(storage::KeySlot("foo{}{bar}"), storage::Crc16("foo{}{bar}") % kSlots);
  EXPECT_EQ(storage::KeySlot("foo{{bar}}zap"), storage::KeySlot("{bar"));
  EXPECT_EQ(storage::KeySlot("foo{bar}{zap}"), storage::KeySlot("bar"));
  // Bit by bit, as the definition has it.
  storage::Random random(3);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes(random.Below(40), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    unsigned crc = 0;
    for (const char byte : bytes) {
      crc ^= static_cast<unsigned char>(byte) << 8u;
      for (int bit = 0; bit < 8; ++bit) crc = ((crc & 0x8000u) != 0 ? (crc << 1u) ^ 0x1021u : crc << 1u) & 0xffffu;
    }
    ASSERT_EQ(storage::Crc16(bytes), crc);
  }
}

}  // namespace
}  // namespace ringkv::cluster
