// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_sender.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::Result;
using storage::Status;

constexpr size_t kMostSlotBytesWaiting = 256 * 1024;  // to be sent, before more are produced
// Measured with 15 ms after 256 KB: the p99 of clients grows 1.8 times while a node joins, without it 2.9 times. Blocks
// have 64 KB.
constexpr int64_t kRestAfterBlockMs = 4;
constexpr int64_t kQuietMs = 15;  // for what is under way to end, before the changes since are sent
// Requests for a slot are held so long at first, in three parts of which each may take so long: until what is under way
// has ended, until the last changes are sent, until the receiver has them. After each attempt in vain it is twice that.
constexpr int64_t kFirstPatienceMs = 50;
constexpr int64_t kMostPatienceMs = 1000;
// Requests are held for a receiver that answered the last barrier with so much of its time left, and if it answers
// several without, one after the other, then that, too, is an attempt in vain.
constexpr int64_t kSpareMs = 30;
constexpr int kMostLateBarriers = 4;
constexpr int kAttemptsUntilSaid = 8;
constexpr int64_t kOfferMs = 50;  // until clients are told to ask the receiver
constexpr int64_t kGlanceMs = 1;  // between two looks for the end of a round
constexpr int kLooks = 20;
constexpr int64_t kLookEveryMs = 50;

}  // namespace

Status SlotSender::Open(int64_t now) {
  reads_.Begin(now);
  out_.Append("+RINGKV SLOTS\r\n");
  return {};
}

// --- time -----------------------------------------------------------------------------------------------------------

int64_t SlotSender::wake_at() const {
  const int64_t stuck_at = reads_.ends_at(source_.timeout_ms());
  return out_.empty() ? wake_at_ms_ : std::min(stuck_at, wake_at_ms_);
}

Link::Next SlotSender::WaitUntil(int64_t time) {
  wake_at_ms_ = time;
  return Next::kWait;
}

void SlotSender::Sent(size_t count, int64_t now) {
  out_.Consume(count);
  reads_.Begin(now);
  if (waits_for_sending_ && out_.empty()) {
    waits_for_sending_ = false;
    answers_.Begin(now);
  }
}

Result<Link::Next> SlotSender::Work(int64_t now) {
  wake_at_ms_ = INT64_MAX;
  if (out_.empty()) reads_.Begin(now);  // the connection had nothing to take
  if (reads_.HasLasted(source_.timeout_ms(), now)) {
    return Fail("the peer has read nothing for " + std::to_string(source_.timeout_ms()) + " ms");
  }
  const bool is_held = state_ >= State::kDraining && state_ <= State::kOffering;
  if (!is_held && out_.size() >= kMostSlotBytesWaiting) return Next::kWait;
  switch (state_) {
    case State::kChoosing: return Choose(now);
    case State::kCopying: return Copy(now);
    case State::kCatchingUp: return CatchUp(now);
    case State::kLevelling: return Level(now);
    case State::kQuieting: return Quiet(now);
    case State::kDraining: return Drain(now);
    case State::kConfirming: return Confirm(now);
    case State::kOffering: return AwaitTaker(now);
    case State::kOpen: return AwaitOutcome(now);
    case State::kFinished: break;
  }
  if (out_.empty()) return Fail("all slots have moved");
  return Next::kWait;
}

// --- a batch --------------------------------------------------------------------------------------------------------

Result<Link::Next> SlotSender::Choose(int64_t now) {
  // Clients close their connection to a node without slots, with the requests in flight. So a leaving shard keeps one
  // slot until clients know the new owners of the others.
  if (now < look_at_ms_) return WaitUntil(look_at_ms_);
  if (!source_.IsLedgerSafe()) return WaitUntil(now + kGlanceMs);
  batch_ = source_.SlotsToMove(true);
  if (batch_.none()) {
    batch_ = source_.SlotsToMove(false);
    if (batch_.any() && looks_ < kLooks) {
      looks_ = source_.CountOwned() > 1 ? 1 : looks_ + 1;
      batch_.reset();
      look_at_ms_ = now + kLookEveryMs;
      return WaitUntil(look_at_ms_);
    }
  }
  looks_ = 0;
  if (batch_.none()) {
    Send(MessageKind::kNoMoreSlots, "");
    state_ = State::kFinished;
    return Next::kAgain;
  }
  was_offered_ = is_in_ledger_ = false;
  Send(MessageKind::kSlots, source_.BeginBatch(batch_));
  state_ = State::kCopying;
  return Next::kAgain;
}

Result<Link::Next> SlotSender::Copy(int64_t now) {
  // All changes up to the copy of a block go before it.
  const Result<bool> has_sent = SendChanges();
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (*has_sent) return Next::kAgain;
  // The receiver has as much to do, and cannot rest while this one sends.
  if (std::exchange(is_to_rest_, false)) rests_until_ms_ = now + kRestAfterBlockMs;
  if (now < rests_until_ms_) return WaitUntil(rests_until_ms_);
  if (source_.NextBlock(&section_)) {
    Send(MessageKind::kSlotKeys, section_);
    is_to_rest_ = true;
    return Next::kRest;
  }
  patience_ms_ = kFirstPatienceMs;
  attempts_ = late_barriers_ = 0;
  BeginCatchUp();
  return Next::kAgain;
}

Result<bool> SlotSender::SendChanges() {
  changes_.clear();
  Result<bool> has_read = source_.ReadChanges(&changes_);
  if (has_read && !changes_.empty()) Send(MessageKind::kSlotChanges, changes_);
  return has_read;
}

// --- catching up ----------------------------------------------------------------------------------------------------

