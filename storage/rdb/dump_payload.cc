// SPDX-License-Identifier: MIT
#include "storage/rdb/dump_payload.h"

#include <algorithm>
#include <optional>

#include "storage/base/byte_codec.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_skip.h"
#include "storage/rdb/rdb_value.h"
#include "storage/types/set.h"

namespace ringkv::storage {
namespace {

constexpr size_t kVersionBytes = 2;
constexpr size_t kChecksumBytes = 8;

struct Unsealed {
  std::string_view body;
  int version;
};

// What stands before a version that is known and a checksum that is right; none otherwise.
std::optional<Unsealed> Unseal(std::string_view payload) {
  if (payload.size() < kVersionBytes + kChecksumBytes) return std::nullopt;
  const size_t body_bytes = payload.size() - kVersionBytes - kChecksumBytes;
  ByteReader end(payload.substr(body_bytes));
  const auto version = end.Fixed<uint16_t>();
  const auto checksum = end.Fixed<uint64_t>();
  if (IsNewerRdbVersion(version) || checksum != Crc64(0, payload.substr(0, body_bytes + kVersionBytes))) {
    return std::nullopt;
  }
  return Unsealed{payload.substr(0, body_bytes), version};
}

}  // namespace

void SealPayload(std::string* payload, int version) {
  PutFixed(payload, static_cast<uint16_t>(version));
  PutFixed(payload, Crc64(0, *payload));
}

std::string EncodeDumpPayload(ValueKind kind, std::string_view packed) {
  std::string payload;
  payload.reserve(packed.size() + packed.size() / 2);  // scores have eight bytes there
  const RdbType type = WrittenRdbType(kind);
  payload.push_back(static_cast<char>(type));
  PutRdbValue(&payload, type, kind, packed);
  // So an older server refuses it by its version, and says so.
  SealPayload(&payload, kind.has_field_expiry() ? kFieldExpiryRdbVersion : kWrittenRdbVersion);
  return payload;
}

DumpContent DecodeDumpPayload(std::string_view payload) {
  DumpContent content;
  const std::optional<Unsealed> unsealed = Unseal(payload);
  content.status = unsealed ? DumpStatus::kInvalid : DumpStatus::kWrongEnvelope;
  if (!unsealed) return content;
  RdbInput in(unsealed->body);
  const std::optional<RdbType> type = TypeOfByte(in.Fixed<uint8_t>(), unsealed->version);
  if (!in.ok() || !type) return content;
  content.type = *type;
  const RdbValueStatus status = ReadRdbValue(in, content.type, &content.kind, &content.value);
  if (status == RdbValueStatus::kValid) content.status = DumpStatus::kValid;
  if (status == RdbValueStatus::kUnsupported) content.status = DumpStatus::kUnsupportedType;
  return content;
}

size_t MembersOfSet(std::string_view payload) {
  constexpr size_t kShortMember = 4;  // with its length
  RdbInput in(payload);
  if (static_cast<RdbType>(in.Fixed<uint8_t>()) != RdbType::kSet) return 0;
  return std::min(in.Length(), payload.size() / kShortMember);
}

DumpStatus DecodeDumpSet(std::string_view payload, NewSet* set) {
  const std::optional<Unsealed> unsealed = Unseal(payload);
  if (!unsealed) return DumpStatus::kWrongEnvelope;
  RdbInput in(unsealed->body);
  in.Fixed<uint8_t>();
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    const std::optional<std::string_view> member = in.Text(&room);
    if (!member || !set->Add(*member)) return DumpStatus::kInvalid;  // none stands there twice
  }
  return in.ok() ? DumpStatus::kValid : DumpStatus::kInvalid;
}

// --- libraries of functions -----------------------------------------------------------------------------------------

void AddLibraryToPayload(std::string* payload, std::string_view code) {
  payload->push_back(static_cast<char>(rdb_opcode::kFunction));
  PutRdbString(payload, code);
}

LibrariesContent DecodeLibrariesPayload(std::string_view payload, size_t most_bytes) {
  const std::optional<Unsealed> unsealed = Unseal(payload);
  LibrariesContent content;
  if (!unsealed) content.status = LibrariesStatus::kWrongEnvelope;
  RdbInput in(unsealed ? unsealed->body : std::string_view());
  size_t bytes = 0;
  while (content.status == LibrariesStatus::kValid && in.remaining() > 0) {
    const auto opcode = in.Fixed<uint8_t>();
    if (opcode == rdb_opcode::kFunctionOld) {
      content.status = LibrariesStatus::kOldFormat;
    } else if (opcode != rdb_opcode::kFunction) {
      content.status = LibrariesStatus::kNoLibrary;
    } else if (!in.String(&content.codes.emplace_back())) {
      content.codes.pop_back();
      content.status = LibrariesStatus::kIncomplete;
    } else if (bytes += content.codes.back().size(); bytes > most_bytes) {
      content.status = LibrariesStatus::kTooLong;
    }
  }
  return content;
}

}  // namespace ringkv::storage
