// SPDX-License-Identifier: MIT
// Where a key stands: 40 bits of its seeded hash. The upper 8 name the partition; the lower 32 order the keys inside
// of it, name the segment and the bucket, and are kept in the table. A SCAN cursor is a position, so it is a plain
// number below 2^40, and it stays good for as long as the data set keeps its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::storage {

constexpr size_t kPartitions = 256;
constexpr uint64_t kPositions = uint64_t{1} << 40;

struct Position {
  uint64_t value = 0;

  size_t partition() const { return static_cast<size_t>(value >> 32); }
  uint32_t local() const { return static_cast<uint32_t>(value); }
};

// XXH3 with the data set's seed: nobody outside can aim at one bucket.
Position PositionOf(std::string_view key, uint64_t seed);

}  // namespace ringkv::storage
