// SPDX-License-Identifier: MIT
#include "tests/simulation/client_history.h"

#include <algorithm>
#include <set>

namespace ringkv::test {

uint64_t ClientHistory::Begin(int64_t now) {
  begun_at_.push_back(now);
  return begun_at_.size();
}

void ClientHistory::NoteAcknowledged(const std::string& key, uint64_t number, int64_t now) {
  acknowledged_at_[number] = now;
  acknowledged_[key].push_back(number);
}

uint64_t ClientHistory::Lost(const std::string& key, const Elements& elements) const {
  const auto found = acknowledged_.find(key);
  if (found == acknowledged_.end()) return 0;
  std::vector<bool> is_there(begun_at_.size() + 1);
  for (const uint64_t number : elements) {
    if (number < is_there.size()) is_there[number] = true;
  }
  const auto lost =
      std::find_if(found->second.begin(), found->second.end(), [&](uint64_t number) { return !is_there[number]; });
  return lost == found->second.end() ? 0 : *lost;
}

std::string ClientHistory::CheckOrder(const std::string& key, const Elements& elements) const {
  int64_t acknowledged_later = INT64_MAX;  // the earliest answer to a write that stands behind
  for (auto at = elements.rbegin(); at != elements.rend(); ++at) {
    if (*at == 0 || *at > begun_at_.size()) return "nobody wrote " + std::to_string(*at) + " to " + key;
    if (acknowledged_later < begun_at_[*at - 1]) {
      return "write " + std::to_string(*at) + " of " + key + " stands before one that was acknowledged before it began";
    }
    if (const auto answer = acknowledged_at_.find(*at); answer != acknowledged_at_.end()) {
      acknowledged_later = std::min(acknowledged_later, answer->second);
    }
  }
  const std::set<uint64_t> different(elements.begin(), elements.end());
  return different.size() == elements.size() ? "" : "a write stands twice in " + key;
}

std::string ClientHistory::Check(const std::map<std::string, Elements>& last) const {
  static const Elements kNone;
  const auto elements_of = [&](const std::string& key) -> const Elements& {
    const auto found = last.find(key);
    return found == last.end() ? kNone : found->second;
  };
  for (const auto& [key, elements] : last) {
    if (std::string wrong = CheckOrder(key, elements); !wrong.empty()) return wrong;
  }
  for (const auto& [key, numbers] : acknowledged_) {
    if (const uint64_t lost = Lost(key, elements_of(key)); lost != 0) {
      return "write " + std::to_string(lost) + " of " + key + " was acknowledged and lost";
    }
  }
  for (const Read& read : reads_) {
    const Elements& elements = elements_of(read.key);
    const bool is_prefix =
        read.seen.size() <= elements.size() && std::equal(read.seen.begin(), read.seen.end(), elements.begin());
    if (!is_prefix) return "a read of " + read.key + " saw a write that was taken back";
  }
  return "";
}

}  // namespace ringkv::test
