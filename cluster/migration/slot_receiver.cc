// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_receiver.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {

using storage::Fail;
using storage::Result;
using storage::Status;

SlotReceiver::SlotReceiver(Target& target, PullIntroduction introduction)
    : target_(target), introduction_(std::move(introduction)), handshake_(out_, introduction_.authentication) {}

// --- the handshake --------------------------------------------------------------------------------------------------

Status SlotReceiver::Open(int64_t now) {
  std::vector<std::string> request{"CLUSTER", "PULL", std::to_string(introduction_.epoch), introduction_.shard};
  if (!introduction_.owned.empty()) request.push_back(introduction_.owned);
  handshake_.Open(std::move(request), now);
  return {};
}

Status SlotReceiver::TakeReply(const std::string& line) {
  if (Status accepted = handshake_.CheckNoError(line); !accepted) return accepted;
  return line == "+RINGKV SLOTS" ? Status() : Fail("it answers '" + line.substr(0, 60) + "'");
}

// --- messages -------------------------------------------------------------------------------------------------------

int64_t SlotReceiver::wake_at() const {
  const int64_t timeout = target_.timeout_ms();
  const int64_t silent_at = handshake_.is_asking() ? handshake_.ends_at(timeout) : silence_.ends_at(timeout);
  return question_ ? std::min(look_at_ms_, silent_at) : silent_at;
}

Result<Link::Next> SlotReceiver::Work(int64_t now) {
  constexpr int64_t kGlanceMs = 1;  // between two looks for a majority
  if (Status answered = Answer(); !answered) return tl::unexpected(answered.error());
  look_at_ms_ = now + kGlanceMs;
  const int64_t timeout = target_.timeout_ms();
  if (Status timely = handshake_.CheckTime(timeout, now); !timely) return tl::unexpected(timely.error());
  if (handshake_.is_asking() || !silence_.HasLasted(timeout, now)) return Next::kWait;
  return Fail("it has been silent for repl-timeout");
}

Status SlotReceiver::Received(size_t count, int64_t now) {
  input_.Commit(count);
  silence_.Begin(now);
  Status taken = handshake_.TakeReplies(input_, now, [this](const std::string& line) { return TakeReply(line); });
  if (!taken || handshake_.is_asking()) return taken;
  return input_.TakeMessages([this](const NodeMessage& message) { return Take(message); });
}

Status SlotReceiver::Take(const NodeMessage& message) {
  if (message.epoch != introduction_.epoch) return Fail("it sent a message of another epoch");
  // What it has offered does not change any more.
  const bool is_offered = question_ && question_->is_offer;
  if (is_offered && message.kind != MessageKind::kBarrier) return Fail("it sent an unexpected message");
  switch (message.kind) {
    case MessageKind::kSlots: return BeginBatch(message.body);
    case MessageKind::kSlotKeys:
    case MessageKind::kSlotChanges:
      if (!has_batch_) return Fail("it sent an unexpected message");
      return message.kind == MessageKind::kSlotKeys ? target_.TakeKeys(message.body)
                                                    : target_.TakeChanges(message.body);
    case MessageKind::kBarrier:
    case MessageKind::kOffer: return TakeQuestion(message);
    case MessageKind::kNoMoreSlots:
      has_finished_ = true;
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

Status SlotReceiver::TakeQuestion(const NodeMessage& message) {
  constexpr size_t kMostUnsent = 64 * 1024;
  storage::Lsn number = 0;
  if (!DecodeAck(message.body, &number)) return Fail("it sent an invalid message");
  if (out_.size() > kMostUnsent) return Fail("it reads no acknowledgements");
  const bool is_offer = message.kind == MessageKind::kOffer;
  if (is_offer && !has_batch_) return Fail("it offered no slots");
  if (Status durable = target_.Secure(); !durable) return durable;
  if (!question_) question_ = Question();
  question_->number = number;
  question_->is_offer |= is_offer;
  return Answer();
}

Status SlotReceiver::Answer() {
  if (!question_ || !target_.IsSafe()) return {};
  if (std::exchange(question_->is_offer, false)) {
    has_batch_ = false;
    if (Status taken = target_.TakeOver(); !taken) return taken;
    if (!target_.IsSafe()) return {};
  }
  out_.Append(EncodeMessage(MessageKind::kAck, introduction_.epoch, EncodeAck(question_->number)));
  question_.reset();
  return {};
}

}  // namespace ringkv::cluster
