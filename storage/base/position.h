// SPDX-License-Identifier: MIT
// Where a key stands: 40 bits. The upper 8 name the partition; the lower 32 order the keys inside of it, name the
// segment and the bucket, and are kept in the table. A SCAN cursor is a position, so it is a plain number below 2^40,
// and it stays good for as long as the data set keeps its placement.
//
// The bits are those of a seeded hash; in a cluster the key's slot comes first, and 26 bits of the hash behind it, so
// that the keys of a slot are neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::storage {

constexpr size_t kPartitions = 256;
constexpr uint64_t kPositions = uint64_t{1} << 40;

struct Position {
  uint64_t value = 0;

  static Position In(size_t partition, uint32_t local) { return {static_cast<uint64_t>(partition) << 32 | local}; }
  size_t partition() const { return static_cast<size_t>(value >> 32); }
  uint32_t local() const { return static_cast<uint32_t>(value); }
};

// How positions come about; it belongs to the data set, and its files say it.
struct Placement {
  uint64_t seed = 0;  // of XXH3: nobody outside can aim at one bucket
  bool by_slot = false;

  bool operator==(const Placement&) const = default;
};

Position PositionOf(std::string_view key, const Placement& placement);

// In a placement by slot: the positions of a slot are [FirstPositionOf(slot), FirstPositionOf(slot + 1)).
constexpr unsigned kHashBitsBehindSlot = 26;
constexpr uint64_t FirstPositionOf(size_t slot) { return static_cast<uint64_t>(slot) << kHashBitsBehindSlot; }
constexpr size_t SlotAt(Position position) { return static_cast<size_t>(position.value >> kHashBitsBehindSlot); }
constexpr size_t kSlotsInPartition = 64;

// Positions from `first` up to, but without, `end`.
struct PositionRange {
  uint64_t first = 0;
  uint64_t end = 0;

  bool Contains(Position position) const { return position.value >= first && position.value < end; }
};

}  // namespace ringkv::storage
