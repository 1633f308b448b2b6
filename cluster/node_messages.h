// SPDX-License-Identifier: MIT
// Encoding of the messages on a link between nodes (docs/formats/node-link.md): a head with a checksum and the epoch of
// the sender's shard, then a body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/slot_map.h"
#include "storage/base/clock.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

enum class MessageKind : uint8_t {
  kSnapshot = 1,   // a snapshot begins: the header of its file
  kSection = 2,    // of that snapshot: a block or the end
  kFrame = 3,      // of the log
  kHeartbeat = 4,  // the sender's last group and its clock
  kAck = 5,        // the last group that the receiver has, or the number of the acknowledged barrier or offer

  // For slot migration.
  kSlots = 6,        // the slots of the next batch, and the seed of their placement
  kSlotKeys = 7,     // a block of their keys
  kSlotChanges = 8,  // changes of keys that were sent
  kBarrier = 9,      // a number, acknowledged when all messages before it are durable
  kOffer = 10,       // a number, acknowledged when the receiver owns the slots
  kNoMoreSlots = 11,

  kPublished = 12,  // a message of PUBLISH, for the receiver's subscribers
};

constexpr size_t kMessageHeadBytes = 32;
// A frame holds complete groups, and a group may be as large as the queue of a transaction.
constexpr uint64_t kLargestMessage = uint64_t{2} << 30;

struct NodeMessage {
  MessageKind kind = MessageKind::kHeartbeat;
  uint64_t epoch = 0;
  std::string_view body;
};

struct Heartbeat {
  storage::Lsn last = 0;
  storage::UnixMs time = 0;
};

// The head of a message; its body is sent after it.
std::string EncodeMessageHead(MessageKind kind, uint64_t epoch, std::string_view body);
std::string EncodeMessage(MessageKind kind, uint64_t epoch, std::string_view body);
std::string EncodeHeartbeat(const Heartbeat& heartbeat);
std::string EncodeAck(storage::Lsn last);

struct SlotBatch {
  storage::Placement source;
  std::vector<SlotRange> ranges;
};
std::string EncodeSlotBatch(const SlotBatch& batch);
// False unless the ranges are valid and ascending.
bool DecodeSlotBatch(std::string_view body, SlotBatch* batch);

struct PublishedMessage {
  bool in_shard = false;  // by SPUBLISH
  std::string_view channel;
  std::string_view message;
};
std::string EncodePublished(const PublishedMessage& published);

enum class Decoded : uint8_t { kMessage, kNeedMore, kBad };
// Decodes the message at the beginning of `bytes`, of `size` bytes. With kNeedMore `size` is the number of bytes needed
// for the next attempt.
Decoded DecodeMessage(std::string_view bytes, NodeMessage* message, size_t* size);
bool DecodeHeartbeat(std::string_view body, Heartbeat* heartbeat);
bool DecodeAck(std::string_view body, storage::Lsn* last);
bool DecodePublished(std::string_view body, PublishedMessage* published);

}  // namespace ringkv::cluster
