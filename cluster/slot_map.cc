// SPDX-License-Identifier: MIT
#include "cluster/slot_map.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace ringkv::cluster {
namespace {

std::optional<storage::SlotNumber> ParseSlot(std::string_view text) {
  unsigned slot = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
  if (error != std::errc() || end != text.data() + text.size() || slot >= storage::kSlots) return std::nullopt;
  return static_cast<storage::SlotNumber>(slot);
}

}  // namespace

std::vector<SlotRange> RangesIn(const SlotSet& slots) {
  std::vector<SlotRange> ranges;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (!slots[slot]) continue;
    const auto number = static_cast<storage::SlotNumber>(slot);
    if (ranges.empty() || ranges.back().last + 1u != slot) ranges.push_back({number, number});
    ranges.back().last = number;
  }
  return ranges;
}

SlotSet SlotsIn(const std::vector<SlotRange>& ranges) {
  SlotSet slots;
  for (const SlotRange& range : ranges) {
    for (size_t slot = range.first; slot <= range.last; ++slot) slots.set(slot);
  }
  return slots;
}

std::vector<storage::PositionRange> PositionsOf(const std::vector<SlotRange>& ranges) {
  std::vector<storage::PositionRange> positions;
  positions.reserve(ranges.size());
  for (const SlotRange& range : ranges) {
    positions.push_back({storage::FirstPositionOf(range.first), storage::FirstPositionOf(size_t{range.last} + 1)});
  }
  return positions;
}

void SlotMap::Give(const SlotRange& range, ShardIndex shard) {
  std::fill(owners_.begin() + range.first, owners_.begin() + range.last + 1, shard);
}

size_t SlotMap::CountOf(ShardIndex shard) const {
  return static_cast<size_t>(std::count(owners_.begin(), owners_.end(), shard));
}

std::vector<SlotMap::Run> SlotMap::Runs() const {
  std::vector<Run> runs;
  for (size_t slot = 0; slot < owners_.size(); ++slot) {
    const auto number = static_cast<storage::SlotNumber>(slot);
    if (runs.empty() || runs.back().owner != owners_[slot]) runs.push_back({{number, number}, owners_[slot]});
    runs.back().range.last = number;
  }
  return runs;
}

SlotSet SlotMap::SlotsOf(ShardIndex shard) const {
  SlotSet slots;
  for (size_t slot = 0; slot < owners_.size(); ++slot) slots[slot] = owners_[slot] == shard;
  return slots;
}

std::string PrintRanges(const std::vector<SlotRange>& ranges) {
  std::string text;
  for (const SlotRange& range : ranges) {
    if (!text.empty()) text += ' ';
    text += std::to_string(range.first);
    if (range.last != range.first) text += "-" + std::to_string(range.last);
  }
  return text;
}

storage::Result<std::vector<SlotRange>> ParseRanges(const std::vector<std::string_view>& words) {
  std::vector<SlotRange> ranges;
  for (const std::string_view word : words) {
    const size_t dash = word.find('-');
    const auto first = ParseSlot(word.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : ParseSlot(word.substr(dash + 1));
    if (!first || !last || *first > *last) {
      return storage::Fail("'" + std::string(word) + "' is not a range of slots, such as 0-5460");
    }
    ranges.push_back({*first, *last});
  }
  return ranges;
}

}  // namespace ringkv::cluster
