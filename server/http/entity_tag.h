// SPDX-License-Identifier: MIT
// ETags: the digest of a value, as DIGEST returns it, in quotes.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::server::http {

std::string EntityTag(std::string_view value);

// The value of an If-Match or If-None-Match header.
struct TagList {
  bool is_sound = false;
  bool is_any = false;  // *
  std::vector<std::string> digests = {};
};
// A tag may be marked as weak: equal in meaning, not in every byte. kStrong ignores weak tags.
enum class Comparison : uint8_t { kStrong, kWeak };
TagList ParseTags(std::string_view line, Comparison comparison);

}  // namespace ringkv::server::http
