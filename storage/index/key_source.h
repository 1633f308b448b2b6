// SPDX-License-Identifier: MIT
// What an index sees of the table whose keys it orders.
//
// Threads: guarded by the partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ringkv::storage {

class KeySource {
 public:
  virtual ~KeySource() = default;
  // The key that stands at the position, if it stands alone there; null data if none does.
  virtual std::string_view KeyAt(uint32_t position) const = 0;
  // Memory of such a key, to prefetch it; null if there is none.
  virtual const char* AddressOfKeyAt(uint32_t position) const = 0;
  // How many keys stand at the position.
  virtual size_t CountAt(uint32_t position) const = 0;
  // Appends the positions of some keys from `from` on, in no order, one for each key. Returns the end of the stretch
  // that they are all of; 2^32 behind the last key.
  virtual uint64_t AppendPositions(uint64_t from, std::vector<uint32_t>* positions) const = 0;
};

}  // namespace ringkv::storage
