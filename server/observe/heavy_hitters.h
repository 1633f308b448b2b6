// SPDX-License-Identifier: MIT
// The names that have got the most of something, in bounded memory (Space-Saving, Metwally et al. 2005): a name that is
// new takes the place of the one that has the least, with its amount. So each amount is what the name has got at least
// since it is there, and at most the least one more; names that have got more than an even share are never missing.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/base/seeded_hash.h"

namespace ringkv::server {

class HeavyHitters {
 public:
  // `most`: names that are kept, each at most kLongestName bytes; longer ones are not counted.
  HeavyHitters(size_t most, storage::SeededHash hash) : most_(most), amounts_(most, hash) {}

  static constexpr size_t kLongestName = 1024;

  void Add(std::string_view name, uint64_t amount);
  // The greatest first, at most `count`.
  std::vector<std::pair<std::string, uint64_t>> Greatest(size_t count) const;

 private:
  using Place = std::pair<uint64_t, const std::string*>;

  size_t most_;
  std::unordered_map<std::string, uint64_t, storage::SeededHash, std::equal_to<>> amounts_;
  std::set<Place> order_;  // with the names in amounts_
};

}  // namespace ringkv::server