void SlotSender::BeginCatchUp() {
  // Clients wait for the hand-over, which waits for what is under way: so scripts that take long end before.
  source_.BeginRound();
  state_ = State::kCatchingUp;
}

Result<Link::Next> SlotSender::CatchUp(int64_t now) {
  const Result<bool> has_sent = SendChanges();
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (!*has_sent) AskPatiently(State::kLevelling, MessageKind::kBarrier, now);
  return Next::kAgain;
}

Result<Link::Next> SlotSender::Level(int64_t now) {
  if (answered_ == number_) {
    // From here on, after a restart the receiver's ledger decides who owns the slots. It has accepted them by now;
    // before, it may still take itself for their owner, because it has not heard that this shard has taken its offer.
    if (!std::exchange(is_in_ledger_, true)) {
      if (Status noted = source_.PrepareOffer(batch_); !noted) return tl::unexpected(noted.error());
    }
    is_level_ = answered_ms_ - answers_.since() <= patience_ms_ - kSpareMs;
    late_barriers_ = is_level_ ? 0 : late_barriers_ + 1;
    if (late_barriers_ == kMostLateBarriers) NoteAttemptInVain();
    quiet_until_ms_ = now + kQuietMs;
    state_ = State::kQuieting;
    return Next::kAgain;
  }
  if (IsSilent(now)) return Fail("it has been silent for repl-timeout");
  return WaitUntil(silent_at());
}

Result<Link::Next> SlotSender::Quiet(int64_t now) {
  const bool is_quiet = source_.HasRoundEnded() && source_.IsLedgerSafe();
  if (is_quiet && is_level_) return Hold();
  if (!is_quiet && now < quiet_until_ms_) return WaitUntil(std::min(now + kGlanceMs, quiet_until_ms_));
  state_ = State::kCatchingUp;
  return Next::kAgain;
}

// --- the hand-over --------------------------------------------------------------------------------------------------

Result<Link::Next> SlotSender::Hold() {
  if (!source_.Hold(batch_, patience_ms_)) return GiveUpHold();
  held_at_ = source_.appended();
  drain_until_ms_ = 0;
  state_ = State::kDraining;
  return Next::kAgain;
}

Link::Next SlotSender::GiveUpHold() {
  source_.Release(batch_);
  NoteAttemptInVain();
  BeginCatchUp();
  return Next::kAgain;
}

void SlotSender::NoteAttemptInVain() {
  late_barriers_ = 0;
  patience_ms_ = std::min(2 * patience_ms_, kMostPatienceMs);
  const bool is_to_be_said = ++attempts_ >= kAttemptsUntilSaid && std::has_single_bit(attempts_);
  if (is_to_be_said) source_.NoteAttemptsInVain(batch_, attempts_);
}

Result<Link::Next> SlotSender::Drain(int64_t now) {
  if (drain_until_ms_ == 0) drain_until_ms_ = now + patience_ms_;
  if (source_.next() > held_at_) {
    Ask(State::kConfirming, MessageKind::kBarrier, patience_ms_, now);
    return Next::kAgain;
  }
  if (now >= drain_until_ms_) return GiveUpHold();
  source_.HurryFrames();
  const Result<bool> has_sent = SendChanges();
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (!*has_sent) return WaitUntil(now + kGlanceMs);
  return Next::kAgain;
}

Result<Link::Next> SlotSender::Confirm(int64_t now) {
  if (answered_ == number_) {
    was_offered_ = true;
    source_.SendOffer(batch_);
    Ask(State::kOffering, MessageKind::kOffer, kOfferMs, now);
    return Next::kAgain;
  }
  if (IsLate(now)) return GiveUpHold();
  return WaitUntil(late_at());
}

Result<Link::Next> SlotSender::AwaitTaker(int64_t now) {
  if (answered_ == number_) return Give();
  if (!IsLate(now)) return WaitUntil(late_at());
  // Ends the pause: from here on clients get ASK.
  source_.Release(batch_);
  AskPatiently(State::kOpen, MessageKind::kBarrier, now);
  return Next::kAgain;
}

Result<Link::Next> SlotSender::AwaitOutcome(int64_t now) {
  if (answered_ == number_) return Give();
  if (IsSilent(now)) return Fail("it has not confirmed the slots");
  return WaitUntil(silent_at());
}

Result<Link::Next> SlotSender::Give() {
  const Status given = source_.Give(batch_);
  source_.Release(batch_);
  if (!given) return tl::unexpected(given.error());
  state_ = State::kChoosing;
  return Next::kAgain;
}

// --- barriers and their acknowledgements ----------------------------------------------------------------------------

void SlotSender::Ask(State state, MessageKind kind, int64_t within_ms, int64_t now) {
  state_ = state;
  Send(kind, EncodeAck(++number_));
  answers_.Begin(now);
  within_ms_ = within_ms;
  waits_for_sending_ = false;
}

void SlotSender::AskPatiently(State state, MessageKind kind, int64_t now) {
  Ask(state, kind, source_.timeout_ms(), now);
  waits_for_sending_ = true;
}

Status SlotSender::Received(size_t count, int64_t now) {
  input_.Commit(count);
  return input_.TakeMessages([&](const NodeMessage& message) { return TakeAcknowledgement(message, now); }, kRoomBytes);
}

Status SlotSender::TakeAcknowledgement(const NodeMessage& message, int64_t now) {
  storage::Lsn number = 0;
  const bool is_good = message.kind == MessageKind::kAck && message.epoch == epoch_ &&
                       DecodeAck(message.body, &number) && number <= number_;
  if (!is_good) return Fail("it sent a message that is not an acknowledgement");
  answered_ = std::max(answered_, number);
  answered_ms_ = now;
  return {};
}

}  // namespace ringkv::cluster
