// SPDX-License-Identifier: MIT
// The names that clients may give themselves.
#pragma once

#include <algorithm>
#include <string_view>

namespace ringkv::server {

constexpr std::string_view kBadClientName = "ERR Client names cannot contain spaces, newlines or special characters.";

// Printable and without white space, so that programs can parse CLIENT LIST.
inline bool IsClientName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace ringkv::server
