// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_receiver.h"

#include <utility>

#include "cluster/link/authentication.h"
#include "resp/request_writer.h"

namespace ringkv::cluster {

using storage::Fail;
using storage::Result;
using storage::Status;

SlotReceiver::SlotReceiver(Target& target, PullIntroduction introduction)
    : target_(target), introduction_(std::move(introduction)) {}

// --- the handshake --------------------------------------------------------------------------------------------------

Status SlotReceiver::Open(int64_t now) {
  heard_ms_ = now;
  if (introduction_.authentication.empty()) {
    Ask();
  } else {
    out_.Append(resp::EncodeRequest(introduction_.authentication));
  }
  return {};
}

void SlotReceiver::Ask() {
  std::vector<std::string> request{"CLUSTER", "PULL", std::to_string(introduction_.epoch), introduction_.shard};
  if (!introduction_.owned.empty()) request.push_back(introduction_.owned);
  out_.Append(resp::EncodeRequest(request));
  state_ = State::kAsking;
}

Status SlotReceiver::TakeLines() {
  constexpr size_t kLongestReply = 128 * 1024;
  while (state_ < State::kReceiving) {
    std::string line;
    const Result<bool> got = input_.NextLine(kLongestReply, &line);
    if (!got) return tl::unexpected(got.error());
    if (!*got) return {};
    if (Status taken = TakeReply(line); !taken) return taken;
  }
  return {};
}

Status SlotReceiver::TakeReply(const std::string& line) {
  if (state_ == State::kAuthenticating) {
    if (Status known = CheckAuthReply(introduction_.authentication, line); !known) return known;
    Ask();
    return {};
  }
  if (line.starts_with('-')) return Fail("CLUSTER was answered: " + line.substr(1));
  if (line != "+RINGKV SLOTS") return Fail("it answers '" + line.substr(0, 60) + "'");
  state_ = State::kReceiving;
  return {};
}

// --- messages -------------------------------------------------------------------------------------------------------

Result<Link::Next> SlotReceiver::Work(int64_t now) {
  if (std::exchange(was_busy_, false)) heard_ms_ = now;
  const int64_t timeout = target_.timeout_ms();
  if (now - heard_ms_ < timeout) return Next::kWait;
  if (state_ < State::kReceiving) return Fail("no answer within " + std::to_string(timeout) + " ms");
  return Fail("it has been silent for repl-timeout");
}

Status SlotReceiver::Received(size_t count, int64_t now) {
  input_.Commit(count);
  heard_ms_ = now;
  was_busy_ = true;
  if (Status taken = TakeLines(); !taken) return taken;
  if (state_ != State::kReceiving) return {};
  return input_.TakeMessages([this](const NodeMessage& message) { return Take(message); });
}

Status SlotReceiver::Take(const NodeMessage& message) {
  if (message.epoch != introduction_.epoch) return Fail("it sent a message of another epoch");
  switch (message.kind) {
    case MessageKind::kSlots: return BeginBatch(message.body);
    case MessageKind::kSlotKeys:
    case MessageKind::kSlotChanges:
      if (!has_batch_) return Fail("it sent an unexpected message");
      return message.kind == MessageKind::kSlotKeys ? target_.TakeKeys(message.body)
                                                    : target_.TakeChanges(message.body);
    case MessageKind::kBarrier:
    case MessageKind::kOffer: return Acknowledge(message);
    case MessageKind::kNoMoreSlots:
      state_ = State::kFinished;
      target_.NoteFinished();
      return Fail("all slots have moved");
    default: return Fail("it sent an unexpected message");
  }
}

Status SlotReceiver::BeginBatch(std::string_view body) {
  SlotBatch batch;
  if (!DecodeSlotBatch(body, &batch)) return Fail("it sent an invalid list of slots");
  has_batch_ = false;
  if (Status begun = target_.BeginBatch(batch); !begun) return begun;
  has_batch_ = true;
  return {};
}

Status SlotReceiver::Acknowledge(const NodeMessage& message) {
  constexpr size_t kMostUnsent = 64 * 1024;
  storage::Lsn number = 0;
  if (!DecodeAck(message.body, &number)) return Fail("it sent an invalid message");
  if (out_.size() > kMostUnsent) return Fail("it reads no acknowledgements");
  if (Status safe = target_.Secure(); !safe) return safe;
  if (message.kind == MessageKind::kOffer) {
    if (!has_batch_) return Fail("it offered no slots");
    if (Status taken = target_.TakeOver(); !taken) return taken;
    has_batch_ = false;
  }
  out_.Append(EncodeMessage(MessageKind::kAck, introduction_.epoch, EncodeAck(number)));
  return {};
}

}  // namespace ringkv::cluster
