// SPDX-License-Identifier: MIT
#include "cluster/replication/log_sender.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {
namespace {

using storage::Backlog;
using storage::Fail;
using storage::Lsn;
using storage::Result;
using storage::Status;

constexpr size_t kFramesAtOnce = 256 * 1024;
constexpr size_t kMostWaiting = 256 * 1024;  // bytes to send, before more are produced
constexpr int64_t kHeartbeatMs = 1000;
constexpr int64_t kLookMs = 10;

}  // namespace

LogSender::LogSender(Source& source, FeedRequest request, std::string_view unread)
    : source_(source), request_(std::move(request)) {
  input_.Append(unread);
  has_unread_ = !unread.empty();
}

Status LogSender::Open(int64_t now) {
  reads_.Begin(now);
  acknowledges_.Begin(now);
  const bool resumes = CanResume();
  source_.NoteSync(resumes);
  const std::optional<storage::Lsn> parted = resumes ? std::nullopt : WherePartedFrom();
  out_.Append("+RINGKV " + std::string(resumes ? "CONTINUE " : "SNAPSHOT ") + source_.history_id() + " " +
              std::to_string(source_.epoch()) + (parted ? " " + std::to_string(*parted) : "") + "\r\n");
  if (resumes) {
    SendList(frames_);
    state_ = State::kOnline;
    source_.NoteOnline();
  } else {
    state_ = State::kSendingSnapshot;
    Send(MessageKind::kSnapshot, source_.BeginSnapshot());
  }
  return {};
}

// The last group that the receiver has in common with this history, if it has more of an earlier one.
std::optional<storage::Lsn> LogSender::WherePartedFrom() {
  std::optional<storage::Lsn> last;
  for (const std::string& id : request_.histories) {
    const std::optional<storage::Lsn> end = source_.EndOf(id);
    if (end && *end + 1 < request_.next) last = std::max(last.value_or(0), *end);
  }
  return last;
}

bool LogSender::CanResume() {
  const auto is_mine = [&](const std::string& id) { return source_.Holds(id, request_.next - 1); };
  if (request_.next == 0 || std::none_of(request_.histories.begin(), request_.histories.end(), is_mine)) return false;
  source_.Seek(request_.next);
  return source_.Read(kFramesAtOnce, &frames_) != Backlog::ReadResult::kGone;
}

// --- time -----------------------------------------------------------------------------------------------------------

int64_t LogSender::silent_at() const {
  if (!out_.empty()) return reads_.ends_at(source_.timeout_ms());
  return state_ == State::kOnline ? acknowledges_.ends_at(source_.timeout_ms()) : INT64_MAX;
}

int64_t LogSender::wake_at() const {
  if (!out_.empty() || state_ == State::kStarting) return silent_at();
  if (state_ == State::kEndingSnapshot) return look_at_ms_;
  return std::min(silent_at(), last_heartbeat_ms_ + kHeartbeatMs);
}

Status LogSender::CheckSilence(int64_t now) {
  const int64_t timeout = source_.timeout_ms();
  if (!out_.empty()) {
    // It can't acknowledge what it has not got.
    if (reads_.since() > acknowledges_.since()) acknowledges_.Begin(reads_.since());
    if (!reads_.HasLasted(timeout, now)) return {};
    return Fail("the peer has read nothing for " + std::to_string(timeout) + " ms");
  }
  if (state_ != State::kOnline || !acknowledges_.HasLasted(timeout, now)) return {};
  return Fail("it has acknowledged nothing for " + std::to_string(timeout / 1000) + " s (repl-timeout)");
}

void LogSender::Sent(size_t count, int64_t now) {
  out_.Consume(count);
  reads_.Begin(now);
  source_.NoteSent(count);
}

// --- what is sent ---------------------------------------------------------------------------------------------------

Result<Link::Next> LogSender::Work(int64_t now) {
  if (Status alive = CheckSilence(now); !alive) return tl::unexpected(alive.error());
  if (std::exchange(has_unread_, false)) {
    if (Status taken = TakeAcknowledgements(now); !taken) return tl::unexpected(taken.error());
  }
  if (out_.empty()) reads_.Begin(now);  // the connection had nothing to take
  if (out_.size() >= kMostWaiting) return Next::kWait;
  switch (state_) {
    case State::kSendingSnapshot: return SendSnapshot();
    case State::kEndingSnapshot: return EndSnapshot(now);
    default: return Follow(now);
  }
}

