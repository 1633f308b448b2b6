// SPDX-License-Identifier: MIT
// The owner of each slot, as a shard number.
//
// Threads: a value.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/key_slot.h"
#include "storage/base/position.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

using ShardIndex = uint16_t;
constexpr ShardIndex kNoShard = UINT16_MAX;

struct SlotRange {
  storage::SlotNumber first = 0;
  storage::SlotNumber last = 0;  // inclusive, as clients know it

  size_t size() const { return size_t{last} - first + 1; }
  bool operator==(const SlotRange&) const = default;
};

using SlotSet = std::bitset<storage::kSlots>;
// Likewise, where a part of it is looked at, a word at a time.
using SlotWords = std::array<uint64_t, storage::kSlots / 64>;
// Maximal ranges, ascending.
std::vector<SlotRange> RangesIn(const SlotSet& slots);
SlotSet SlotsIn(const std::vector<SlotRange>& ranges);
// The same slots as a set, for the store.
std::vector<storage::PositionRange> PositionsOf(const std::vector<SlotRange>& ranges);

class SlotMap {
 public:
  explicit SlotMap(ShardIndex owner = kNoShard) { owners_.fill(owner); }

  ShardIndex owner(size_t slot) const { return owners_[slot]; }
  // The first slot behind this one that has another owner; kSlots if there is none.
  size_t EndOfRun(size_t slot) const;
  void Give(const SlotRange& range, ShardIndex shard);
  size_t CountOf(ShardIndex shard) const;
  // Maximal ranges with one owner, in order; ranges without an owner are included.
  struct Run {
    SlotRange range;
    ShardIndex owner = kNoShard;
  };
  std::vector<Run> Runs() const;
  SlotSet SlotsOf(ShardIndex shard) const;
  std::vector<SlotRange> RangesOf(ShardIndex shard) const { return RangesIn(SlotsOf(shard)); }
  bool operator==(const SlotMap& other) const;

 private:
  void NoteBegin(size_t slot);

  std::array<ShardIndex, storage::kSlots> owners_;
  SlotWords begins_{};  // but for slot 0: the slots whose owner is not that of the slot before
};

// "0-100 200 300-400".
std::string PrintRanges(const std::vector<SlotRange>& ranges);
storage::Result<std::vector<SlotRange>> ParseRanges(const std::vector<std::string_view>& words);

}  // namespace ringkv::cluster
