// SPDX-License-Identifier: MIT
// The fixed prefix and suffix of the keys that a glob pattern can match.
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

// Follows the rules of GlobMatches, including case.
KeyPattern ParseKeyPattern(std::string_view glob);

}  // namespace ringkv::storage
