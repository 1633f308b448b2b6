// SPDX-License-Identifier: MIT
// What DUMP answers and RESTORE takes: a value as in an RDB file, that file's version, and a CRC-64 of both.
#pragma once

#include <string>
#include <string_view>

#include "storage/rdb/rdb_format.h"

namespace ringkv::storage {

std::string EncodeDumpPayload(std::string_view value);

enum class DumpVerdict : uint8_t {
  kGood,
  kWrongEnvelope,  // too short, of a newer version, or the checksum is wrong
  kBadData,        // the value inside makes no sense
  kOtherType,      // whole, but no string: `type` says what it is
};

struct DumpContent {
  DumpVerdict verdict = DumpVerdict::kBadData;
  RdbType type = RdbType::kString;
  std::string value;
};

DumpContent DecodeDumpPayload(std::string_view payload);

}  // namespace ringkv::storage
