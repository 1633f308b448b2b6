// SPDX-License-Identifier: MIT
// Numbers of elements that are chosen by chance.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "storage/base/random.h"

namespace ringkv::storage {

// `count` different numbers below `size`, ascending. `count` must not be above `size`.
inline std::vector<size_t> DistinctNumbers(Random& random, size_t count, size_t size) {
  std::vector<size_t> numbers;
  numbers.reserve(count);
  if (count * 3 > size) {
    // Each number is taken with the chance that exactly `count` are in the end.
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
