// SPDX-License-Identifier: MIT
// Whether transactions that ran at the same time can be put into one order that explains what each has seen.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace ringkv::test {

// The version of each key that a transaction has written, which is one more than the version that it has read.
using Footprint = std::map<size_t, int>;

// Whether there is an order of all in which each follows those whose versions it has read.
inline bool HaveAnOrder(const std::vector<Footprint>& all) {
  std::map<std::pair<size_t, int>, size_t> writers;
  for (size_t i = 0; i < all.size(); ++i) {
    for (const auto& written : all[i]) {
      if (!writers.emplace(written, i).second) return false;  // two wrote the same version
    }
  }
  std::vector<std::vector<size_t>> followers(all.size());
  std::vector<size_t> before(all.size(), 0);
  for (const auto& [written, writer] : writers) {
    if (written.second == 1) continue;
    const auto found = writers.find({written.first, written.second - 1});
    if (found == writers.end()) return false;  // it has read what was undone
    followers[found->second].push_back(writer);
    ++before[writer];
  }
  std::vector<size_t> free;
  for (size_t i = 0; i < all.size(); ++i) {
    if (before[i] == 0) free.push_back(i);
  }
  size_t ordered = 0;
  for (; !free.empty(); ++ordered) {
    const size_t next = free.back();
    free.pop_back();
    for (const size_t follower : followers[next]) {
      if (--before[follower] == 0) free.push_back(follower);
    }
  }
  return ordered == all.size();
}

}  // namespace ringkv::test
