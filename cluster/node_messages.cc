// SPDX-License-Identifier: MIT
#include "cluster/node_messages.h"

#include "storage/base/byte_codec.h"
#include "storage/base/checksum.h"

namespace ringkv::cluster {
namespace {

using storage::PutFixed;

constexpr std::string_view kMagic = "RKVN";
constexpr uint8_t kVersion = 1;
constexpr size_t kCheckedBytes = kMessageHeadBytes - sizeof(uint64_t);

bool IsKnown(uint8_t kind) {
  return kind >= static_cast<uint8_t>(MessageKind::kSnapshot) && kind <= static_cast<uint8_t>(MessageKind::kPublished);
}

}  // namespace

std::string EncodeMessageHead(MessageKind kind, uint64_t epoch, std::string_view body) {
  std::string head(kMagic);
  PutFixed(&head, kVersion);
  PutFixed(&head, static_cast<uint8_t>(kind));
  PutFixed(&head, uint16_t{0});
  PutFixed(&head, epoch);
  PutFixed(&head, uint64_t{body.size()});
  PutFixed(&head, storage::Checksum(head, body));
  return head;
}

std::string EncodeMessage(MessageKind kind, uint64_t epoch, std::string_view body) {
  return EncodeMessageHead(kind, epoch, body).append(body);
}

std::string EncodeHeartbeat(const Heartbeat& heartbeat) {
  std::string body;
  PutFixed(&body, heartbeat.last);
  PutFixed(&body, heartbeat.time);
  return body;
}

std::string EncodeAck(storage::Lsn last) {
  std::string body;
  PutFixed(&body, last);
  return body;
}

std::string EncodeSlotBatch(const SlotBatch& batch) {
  std::string body;
  PutFixed(&body, batch.source.seed);
  for (const SlotRange& range : batch.ranges) {
    PutFixed(&body, range.first);
    PutFixed(&body, range.last);
  }
  return body;
}

bool DecodeSlotBatch(std::string_view body, SlotBatch* batch) {
  storage::ByteReader reader(body);
  batch->source = {.seed = reader.Fixed<uint64_t>(), .by_slot = true};
  batch->ranges.clear();
  while (reader.ok() && !reader.AtEnd()) {
    SlotRange range;
    range.first = reader.Fixed<storage::SlotNumber>();
    range.last = reader.Fixed<storage::SlotNumber>();
    const bool follows = batch->ranges.empty() || range.first > batch->ranges.back().last;
    if (!follows || range.last < range.first || range.last >= storage::kSlots) return false;
    batch->ranges.push_back(range);
  }
  return reader.ok() && !batch->ranges.empty();
}

std::string EncodePublished(const PublishedMessage& published) {
  std::string body;
  PutFixed(&body, static_cast<uint8_t>(published.in_shard ? 1 : 0));
  storage::PutText(&body, published.channel);
  storage::PutText(&body, published.message);
  return body;
}

Decoded DecodeMessage(std::string_view bytes, NodeMessage* message, size_t* size) {
  *size = kMessageHeadBytes;
  if (bytes.size() < kMessageHeadBytes) return Decoded::kNeedMore;
  storage::ByteReader reader(bytes.substr(0, kMessageHeadBytes));
  if (reader.Bytes(kMagic.size()) != kMagic || reader.Fixed<uint8_t>() != kVersion) return Decoded::kBad;
  const auto kind = reader.Fixed<uint8_t>();
  reader.Fixed<uint16_t>();
  message->epoch = reader.Fixed<uint64_t>();
  const auto body_bytes = reader.Fixed<uint64_t>();
  const auto checksum = reader.Fixed<uint64_t>();
  if (!IsKnown(kind) || body_bytes > kLargestMessage) return Decoded::kBad;
  message->kind = static_cast<MessageKind>(kind);
  *size = kMessageHeadBytes + body_bytes;
  if (bytes.size() < *size) return Decoded::kNeedMore;
  message->body = bytes.substr(kMessageHeadBytes, body_bytes);
  return checksum == storage::Checksum(bytes.substr(0, kCheckedBytes), message->body) ? Decoded::kMessage
                                                                                      : Decoded::kBad;
}

bool DecodeHeartbeat(std::string_view body, Heartbeat* heartbeat) {
  storage::ByteReader reader(body);
  heartbeat->last = reader.Fixed<storage::Lsn>();
  heartbeat->time = reader.Fixed<storage::UnixMs>();
  return reader.ok() && reader.AtEnd();
}

bool DecodeAck(std::string_view body, storage::Lsn* last) {
  storage::ByteReader reader(body);
  *last = reader.Fixed<storage::Lsn>();
  return reader.ok() && reader.AtEnd();
}

bool DecodePublished(std::string_view body, PublishedMessage* published) {
  storage::ByteReader reader(body);
  const auto kind = reader.Fixed<uint8_t>();
  published->in_shard = kind == 1;
  published->channel = reader.Text();
  published->message = reader.Text();
  return reader.ok() && reader.AtEnd() && kind <= 1;
}

}  // namespace ringkv::cluster
