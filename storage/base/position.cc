// SPDX-License-Identifier: MIT
#include "storage/base/position.h"

#include "storage/base/key_slot.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {

static_assert(kSlots << kHashBitsBehindSlot == kPositions);

Position PositionOf(std::string_view key, const Placement& placement) {
  const uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), placement.seed);
  if (!placement.by_slot) return Position{hash >> 24};
  return Position{FirstPositionOf(KeySlot(key)) | hash >> (64 - kHashBitsBehindSlot)};
}

}  // namespace ringkv::storage
