// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_ledger.h"

#include <algorithm>

#include "cluster/checked_lines.h"
#include "storage/base/blank_words.h"

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::SplitAtBlanks;

constexpr std::string_view kLedgerTitle = "RingKV slots 2\n";
constexpr std::string_view kTitleWithoutVersion = "RingKV slots 1\n";  // of a ledger that was a node's own

// The slots that the words from `first` on name. False if they name none.
bool ParseSlots(const std::vector<std::string_view>& words, size_t first, SlotSet* slots) {
  if (words.size() <= first) return false;
  const auto ranges = ParseRanges({words.begin() + static_cast<std::ptrdiff_t>(first), words.end()});
  if (ranges) *slots = SlotsIn(*ranges);
  return ranges.has_value();
}

}  // namespace

void SlotLedger::Give(const SlotSet& slots, std::string_view shard) {
  auto name = std::find(names_.begin(), names_.end(), shard);
  if (name == names_.end()) name = names_.emplace(names_.end(), shard);
  const auto number = static_cast<ShardIndex>(name - names_.begin());
  for (const SlotRange& range : RangesIn(slots)) owners_.Give(range, number);
}

SlotSet SlotLedger::OwnedBy(std::string_view shard) const {
  const auto name = std::find(names_.begin(), names_.end(), shard);
  return name == names_.end() ? SlotSet() : owners_.SlotsOf(static_cast<ShardIndex>(name - names_.begin()));
}

SlotMap SlotLedger::OwnersIn(const Topology& topology) const {
  std::vector<ShardIndex> numbers;
  for (const std::string& name : names_) numbers.push_back(topology.FindShard(name));
  SlotMap map;
  for (const SlotMap::Run& run : owners_.Runs()) {
    if (numbers[run.owner] != kNoShard) map.Give(run.range, numbers[run.owner]);
  }
  return map;
}

SlotSet SlotLedger::Offered() const {
  SlotSet slots;
  for (const auto& [shard, offer] : offers_) slots |= offer.slots;
  return slots;
}

void SlotLedger::MakeOffer(const SlotSet& slots, const std::string& shard, uint64_t epoch) {
  offers_[shard] = {epoch, slots};
}

void SlotLedger::GiveAway(const SlotSet& slots, const std::string& shard) {
  EndOffer(shard);
  Give(slots, shard);
  AddStrays(slots);
}

void SlotLedger::TakeOver(const SlotSet& slots, std::string_view own) {
  Give(slots, own);
  RemoveStrays(slots);
}

std::string SlotLedger::Print() const {
  std::string text(kLedgerTitle);
  text += "version " + std::to_string(version_.epoch) + " " + std::to_string(version_.number) + "\n";
  for (size_t i = 0; i < names_.size(); ++i) {
    const SlotSet slots = i == kUnknown ? SlotSet() : OwnedBy(names_[i]);
    if (slots.any()) text += "owner " + names_[i] + " " + PrintRanges(RangesIn(slots)) + "\n";
  }
  for (const auto& [shard, offer] : offers_) {
    text += "offer " + shard + " " + std::to_string(offer.epoch) + " " + PrintRanges(RangesIn(offer.slots)) + "\n";
  }
  if (strays_.any()) text += "stray " + PrintRanges(RangesIn(strays_)) + "\n";
  return WithChecksum(std::move(text));
}

storage::Result<SlotLedger> SlotLedger::Parse(std::string_view text) {
  const auto bad = Fail("it is not a slot ledger of RingKV, or damaged", storage::ErrorKind::kDamaged);
  const bool has_version = !text.starts_with(kTitleWithoutVersion);
  CheckedLines lines(text, has_version ? kLedgerTitle : kTitleWithoutVersion);
  if (!lines.is_whole()) return bad;
  SlotLedger ledger;
  std::string_view rest;
  if (has_version) {
    if (!lines.Take("version ", &rest)) return bad;
    const std::vector<std::string_view> words = SplitAtBlanks(rest);
    Version& version = ledger.version_;
    if (words.size() != 2 || !ParseNumber(words[0], &version.epoch) || !ParseNumber(words[1], &version.number)) {
      return bad;
    }
  }
  while (lines.Take("owner ", &rest)) {
    const std::vector<std::string_view> words = SplitAtBlanks(rest);
    SlotSet slots;
    if (!ParseSlots(words, 1, &slots)) return bad;
    ledger.Give(slots, words[0]);
  }
  while (lines.Take("offer ", &rest)) {
    const std::vector<std::string_view> words = SplitAtBlanks(rest);
    Offer offer;
    if (words.size() < 2 || !ParseNumber(words[1], &offer.epoch) || !ParseSlots(words, 2, &offer.slots)) return bad;
    ledger.offers_[std::string(words[0])] = offer;
  }
  if (lines.Take("stray ", &rest) && !ParseSlots(SplitAtBlanks(rest), 0, &ledger.strays_)) return bad;
  if (!lines.AtEnd()) return bad;
  return ledger;
}

std::vector<SlotMove> MovesTo(const Topology& topology, const SlotMap& now) {
  std::map<std::pair<ShardIndex, ShardIndex>, std::vector<SlotRange>> moves;
  const SlotMap& then = topology.slots();
  for (size_t first = 0, end = 0; first < storage::kSlots; first = end) {
    end = std::min(now.EndOfRun(first), then.EndOfRun(first));
    if (now.owner(first) == then.owner(first)) continue;
    moves[{now.owner(first), then.owner(first)}].push_back(
        {static_cast<storage::SlotNumber>(first), static_cast<storage::SlotNumber>(end - 1)});
  }
  std::vector<SlotMove> list;
  list.reserve(moves.size());
  for (const auto& [way, ranges] : moves) list.push_back({way.first, way.second, SlotsIn(ranges)});
  return list;
}

}  // namespace ringkv::cluster
