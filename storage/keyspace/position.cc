// SPDX-License-Identifier: MIT
#include "storage/keyspace/position.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {

Position PositionOf(std::string_view key, uint64_t seed) {
  return Position{XXH3_64bits_withSeed(key.data(), key.size(), seed) >> 24};
}

}  // namespace ringkv::storage
