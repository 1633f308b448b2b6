// SPDX-License-Identifier: MIT
// The digest of a value, for conditions on a value without sending it: XXH3 with 64 bits, as 16 hexadecimal digits, as
// in Redis 8.4.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringkv::server {

constexpr size_t kDigestDigits = 16;

std::string DigestOf(std::string_view value);
// Whether the digits, in either case, are the value's digest.
bool IsDigestOf(std::string_view digits, std::string_view value);

}  // namespace ringkv::server
