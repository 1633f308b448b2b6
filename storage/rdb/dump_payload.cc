// SPDX-License-Identifier: MIT
#include "storage/rdb/dump_payload.h"

#include "storage/rdb/rdb_value.h"

#include "storage/base/byte_codec.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {
namespace {

constexpr size_t kVersionBytes = 2;
constexpr size_t kChecksumBytes = 8;

}  // namespace

std::string EncodeDumpPayload(ValueKind kind, std::string_view packed) {
  std::string payload;
  payload.push_back(static_cast<char>(WrittenRdbType(kind)));
  PutRdbValue(&payload, kind, packed);
  PutFixed(&payload, static_cast<uint16_t>(kWrittenRdbVersion));
  PutFixed(&payload, Crc64(0, payload));
  return payload;
}

DumpContent DecodeDumpPayload(std::string_view payload) {
  DumpContent content;
  content.status = DumpStatus::kWrongEnvelope;
  if (payload.size() < kVersionBytes + kChecksumBytes) return content;
  const size_t body_bytes = payload.size() - kVersionBytes - kChecksumBytes;
  ByteReader end(payload.substr(body_bytes));
  const auto version = end.Fixed<uint16_t>();
  const auto checksum = end.Fixed<uint64_t>();
  if (version > kNewestRdbVersion || checksum != Crc64(0, payload.substr(0, body_bytes + kVersionBytes))) {
    return content;
  }
  content.status = DumpStatus::kInvalid;
  RdbInput in(payload.substr(0, body_bytes));
  content.type = static_cast<RdbType>(in.Fixed<uint8_t>());
  if (!in.ok()) return content;
  const RdbValueStatus status = ReadRdbValue(in, content.type, &content.kind, &content.value);
  if (status == RdbValueStatus::kValid) content.status = DumpStatus::kValid;
  if (status == RdbValueStatus::kUnsupported) content.status = DumpStatus::kUnsupportedType;
  return content;
}

}  // namespace ringkv::storage
