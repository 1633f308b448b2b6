// SPDX-License-Identifier: MIT
// Random choices of element indexes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "storage/base/random.h"

namespace ringkv::storage {

// `count` distinct numbers below `size`, ascending. `count` must not exceed `size`.
inline std::vector<size_t> DistinctNumbers(Random& random, size_t count, size_t size) {
  std::vector<size_t> numbers;
  numbers.reserve(count);
  if (count * 3 > size) {
    // Selection sampling: each number is taken with the probability that leads to exactly `count`.
    for (size_t i = 0; numbers.size() < count; ++i) {
      if (random.Below(size - i) < count - numbers.size()) numbers.push_back(i);
    }
    return numbers;
  }
  std::unordered_set<size_t> taken;
  while (taken.size() < count) taken.insert(random.Below(size));
  numbers.assign(taken.begin(), taken.end());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace ringkv::storage
