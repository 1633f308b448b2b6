// SPDX-License-Identifier: MIT
// Any collection, whatever its type: as bytes on their way out, and as an entry on their way in.
#pragma once

#include <string>
#include <string_view>

#include "storage/effects/effect_list.h"
#include "storage/entry/entry.h"
#include "storage/entry/type_limits.h"

namespace ringkv::storage {

class MutableEntry;

// A value as it stands in files: of a large collection its elements, packed; of all others the entry's own bytes.
// `buffer` is only used for the former.
std::string_view PackedValue(const Entry& entry, std::string* buffer);
// What kind PackedValue is of.
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

// Whether bytes from outside are a collection of this kind that may stand: whole, and nothing stands behind it.
bool IsPackedCollection(ValueKind kind, std::string_view packed);

// A new entry, owned by the caller, of a value as PackedValue gives it; the bytes of a collection are well-formed, and
// it is kept packed or large as the limits say. What stands there twice counts once.
MutableEntry* MakeEntry(std::string_view key, const CollectionPut& put, const TypeLimits& limits, uint32_t access);

// How many elements a value has; 1 for a string.
size_t ElementCount(const Entry& entry);
// Whether a key may hold such a value: a collection without elements is gone, but a stream stays.
bool MayStand(const Entry& entry);

// Whether an effect can be done to what stands there, or to nothing (null).
bool CanApply(const Entry* entry, const CollectionChange& change);

}  // namespace ringkv::storage
