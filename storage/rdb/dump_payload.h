// SPDX-License-Identifier: MIT
// What DUMP answers and RESTORE takes: a value as in an RDB file, that file's version, and a CRC-64 of both.
#pragma once

#include <string>
#include <string_view>

#include "storage/rdb/rdb_format.h"
#include "storage/rdb/rdb_value.h"

namespace ringkv::storage {

// `packed`: of a string its bytes.
std::string EncodeDumpPayload(ValueKind kind, std::string_view packed);

enum class DumpVerdict : uint8_t {
  kGood,
  kWrongEnvelope,  // too short, of a newer version, or the checksum is wrong
  kBadData,        // the value inside makes no sense
  kOtherType,      // whole, but of a type that there is none of here: `type` says which
};

struct DumpContent {
  DumpVerdict verdict = DumpVerdict::kBadData;
  RdbType type = RdbType::kString;
  ValueKind kind = StringForm::kPlain;
  std::string value;  // packed, if it is a collection
};

DumpContent DecodeDumpPayload(std::string_view payload);

}  // namespace ringkv::storage
