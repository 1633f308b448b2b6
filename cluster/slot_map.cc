// SPDX-License-Identifier: MIT
#include "cluster/slot_map.h"

#include <algorithm>
#include <bit>
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

constexpr size_t kWordBits = 64;
static_assert(sizeof(SlotWords) == sizeof(SlotSet) && std::endian::native == std::endian::little);

// Calls `change` with each word that has some of the slots, and with their bits.
template <typename Change>
void ForEachWord(SlotWords* words, size_t first, size_t end, const Change& change) {
  for (size_t next = 0; first < end; first = next) {
    next = std::min((first / kWordBits + 1) * kWordBits, end);
    change((*words)[first / kWordBits], ~uint64_t{0} >> (kWordBits - (next - first)) << (first % kWordBits));
  }
}

void Include(SlotWords* words, size_t first, size_t end) {
  ForEachWord(words, first, end, [](uint64_t& word, uint64_t bits) { word |= bits; });
}

void Exclude(SlotWords* words, size_t first, size_t end) {
  ForEachWord(words, first, end, [](uint64_t& word, uint64_t bits) { word &= ~bits; });
}

SlotRange RangeOf(size_t first, size_t end) {
  return {static_cast<storage::SlotNumber>(first), static_cast<storage::SlotNumber>(end - 1)};
}

}  // namespace

std::vector<SlotRange> RangesIn(const SlotSet& slots) {
  std::vector<SlotRange> ranges;
  const SlotSet others = ~slots;
  for (size_t first = slots._Find_first(); first < slots.size();) {
    const size_t end = others._Find_next(first);
    ranges.push_back(RangeOf(first, end));
    first = slots._Find_next(end - 1);
  }
  return ranges;
}

SlotSet SlotsIn(const std::vector<SlotRange>& ranges) {
  SlotWords words{};
  for (const SlotRange& range : ranges) Include(&words, range.first, size_t{range.last} + 1);
  return std::bit_cast<SlotSet>(words);
}

std::vector<storage::PositionRange> PositionsOf(const std::vector<SlotRange>& ranges) {
  std::vector<storage::PositionRange> positions;
  positions.reserve(ranges.size());
  for (const SlotRange& range : ranges) {
    positions.push_back({storage::FirstPositionOf(range.first), storage::FirstPositionOf(size_t{range.last} + 1)});
  }
  return positions;
}

size_t SlotMap::EndOfRun(size_t slot) const {
  const size_t next = slot + 1;
  if (next >= owners_.size()) return owners_.size();
  size_t word = next / kWordBits;
  uint64_t bits = begins_[word] >> (next % kWordBits) << (next % kWordBits);
  while (bits == 0 && ++word < begins_.size()) bits = begins_[word];
  return word * kWordBits + (bits == 0 ? 0 : static_cast<size_t>(std::countr_zero(bits)));
}

void SlotMap::NoteBegin(size_t slot) {
  if (slot > 0 && slot < owners_.size() && owners_[slot] != owners_[slot - 1]) Include(&begins_, slot, slot + 1);
}

void SlotMap::Give(const SlotRange& range, ShardIndex shard) {
  const size_t end = size_t{range.last} + 1;
  std::fill(owners_.begin() + range.first, owners_.begin() + range.last + 1, shard);
  Exclude(&begins_, range.first, std::min(end + 1, owners_.size()));
  NoteBegin(range.first);
  NoteBegin(end);
}

bool SlotMap::operator==(const SlotMap& other) const {
  if (begins_ != other.begins_) return false;
  for (size_t first = 0; first < owners_.size(); first = EndOfRun(first)) {
    if (owners_[first] != other.owners_[first]) return false;
  }
  return true;
}

size_t SlotMap::CountOf(ShardIndex shard) const {
  size_t count = 0;
  for (size_t first = 0, end = 0; first < owners_.size(); first = end) {
    end = EndOfRun(first);
    if (owners_[first] == shard) count += end - first;
  }
  return count;
}

std::vector<SlotMap::Run> SlotMap::Runs() const {
  std::vector<Run> runs;
  for (size_t first = 0, end = 0; first < owners_.size(); first = end) {
    end = EndOfRun(first);
    runs.push_back({RangeOf(first, end), owners_[first]});
  }
  return runs;
}

SlotSet SlotMap::SlotsOf(ShardIndex shard) const {
  SlotWords words{};
  for (size_t first = 0, end = 0; first < owners_.size(); first = end) {
    end = EndOfRun(first);
    if (owners_[first] == shard) Include(&words, first, end);
  }
  return std::bit_cast<SlotSet>(words);
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
