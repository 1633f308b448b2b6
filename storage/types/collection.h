// SPDX-License-Identifier: MIT
// Conversion of collections of any type between entries and packed bytes.
#pragma once

#include <string>
#include <string_view>

#include "storage/effects/effect_list.h"
#include "storage/entry/entry.h"
#include "storage/entry/type_limits.h"

namespace ringkv::storage {

class MutableEntry;

// A value as in files: the packed elements of a large collection, else the entry's own bytes. `buffer` is used for
// large collections only.
std::string_view PackedValue(const Entry& entry, std::string* buffer);
// The kind of the value that PackedValue returns.
ValueKind PackedKind(const Entry& entry);

// A value that outlives its entry.
struct ValueCopy {
  explicit ValueCopy(const Entry& entry);
  ValueCopy(ValueKind of_kind, std::string bytes, UnixMs until)
      : kind(of_kind), packed(std::move(bytes)), expiry(until) {}

  ValueKind kind;
  std::string packed;  // of a string: its bytes
  UnixMs expiry;
};

// Whether untrusted bytes are a valid, complete collection of this kind, without trailing bytes.
bool IsPackedCollection(ValueKind kind, std::string_view packed);

// A new entry, owned by the caller, of a value as PackedValue gives it; the bytes of a collection are well-formed, and
// it is kept packed or large as the limits say. What stands there twice counts once.
MutableEntry* MakeEntry(std::string_view key, const CollectionPut& put, const TypeLimits& limits, uint32_t access);

// The number of elements of a value; 1 for a string.
size_t ElementCount(const Entry& entry);
// Whether a key may hold the value: only streams may be empty.
bool MayStand(const Entry& entry);

// Whether an effect applies to the value, or to a missing key (null).
bool CanApply(const Entry* entry, const CollectionChange& change);

}  // namespace ringkv::storage
