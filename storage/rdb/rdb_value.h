// SPDX-License-Identifier: MIT
// Values in RDB files and DUMP payloads. Collections are written in the plain form of their type, which every Redis
// reads and packs by its own limits; they are read in all forms since Redis 3.2.
#pragma once

#include <string>

#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_format.h"
#include "storage/types/collection.h"

namespace ringkv::storage {

// The type byte of a key with such a value. Redis 7.0 knows no fields that expire.
RdbType WrittenRdbType(ValueKind kind);
// The same for Redis 7.0: fields don't expire there.
RdbType PlainRdbType(ValueKind kind);
// `type`: one of these. `packed`: for a string its bytes.
void PutRdbValue(std::string* out, RdbType type, ValueKind kind, std::string_view packed);

enum class RdbValueStatus : uint8_t {
  kValid,
  kInvalid,
  kEmpty,        // an empty collection, which no key may hold
  kUnsupported,  // valid, but of an unsupported type
};

// `*kind` and the packed bytes are set for a valid value only.
RdbValueStatus ReadRdbValue(RdbInput& in, RdbType type, ValueKind* kind, std::string* packed);

}  // namespace ringkv::storage
