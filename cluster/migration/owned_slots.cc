// SPDX-License-Identifier: MIT
#include "cluster/migration/owned_slots.h"

#include <vector>

#include "cluster/checked_lines.h"
#include "storage/base/blank_words.h"

namespace ringkv::cluster {

std::string PrintOwned(const OwnedSlots& owned) {
  return "OWNED " + std::to_string(owned.epoch) + " " + owned.shard + " " + PrintRanges(RangesIn(owned.slots));
}

storage::Result<OwnedSlots> ParseOwned(std::string_view line) {
  constexpr size_t kMostQuoted = 100;
  const std::vector<std::string_view> words = storage::SplitAtBlanks(line);
  OwnedSlots owned;
  if (words.size() < 3 || words[0] != "OWNED" || !ParseNumber(words[1], &owned.epoch)) {
    return storage::Fail("it answered: " + std::string(line.substr(0, kMostQuoted)));
  }
  const auto ranges = ParseRanges({words.begin() + 3, words.end()});
  if (!ranges) return tl::unexpected(ranges.error());
  owned.shard = words[2];
  owned.slots = SlotsIn(*ranges);
  return owned;
}

}  // namespace ringkv::cluster
