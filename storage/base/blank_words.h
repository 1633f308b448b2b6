// SPDX-License-Identifier: MIT
// The words of a line in a file of ours: each blank ends one.
//
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace ringkv::storage {

// Two blanks in a row have an empty word between them. Views into `line`.
inline std::vector<std::string_view> SplitAtBlanks(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

}  // namespace ringkv::storage
