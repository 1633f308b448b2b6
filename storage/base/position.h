// SPDX-License-Identifier: MIT
// The position of a key: 40 bits. The upper 8 are the partition; the lower 32 order the keys within it, determine
// segment and bucket, and are stored in the table. A SCAN cursor is a position, so it is a number below 2^40 and stays
// valid as long as the data set keeps its placement.
//
// The bits are those of a seeded hash. In a cluster they are the key's slot and 26 bits of the hash, so that the keys
// of a slot are adjacent.
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

// The rule for positions; it is a property of the data set and stored in its files.
struct Placement {
  uint64_t seed = 0;  // of XXH3; secret, so that clients cannot fill one bucket
  bool by_slot = false;

  bool operator==(const Placement&) const = default;
};

Position PositionOf(std::string_view key, const Placement& placement);

// In a placement by slot: the positions of a slot are [FirstPositionOf(slot), FirstPositionOf(slot + 1)).
constexpr unsigned kHashBitsBehindSlot = 26;
constexpr uint64_t FirstPositionOf(size_t slot) { return static_cast<uint64_t>(slot) << kHashBitsBehindSlot; }
constexpr size_t SlotAt(Position position) { return static_cast<size_t>(position.value >> kHashBitsBehindSlot); }
constexpr size_t kSlotsInPartition = 64;

// Positions from `first` to before `end`.
struct PositionRange {
  uint64_t first = 0;
  uint64_t end = 0;

  bool Contains(Position position) const { return position.value >= first && position.value < end; }
};

}  // namespace ringkv::storage
