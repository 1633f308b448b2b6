// SPDX-License-Identifier: MIT
// Redis' glob patterns: * ? [abc] [^a-z] and \ to take the next byte as it is.
#pragma once

#include <string_view>

namespace ringkv::storage {

enum class GlobCase { kSensitive, kInsensitive };

// Whether the whole of `text` matches. Costs at most O(|pattern| * |text|), however many stars there are.
bool GlobMatches(std::string_view pattern, std::string_view text, GlobCase letters = GlobCase::kSensitive);

// Where the class ends whose `[` stands before `at`: behind its `]`, or with the pattern.
size_t ClassEnd(std::string_view pattern, size_t at);

}  // namespace ringkv::storage
