// SPDX-License-Identifier: MIT
#include "storage/log/log_format.h"

#include "storage/base/byte_codec.h"
#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace ringkv::storage {
namespace {

constexpr std::string_view kFrameMagic = "RKVF";

}  // namespace

void EncodeFrame(std::string* out, const LogFrame& frame) {
  RINGKV_CHECK(frame.groups > 0 && frame.first > 0 && frame.durable < frame.first);
  std::string head(kFrameMagic);
  PutFixed(&head, frame.groups);
  PutFixed(&head, uint64_t{frame.body.size()});
  PutFixed(&head, frame.first);
  PutFixed(&head, frame.durable);
  PutFixed(&head, frame.time);
  PutFixed(&head, Checksum(head, frame.body));
  out->append(head);
  out->append(frame.body);
}

uint64_t FrameBytes(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Bytes(kFrameMagic.size()) != kFrameMagic) return 0;
  reader.Fixed<uint32_t>();
  const auto body_bytes = reader.Fixed<uint64_t>();
  return reader.ok() && body_bytes <= INT64_MAX ? kFrameHeaderBytes + body_bytes : 0;
}

bool DecodeFrame(std::string_view bytes, LogFrame* frame) {
  if (bytes.size() < kFrameHeaderBytes) return false;
  ByteReader reader(bytes.substr(0, kFrameHeaderBytes));
  if (reader.Bytes(kFrameMagic.size()) != kFrameMagic) return false;
  frame->groups = reader.Fixed<uint32_t>();
  const auto body_bytes = reader.Fixed<uint64_t>();
  frame->first = reader.Fixed<Lsn>();
  frame->durable = reader.Fixed<Lsn>();
  frame->time = reader.Fixed<UnixMs>();
  const auto checksum = reader.Fixed<uint64_t>();
  if (body_bytes > bytes.size() - kFrameHeaderBytes) return false;
  frame->body = bytes.substr(kFrameHeaderBytes, body_bytes);
  return checksum == Checksum(bytes.substr(0, kFrameHeaderBytes - sizeof checksum), frame->body) && frame->groups > 0;
}

size_t FindFrame(std::string_view bytes) {
  LogFrame frame;
  size_t at = bytes.find(kFrameMagic);
  while (at != std::string_view::npos && !DecodeFrame(bytes.substr(at), &frame)) at = bytes.find(kFrameMagic, at + 1);
  return at;
}

}  // namespace ringkv::storage
