// SPDX-License-Identifier: MIT
// The digest of a value, by which a client may say which value it means without sending it: XXH3 with 64 bits, as 16
// hexadecimal digits. What Redis 8.4 calls so too.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::server {

std::string DigestOf(std::string_view value);
// Whether these digits, in either case, are the value's.
bool IsDigestOf(std::string_view digits, std::string_view value);

}  // namespace ringkv::server
