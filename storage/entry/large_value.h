// SPDX-License-Identifier: MIT
// A collection that is too large to be packed into its entry. The entry owns it.
//
// Threads: guarded by the lock of the key's partition, like the entry.
#pragma once

#include <cstddef>
#include <string>

#include "storage/base/byte_codec.h"
#include "storage/base/clock.h"
#include "storage/entry/folded_bytes.h"

namespace ringkv::storage {

class LargeValue {
 public:
  LargeValue() = default;
  virtual ~LargeValue() = default;
  LargeValue(const LargeValue&) = delete;
  LargeValue& operator=(const LargeValue&) = delete;

  virtual size_t size() const = 0;
  // The bytes of all its allocations, in constant time.
  virtual size_t bytes() const = 0;
  // See NextFieldExpiry in field_expiry.h. Only of a hash that has such fields.
  virtual UnixMs NextFieldExpiry() const { return 0; }
  // Appends the packed elements.
  virtual void Pack(std::string* out) const = 0;
  // Appends their size and the packed elements.
  virtual void CopyTo(FoldedBytes* out) const {
    std::string packed;
    Pack(&packed);
    PutText(out->plain(), packed);
  }
};

}  // namespace ringkv::storage
