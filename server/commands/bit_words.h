// SPDX-License-Identifier: MIT
// Bits of long strings, 64 at a time. Bit 0 is the highest of the first byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringkv::server {

enum class BitOperation : uint8_t { kAnd, kOr, kXor, kNot };

// How many bits are set.
uint64_t CountBits(std::string_view bytes);

// The first of the bits [first, end) that is as `bit`; `end` if there is none. All of them must be inside of `bytes`.
uint64_t FindBit(std::string_view bytes, uint64_t first, uint64_t end, bool bit);

// Writes to `out` as many bytes as the longest value has; others count as followed by zeros. NOT takes one value. No
// value may overlap `out`.
void JoinBits(BitOperation operation, std::span<const std::string_view> values, char* out);

}  // namespace ringkv::server
