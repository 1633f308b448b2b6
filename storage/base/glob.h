// SPDX-License-Identifier: MIT
// Redis' glob patterns: * ? [abc] [^a-z] and \ to take the next byte as it is.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::storage {

enum class GlobCase { kSensitive, kInsensitive };

// Whether `text` matches completely. At most O(|pattern| * |text|), for any number of stars. An empty text matches no
// star, as in Redis, where KEYS * and the like don't compare at all.
bool GlobMatches(std::string_view pattern, std::string_view text, GlobCase letters = GlobCase::kSensitive);

// A pattern that only this text matches.
std::string GlobLiteral(std::string_view text);

// The end of the class whose `[` is before `at`: after its `]`, or at the end of the pattern.
size_t ClassEnd(std::string_view pattern, size_t at);

}  // namespace ringkv::storage
