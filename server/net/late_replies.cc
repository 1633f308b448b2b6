// SPDX-License-Identifier: MIT
// Replies that come after their command has returned: from other nodes, of commands that block or run elsewhere, and in
// parts.
#include "server/net/connection.h"

#include <utility>

#include "server/net/long_reply.h"
#include "server/net/proxy.h"

namespace ringkv::server {
namespace {

constexpr size_t kLongReply = 128 * 1024;  // a longer one is sent piece by piece

}  // namespace

// --- other nodes ----------------------------------------------------------------------------------------------------

bool Connection::MustWaitForPeers(const Request& request) {
  // A command with side effects on the connection must not run before earlier requests are answered.
  const CommandEntry* entry = request.is_looked_up ? request.entry : server_.commands().Find(request.argv);
  const bool only_answers = entry != nullptr && entry->row->run.data != nullptr && !entry->row->MayWait(request.argv);
  if (only_answers && replies_.MayPassOn()) return false;
  WaitForPeers(only_answers ? replies_.missing() / 2 : 0);
  return true;
}

void Connection::PassOn(const ProxyPlan& plan) {
  size_t bytes = 0;
  for (const ProxyPart& part : plan.parts) {
    for (const std::string_view word : part.argv) bytes += word.size();
  }
  PassedRequest request;
  request.protocol = session_.protocol;
  request.place.connection = id();
  request.place.number = replies_.Reserve(bytes, !WantsReply());
  thread_.proxy().PassOn(plan, std::move(request),
                         [this](const ProxyPart& part, const ReplyPlace& place) { return AnswerPart(part, place); });
}

bool Connection::AnswerPart(const ProxyPart& part, const ReplyPlace& place) {
  const std::optional<storage::Lsn> lsn = thread_.proxy().ExecuteHere(part, place, session_, MostReplyBytes());
  if (lsn) session_.last_lsn = std::max(session_.last_lsn, *lsn);
  return lsn.has_value();
}

void Connection::TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) {
  replies_.Fill(number, std::move(reply), lsn);
  if (replies_.is_closing()) return;
  const bool has_waited = waits_for_peers_ && replies_.missing() <= awaited_missing_;
  if (!has_waited && !(has_ended_ && !replies_.has_missing())) return;
  waits_for_peers_ = false;
  Yield();
}

// --- blocking commands ----------------------------------------------------------------------------------------------

std::optional<int64_t> Connection::CheckReplicas(int64_t now_ms) {
  const std::optional<int64_t> deadline_ms = blocked_.replica_deadline_ms();
  if (deadline_ms && blocked_.IsHandedOver() && BeginAgain()) return std::nullopt;
  if (!deadline_ms || GoOnAfter(blocked_.CheckReplicas(now_ms))) return std::nullopt;
  return deadline_ms;
}

void Connection::EndKeyWait(int64_t deadline_ms) { GoOnAfter(blocked_.TimeOut(deadline_ms)); }

void Connection::TakeAnswer(const LateAnswer& answer) {
  if (is_closed_) return Leave();
  if (answer.is_sent_back && blocked_.IsHandedOver() && BeginAgain()) return;
  BlockedCommand::End end = blocked_.Answer(answer);
  const bool has_long_reply = answer.long_reply != nullptr && (answer.is_as_wanted || WantsReply());
  if (end != BlockedCommand::End::kNotYet && has_long_reply) TakeLongReply(answer);
  if (stream_ != nullptr && end == BlockedCommand::End::kRepliedLast) {
    closes_after_stream_ = true;
    end = BlockedCommand::End::kReplied;
  }
  if (!is_closed_) GoOnAfter(end);
}

void Connection::TakeLongReply(const LateAnswer& answer) {
  if (replies_.is_discarding()) return;
  const std::shared_ptr<resp::Buffer>& reply = answer.long_reply;
  if (reply->has_overflowed()) {
    replies_.NoteOverflow();
    return Close();
  }
  is_answered_ = true;
  if (reply->size() > kLongReply && replies_.IsSafe(session_.last_lsn, answer.term)) {
    closes_after_stream_ = false;
    stream_ = std::make_unique<LongReply>(reply, server_.long_work());
    return ContinueStream();
  }
  const size_t start = output_.size();
  output_.Append(reply->Readable());
  replies_.Hold(start, answer.lsn, answer.term);
}

void Connection::Unblock(bool with_error) { GoOnAfter(blocked_.Unblock(with_error)); }

void Connection::AbandonBlocked() {
  if (blocked_.Abandon()) closes_after_reply_ = true;
}

bool Connection::BeginAgain() {
  const std::optional<std::string> request = blocked_.TakeRequest();
  if (!request) return false;
  input_.PutBefore(*request);
  Serve();
  Read();
  return true;
}

bool Connection::GoOnAfter(BlockedCommand::End end) {
  if (end == BlockedCommand::End::kNotYet) return false;
  if (end == BlockedCommand::End::kRepliedLast) closes_after_reply_ = true;
  EndCommand();
  AppendHeldInvalidations();
  replies_.FlushLater();
  Serve();
  Read();
  return true;
}

// --- replies in parts ------------------------------------------------------------------------------------------------

void Connection::ContinueStream() {
  storage::Txn& txn = thread_.state().txn;
  txn.set_now(server_.clock().Now());
  txn.ForgetDependence();
  const size_t before = output_.size();
  const bool goes_on = stream_->Continue(txn, output_);
  if (txn.TakeSkipped()) Pause();
  session_.last_lsn = std::max(session_.last_lsn, txn.depends_on());
  if (!is_answered_) output_.TruncateTo(before);
  if (output_.size() > before) {
    replies_.Hold(before, session_.last_lsn, server_.quorum_term(), ReplyGate::Form::kPart);
  }
  replies_.SetUnwritten(stream_->BytesLeft());
  replies_.FlushLater();
  if (goes_on) return;
  stream_.reset();
  AppendHeldInvalidations();
  if (closes_after_stream_) closes_after_reply_ = true;
}

}  // namespace ringkv::server
