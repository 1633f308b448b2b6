// SPDX-License-Identifier: MIT
#include "server/users/key_rules.h"

#include <algorithm>

namespace ringkv::server {

void KeyRules::Allow(std::string_view pattern, uint8_t access) {
  const auto same =
      std::find_if(rules_.begin(), rules_.end(), [&](const KeyRule& each) { return each.pattern.text() == pattern; });
  if (same != rules_.end()) {
    same->access = static_cast<uint8_t>(same->access | access);
    return;
  }
  rules_.push_back({.access = access, .pattern = AclPattern(pattern)});
  if (rules_.size() * 4 > slots_.size()) return Grow();
  Insert(static_cast<uint32_t>(rules_.size() - 1));
}

void KeyRules::Insert(uint32_t rule) {
  const AclPattern& pattern = rules_[rule].pattern;
  if (std::find(masks_.begin(), masks_.end(), pattern.mask()) == masks_.end()) masks_.push_back(pattern.mask());
  size_t at = PlaceOf(pattern.head(), pattern.mask());
  while (slots_[at].rule != kNone) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {.head = pattern.head(), .mask = pattern.mask(), .rule = rule};
}

void KeyRules::Grow() {
  constexpr size_t kFewest = 4;
  slots_.assign(std::max(slots_.size() * 2, kFewest), {});
  shift_ = slots_.size() == kFewest ? shift_ : shift_ - 1;
  for (uint32_t i = 0; i < rules_.size(); ++i) Insert(i);
}

}  // namespace ringkv::server
