// SPDX-License-Identifier: MIT
// SHA-1 (RFC 3174): the names of scripts, and redis.sha1hex.
#pragma once

#include <array>
#include <string_view>

namespace ringkv::server {

// 40 hexadecimal digits in lower case.
std::array<char, 40> Sha1Hex(std::string_view bytes);

}  // namespace ringkv::server
