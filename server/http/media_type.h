// SPDX-License-Identifier: MIT
// Media types of bodies.
#pragma once

#include <string_view>

#include "server/base/text.h"

namespace ringkv::server::http {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

// Compares the value of Content-Type, without its parameters such as a charset. Case is ignored (RFC 9110, 8.3.1).
inline bool IsMediaType(std::string_view given, std::string_view wanted) {
  given = given.substr(0, given.find(';'));
  const size_t last = given.find_last_not_of(" \t");
  return EqualsIgnoringCase(given.substr(0, last == std::string_view::npos ? 0 : last + 1), wanted);
}

}  // namespace ringkv::server::http
