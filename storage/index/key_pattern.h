// SPDX-License-Identifier: MIT
// What a glob says of the keys that it can match: the bytes that they begin with, and those that they end with.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::storage {

struct KeyPattern {
  std::string prefix;
  std::string suffix;
  bool is_exact = false;  // only one key can match: `prefix`

  bool has_literal() const { return !prefix.empty() || !suffix.empty(); }
};

// By the rules of GlobMatches, case and all.
KeyPattern ParseKeyPattern(std::string_view glob);

}  // namespace ringkv::storage
