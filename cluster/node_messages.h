// SPDX-License-Identifier: MIT
// What nodes send each other once a link is up, as bytes (docs/formats/node-link.md): a head with a checksum and the
// epoch of the sender's shard, then a body.
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
  kAck = 5,        // the last group that the receiver has, or the number of what it answers

  // Of slots that go to another shard.
  kSlots = 6,        // which ones come now, and how their keys are placed
  kSlotKeys = 7,     // a block of their keys
  kSlotChanges = 8,  // what has happened to keys that were sent
  kBarrier = 9,      // a number, to be acknowledged when all before it is safe
  kOffer = 10,       // likewise: they are the receiver's if it acknowledges
  kNoMoreSlots = 11,

  kPublished = 12,  // what a client has published, for who has subscribed at the receiver
};

constexpr size_t kMessageHeadBytes = 32;
// A frame holds a group as a whole, which may be as large as what a client may queue in a transaction.
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

// The head of a message with this body, which is to be sent behind it.
std::string EncodeMessageHead(MessageKind kind, uint64_t epoch, std::string_view body);
std::string EncodeMessage(MessageKind kind, uint64_t epoch, std::string_view body);
std::string EncodeHeartbeat(const Heartbeat& heartbeat);
std::string EncodeAck(storage::Lsn last);

struct SlotBatch {
  storage::Placement source;
  std::vector<SlotRange> ranges;
};
std::string EncodeSlotBatch(const SlotBatch& batch);
// False unless they are ascending ranges.
bool DecodeSlotBatch(std::string_view body, SlotBatch* batch);

struct PublishedMessage {
  bool in_shard = false;  // by SPUBLISH
  std::string_view channel;
  std::string_view message;
};
std::string EncodePublished(const PublishedMessage& published);

enum class Decoded : uint8_t { kMessage, kNeedMore, kBad };
// The message at the beginning of `bytes`; it takes `size` of them. With kNeedMore `size` is how many bytes there must
// be before it is worth to ask again.
Decoded DecodeMessage(std::string_view bytes, NodeMessage* message, size_t* size);
bool DecodeHeartbeat(std::string_view body, Heartbeat* heartbeat);
bool DecodeAck(std::string_view body, storage::Lsn* last);
bool DecodePublished(std::string_view body, PublishedMessage* published);

}  // namespace ringkv::cluster
