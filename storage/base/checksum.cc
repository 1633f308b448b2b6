// SPDX-License-Identifier: MIT
#include "storage/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t Checksum(std::string_view head, std::string_view body) {
  return XXH3_64bits_withSeed(body.data(), body.size(), Checksum(head));
}

}  // namespace ringkv::storage
