// SPDX-License-Identifier: MIT
// The payload of DUMP and RESTORE: a value as in an RDB file, the RDB version, and a CRC-64 of both.
#pragma once

#include <string>
#include <string_view>

#include "storage/rdb/rdb_format.h"
#include "storage/rdb/rdb_value.h"

namespace ringkv::storage {

// `packed`: for a string its bytes.
std::string EncodeDumpPayload(ValueKind kind, std::string_view packed);

enum class DumpStatus : uint8_t {
  kValid,
  kWrongEnvelope,    // too short, a newer version, or a wrong checksum
  kInvalid,          // the value is
  kUnsupportedType,  // valid, but of an unsupported type: see `type`
};

struct DumpContent {
  DumpStatus status = DumpStatus::kInvalid;
  RdbType type = RdbType::kString;
  ValueKind kind = StringForm::kPlain;
  std::string value;  // packed, if it is a collection
};

DumpContent DecodeDumpPayload(std::string_view payload);

}  // namespace ringkv::storage
