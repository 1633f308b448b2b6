// SPDX-License-Identifier: MIT
#include "server/observe/heavy_hitters.h"

namespace ringkv::server {

void HeavyHitters::Add(std::string_view name, uint64_t amount) {
  if (name.size() > kLongestName) return;
  auto found = amounts_.find(name);
  if (found != amounts_.end()) {
    auto place = order_.extract(Place(found->second, &found->first));
    found->second += amount;
    place.value().first = found->second;
    order_.insert(std::move(place));
    return;
  }
  if (amounts_.size() == most_) {
    const Place least = *order_.begin();
    order_.erase(order_.begin());
    amounts_.erase(amounts_.find(*least.second));
    amount += least.first;
  }
  found = amounts_.emplace(name, amount).first;
  order_.emplace(amount, &found->first);
}

std::vector<std::pair<std::string, uint64_t>> HeavyHitters::Greatest(size_t count) const {
  std::vector<std::pair<std::string, uint64_t>> greatest;
  for (auto at = order_.rbegin(); at != order_.rend() && greatest.size() < count; ++at) {
    greatest.emplace_back(*at->second, at->first);
  }
  return greatest;
}

}  // namespace ringkv::server
