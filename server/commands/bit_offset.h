// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringkv::server {

// A bit's number within the longest string that is allowed, or nothing.
std::optional<uint64_t> ParseBitOffset(std::string_view text, int64_t max_string_bytes);

}  // namespace ringkv::server
