// SPDX-License-Identifier: MIT
// Values as they stand in RDB files and DUMP payloads. Collections are written in the plain form of their type, which
// every Redis reads and packs as it likes; they are read in all forms since Redis 3.2.
#pragma once

#include <string>

#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_format.h"
#include "storage/types/collection.h"

namespace ringkv::storage {

// The type byte that a key with such a value stands behind.
RdbType WrittenRdbType(ValueKind kind);
// `packed`: of a string its bytes.
void PutRdbValue(std::string* out, ValueKind kind, std::string_view packed);

enum class RdbVerdict : uint8_t {
  kGood,
  kBad,    // it makes no sense
  kEmpty,  // a collection without elements, which no key may hold
  kOther,  // whole, but of a type that there is none of here
};

// The kind of `*kind` and the packed bytes are only set for a good value.
RdbVerdict ReadRdbValue(RdbInput& in, RdbType type, ValueKind* kind, std::string* packed);

}  // namespace ringkv::storage
