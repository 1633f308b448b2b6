// SPDX-License-Identifier: MIT
// The payloads of DUMP and RESTORE, and of FUNCTION DUMP and FUNCTION RESTORE: a value or libraries as in an RDB file,
// the RDB version, and a CRC-64 of both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/rdb/rdb_format.h"
#include "storage/rdb/rdb_value.h"

namespace ringkv::storage {

class NewSet;

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

// How many members the payload says that it has, if it is a set in its plain form; else 0. As many as it has room for
// at most.
size_t MembersOfSet(std::string_view payload);
// Of such a payload: adds its members to a new set.
DumpStatus DecodeDumpSet(std::string_view payload, NewSet* set);

// Appended library by library: begin with an empty payload.
void AddLibraryToPayload(std::string* payload, std::string_view code);
void SealPayload(std::string* payload, int version = kWrittenRdbVersion);

enum class LibrariesStatus : uint8_t {
  kValid,
  kWrongEnvelope,
  kOldFormat,   // libraries in the format before Redis 7.0 was released
  kNoLibrary,   // something else than a library
  kIncomplete,  // a code is cut short or doesn't decompress
  kTooLong,     // the codes together are
};

struct LibrariesContent {
  LibrariesStatus status = LibrariesStatus::kValid;
  std::vector<std::string> codes;  // those before what is wrong, too
};

// `most_bytes`: of all codes together, which may be compressed.
LibrariesContent DecodeLibrariesPayload(std::string_view payload, size_t most_bytes);

}  // namespace ringkv::storage
