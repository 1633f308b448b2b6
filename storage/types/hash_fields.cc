// SPDX-License-Identifier: MIT
#include "storage/types/hash_fields.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ringkv::storage {

bool ArePackedFields(std::string_view packed, bool has_expiry) {
  ByteReader reader(packed.substr(kPackedHead));
  const UnixMs said = has_expiry ? reader.Fixed<UnixMs>() : kNoExpiry;
  uint64_t next = UINT64_MAX;
  for (uint64_t left = PackedCount(packed); left > 0 && reader.ok(); --left) {
    reader.Text();
    reader.Text();
    if (!has_expiry) continue;
    const uint64_t expiry = reader.Varint();
    if (expiry > uint64_t{std::numeric_limits<UnixMs>::max()}) return false;
    if (expiry != 0) next = std::min(next, expiry);
  }
  if (!reader.ok() || !reader.AtEnd()) return false;
  return !has_expiry || (next != UINT64_MAX && said == static_cast<UnixMs>(next));
}

}  // namespace ringkv::storage
