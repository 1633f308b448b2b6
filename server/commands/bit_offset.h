// SPDX-License-Identifier: MIT
// The offset argument of bit commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringkv::server {

// The offset of a bit within the longest allowed string; none if it is out of range.
std::optional<uint64_t> ParseBitOffset(std::string_view text, int64_t max_string_bytes);

}  // namespace ringkv::server
