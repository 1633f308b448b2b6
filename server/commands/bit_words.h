// SPDX-License-Identifier: MIT
// Bits of long strings, 64 at a time. Bit 0 is the highest of the first byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringkv::server {

enum class BitOperation : uint8_t {
  kAnd,
  kOr,
  kXor,
  kNot,
  kDiff,   // in the first, and in none of the others
  kDiff1,  // in any of the others, and not in the first
  kAndOr,  // in the first, and in any of the others
  kOne,    // in exactly one
};

// The number of set bits.
uint64_t CountBits(std::string_view bytes);

// The first bit in [first, end) that equals `bit`; `end` if there is none. The range must be inside `bytes`.
uint64_t FindBit(std::string_view bytes, uint64_t first, uint64_t end, bool bit);

// Writes to `out` as many bytes as the longest value has; shorter values are padded with zeros. NOT takes one value,
// DIFF, DIFF1 and ANDOR at least two. No value may overlap `out`.
void JoinBits(BitOperation operation, std::span<const std::string_view> values, char* out);

}  // namespace ringkv::server