Result<bool> LogSender::SendFrames() {
  const Backlog::ReadResult found = source_.Read(kFramesAtOnce, &frames_);
  if (found == Backlog::ReadResult::kNothingYet) return false;
  if (found == Backlog::ReadResult::kGone) {
    return Fail("it is too far behind: LSN " + std::to_string(source_.next()) +
                " is neither in the backlog nor in the log (repl-backlog-size)");
  }
  SendList(frames_);
  return true;
}

void LogSender::SendList(const storage::FrameList& frames) {
  for (const auto& frame : frames) {
    out_.Append(EncodeMessageHead(MessageKind::kFrame, source_.epoch(), *frame));
    if (frame->size() <= kFramesAtOnce) {
      out_.Append(*frame);
    } else {
      out_.Share(frame);
    }
  }
  frames_.clear();
}

Result<Link::Next> LogSender::SendSnapshot() {
  // All frames up to the copy of a block go before it.
  const Result<bool> has_sent = SendFrames();
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (*has_sent) return Next::kAgain;
  if (source_.NextBlock(&section_)) {
    Send(MessageKind::kSection, section_);
    return Next::kRest;
  }
  copied_ = source_.appended();
  state_ = State::kEndingSnapshot;
  return Next::kAgain;
}

Result<Link::Next> LogSender::EndSnapshot(int64_t now) {
  const Result<bool> has_sent = SendFrames();
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (*has_sent) return Next::kAgain;
  if (source_.next() <= copied_) {
    source_.HurryFrames();
    look_at_ms_ = now + kLookMs;
    return Next::kWait;
  }
  Send(MessageKind::kSection, source_.EndSnapshot(source_.next() - 1));
  acknowledges_.Begin(now);
  state_ = State::kOnline;
  source_.NoteOnline();
  return Next::kAgain;
}

Result<Link::Next> LogSender::Follow(int64_t now) {
  const Result<bool> has_sent = SendFrames();
  // What was read before still goes: else the replica would ask for the same again, and for a snapshot never.
  if (!has_sent && !out_.empty()) return Next::kWait;
  if (!has_sent) return tl::unexpected(has_sent.error());
  if (*has_sent) return Next::kAgain;
  if (!SendPublished()) return Next::kAgain;
  SendHeartbeat(now);
  return Next::kWait;
}

bool LogSender::SendPublished() {
  while (out_.size() < kMostWaiting) {
    const std::shared_ptr<const std::string> body = source_.NextPublished(source_.next());
    if (body == nullptr) return true;
    Send(MessageKind::kPublished, *body);
  }
  return false;
}

void LogSender::SendHeartbeat(int64_t now) {
  if (now - last_heartbeat_ms_ < kHeartbeatMs) return;
  last_heartbeat_ms_ = now;
  Send(MessageKind::kHeartbeat, EncodeHeartbeat({.last = source_.appended(), .time = source_.wall_time()}));
}

// --- acknowledgements -----------------------------------------------------------------------------------------------

Status LogSender::Received(size_t count, int64_t now) {
  input_.Commit(count);
  return TakeAcknowledgements(now);
}

Status LogSender::TakeAcknowledgements(int64_t now) {
  bool has_acknowledged = false;
  for (;;) {
    NodeMessage message;
    const Result<bool> got = input_.NextMessage(&message, kRoomBytes);
    if (!got) return Fail("it sent a message that is not an acknowledgement");
    if (!*got) break;
    if (Status good = CheckAcknowledgement(message, &acknowledged_); !good) return good;
    has_acknowledged = true;
  }
  if (!has_acknowledged) return {};
  acknowledges_.Begin(now);
  source_.NoteAcknowledged(acknowledged_);
  return {};
}

Status LogSender::CheckAcknowledgement(const NodeMessage& message, Lsn* last) {
  Lsn acknowledged = 0;
  if (message.kind != MessageKind::kAck || !DecodeAck(message.body, &acknowledged)) {
    return Fail("it sent a message that is not an acknowledgement");
  }
  if (message.epoch < source_.epoch()) return Fail("its acknowledgement is of an older epoch");
  if (acknowledged > source_.appended()) {
    return Fail("it acknowledged LSN " + std::to_string(acknowledged) + ", which does not exist yet");
  }
  *last = acknowledged;
  return {};
}

}  // namespace ringkv::cluster
