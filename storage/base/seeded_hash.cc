// SPDX-License-Identifier: MIT
#include "storage/base/seeded_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {

size_t SeededHash::operator()(std::string_view bytes) const {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed_);
}

}  // namespace ringkv::storage
