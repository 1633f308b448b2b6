// SPDX-License-Identifier: MIT
// Authentication: there is one user, with the password of `requirepass`.
#pragma once

#include <string_view>

namespace ringkv::server {

constexpr std::string_view kOnlyUser = "default";

// Compares in a time that does not depend on the position of a difference.
inline bool PasswordsEqual(std::string_view given, std::string_view expected) {
  unsigned char difference = given.size() == expected.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference = static_cast<unsigned char>(difference | (given[i] ^ other));
  }
  return difference == 0;
}

}  // namespace ringkv::server
