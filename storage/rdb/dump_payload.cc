// SPDX-License-Identifier: MIT
#include "storage/rdb/dump_payload.h"

#include "storage/byte_codec.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {
namespace {

constexpr size_t kVersionBytes = 2;
constexpr size_t kChecksumBytes = 8;

}  // namespace

std::string EncodeDumpPayload(std::string_view value) {
  std::string payload;
  payload.push_back(static_cast<char>(RdbType::kString));
  PutRdbString(&payload, value);
  PutFixed(&payload, static_cast<uint16_t>(kWrittenRdbVersion));
  PutFixed(&payload, Crc64(0, payload));
  return payload;
}

DumpContent DecodeDumpPayload(std::string_view payload) {
  DumpContent content;
  if (payload.size() < kVersionBytes + kChecksumBytes) return {.verdict = DumpVerdict::kWrongEnvelope, .value = ""};
  const size_t body_bytes = payload.size() - kVersionBytes - kChecksumBytes;
  ByteReader end(payload.substr(body_bytes));
  const auto version = end.Fixed<uint16_t>();
  const auto checksum = end.Fixed<uint64_t>();
  if (version > kNewestRdbVersion || checksum != Crc64(0, payload.substr(0, body_bytes + kVersionBytes))) {
    content.verdict = DumpVerdict::kWrongEnvelope;
    return content;
  }
  RdbInput in(payload.substr(0, body_bytes));
  content.type = static_cast<RdbType>(in.Fixed<uint8_t>());
  if (!in.ok()) return content;
  if (content.type == RdbType::kString) {
    if (in.String(&content.value)) content.verdict = DumpVerdict::kGood;
  } else if (SkipRdbValue(in, content.type)) {
    content.verdict = DumpVerdict::kOtherType;
  }
  return content;
}

}  // namespace ringkv::storage
