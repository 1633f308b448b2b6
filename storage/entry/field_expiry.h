// SPDX-License-Identifier: MIT
// When fields of a hash expire.
//
// A packed hash with such fields has eight more bytes behind its head: when the next one expires, in milliseconds since
// 1970. And behind each value when that field expires, as LEB128; 0: it doesn't. The last such field takes all that
// away. Of a large hash, the entry of a field has the expiry, as that of a key does.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <cstddef>
#include <cstring>

#include "storage/base/clock.h"
#include "storage/entry/entry.h"
#include "storage/entry/large_value.h"
#include "storage/entry/packed.h"

namespace ringkv::storage {

constexpr size_t kPackedExpiryHead = kPackedHead + sizeof(UnixMs);

// No field expires before it. kNoExpiry: none does at all.
inline UnixMs NextFieldExpiry(const Entry& entry) {
  if (!entry.has_field_expiry()) return kNoExpiry;
  if (entry.kind().is_large()) return entry.large().NextFieldExpiry();
  UnixMs next;
  std::memcpy(&next, entry.value().data() + kPackedHead, sizeof next);
  return next;
}

// Of a key, and the next one of its fields.
struct Expiries {
  UnixMs key = kNoExpiry;
  UnixMs fields = kNoExpiry;
  bool operator==(const Expiries&) const = default;
};

inline Expiries ExpiriesOf(const Entry& entry) { return {entry.expiry(), NextFieldExpiry(entry)}; }

}  // namespace ringkv::storage
