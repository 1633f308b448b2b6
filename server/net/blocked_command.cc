// SPDX-License-Identifier: MIT
#include "server/net/blocked_command.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "resp/request_writer.h"
#include "server/base/client_links.h"
#include "server/blocking/waiting_clients.h"
#include "server/command/error_replies.h"
#include "server/execution/account.h"
#include "server/execution/hand_over.h"
#include "server/net/client_connection.h"
#include "server/net/io_thread.h"
#include "server/net/reply_path.h"
#include "server/replication/replication.h"

namespace ringkv::server {

BlockedCommand::BlockedCommand(IoThread& thread, ClientConnection& connection, Session& session, ReplyPath& replies,
                               resp::ReplyWriter& reply)
    : thread_(thread),
      connection_(connection),
      server_(thread.server()),
      session_(session),
      replies_(replies),
      reply_(reply) {}

std::optional<int64_t> BlockedCommand::replica_deadline_ms() const {
  return replica_wait_ ? std::optional(replica_wait_->deadline_ms) : std::nullopt;
}

size_t BlockedCommand::MemoryBytes() const { return key_wait_ == nullptr ? 0 : key_wait_->memory_bytes; }

void BlockedCommand::Begin(outcome::KeyWait& wait) {
  key_wait_ = std::move(wait.request);
  key_wait_spent_ = wait.nanoseconds;
  NoteBegin(key_wait_->plan.deadline_ms);
  thread_.EndKeyWaitAt(connection_, key_wait_->plan.deadline_ms);
}

// A wait for keys that are nowhere: only an answer can end it. A client whose command runs is not blocked to others.
void BlockedCommand::Begin(outcome::LateReply& late) {
  key_wait_ = std::move(late.request);
  key_wait_spent_ = late.nanoseconds;
  uses_session_ = late.uses_session;
  begun_ = std::move(late.begun);
  begun_term_ = late.begun_term;
  is_running_ = late.is_running;
  if (is_running_) return;
  NoteBegin(INT64_MAX);
  session_.card->waits_for_work = true;
}

void BlockedCommand::Begin(const outcome::ReplicaWait& wait) {
  replica_wait_ = wait;
  NoteBegin(wait.deadline_ms);
  thread_.WaitForReplicas(&connection_);
}

void BlockedCommand::NoteBegin(int64_t deadline_ms) {
  session_.card->is_waiting = true;
  session_.card->wait_ends = deadline_ms != INT64_MAX;
}

bool BlockedCommand::IsHandedOver() const {
  Replication& replication = server_.replication();
  const bool is_gone = replication.is_replica() && replication.relay().IsOpenTo(*session_.card);
  return (replication.failover().HoldsRequests() || is_gone) && IsPortable(session_);
}

std::optional<std::string> BlockedCommand::TakeRequest() {
  std::vector<std::string> words;
  if (replica_wait_) {
    const outcome::ReplicaWait& wait = *replica_wait_;
    const bool ends = wait.deadline_ms != INT64_MAX;
    const int64_t left_ms = ends ? std::max<int64_t>(wait.deadline_ms - server_.clock().SteadyMs(), 1) : 0;
    words = {wait.command->full_name};
    if (wait.is_for_disks) words.push_back(std::to_string(wait.local));
    words.push_back(std::to_string(wait.replicas));
    words.push_back(std::to_string(left_ms));
  } else if (key_wait_ != nullptr && !is_running_ && begun_.empty()) {
    words = key_wait_->argv;
  }
  if (words.empty()) return std::nullopt;
  Reset();
  return resp::EncodeRequest(words);
}

BlockedCommand::End BlockedCommand::CheckReplicas(int64_t now_ms) {
  if (server_.replication().is_replica()) {
    ReplyError(errors::kNoPrimary);
    Reset();
    return End::kRepliedLast;
  }
  const outcome::ReplicaWait& wait = *replica_wait_;
  if (wait.local > 0 && server_.options().appendonly == 0) {
    ReplyError(errors::kNoLogToWaitFor);
    return Replied();
  }
  const size_t local = wait.is_for_disks ? server_.data().CountDurable(wait.lsn) : 0;
  const size_t replicas = wait.is_for_disks ? 0 : server_.replication().feeds().CountAcknowledged(wait.lsn);
  const bool is_met = local >= wait.local && replicas >= wait.replicas;
  if (!is_met && now_ms < wait.deadline_ms) return End::kNotYet;
  if (WantsReply()) {
    if (wait.is_for_disks) {
      reply_.Array(2);
      reply_.Integer(static_cast<int64_t>(local));
    }
    reply_.Integer(static_cast<int64_t>(replicas));
  }
  return Replied();
}

BlockedCommand::End BlockedCommand::TimeOut(int64_t deadline_ms) {
  if (key_wait_ == nullptr || key_wait_->plan.deadline_ms != deadline_ms || !LeaveKeys()) return End::kNotYet;
  if (WantsReply()) reply_.NullArray();
  return Replied();
}

BlockedCommand::End BlockedCommand::Answer(const LateAnswer& answer) {
  if (key_wait_ == nullptr) return End::kNotYet;
  AccountWait(server_.execution_parts(), thread_.state(), *key_wait_, key_wait_spent_, answer);
  session_.last_lsn = std::max(session_.last_lsn, answer.lsn);
  reply_.set_protocol(session_.protocol);  // EXEC may have changed it
  if (answer.long_reply == nullptr && (WantsReply() || !begun_.empty())) {
    const size_t start = replies_.output().size();
    replies_.output().Append(begun_);
    if (WantsReply()) replies_.output().Append(answer.reply);
    begun_.empty() ? replies_.Hold(start, answer.lsn, answer.term)
                   : replies_.Hold(start, session_.last_lsn, begun_term_);
  }
  Reset();
  return answer.ends_connection ? End::kRepliedLast : End::kReplied;
}

BlockedCommand::End BlockedCommand::Unblock(bool with_error) {
  if (!is_blocked() || (key_wait_ != nullptr && !LeaveKeys())) return End::kNotYet;
  if (key_wait_ != nullptr) {
    AccountUnblock(server_.execution_parts(), thread_.state(), *key_wait_->command, key_wait_spent_);
  } else {
    AccountUnblock(server_.execution_parts(), thread_.state(), *replica_wait_->command, replica_wait_->nanoseconds);
  }
  if (!with_error && replica_wait_) return CheckReplicas(INT64_MAX);
  if (with_error) ReplyError(errors::kUnblocked);
  if (!with_error && WantsReply()) reply_.NullArray();
  return Replied();
}

bool BlockedCommand::Abandon() {
  if (key_wait_ != nullptr && !LeaveKeys()) return false;
  Reset();
  return true;
}

void BlockedCommand::Forget() {
  LeaveKeys();
  Reset();
}

bool BlockedCommand::LeaveKeys() { return key_wait_ != nullptr && server_.waiting_clients().Remove(session_.card->id); }

void BlockedCommand::Reset() {
  if (replica_wait_) thread_.ForgetReplicaWait(&connection_);
  if (key_wait_ != nullptr) thread_.ForgetKeyWait(connection_, key_wait_->plan.deadline_ms);
  replica_wait_.reset();
  key_wait_.reset();
  uses_session_ = false;
  is_running_ = false;
  begun_.clear();
  session_.card->is_waiting = false;
  session_.card->waits_for_work = false;
  session_.card->wait_ends = false;
}

BlockedCommand::End BlockedCommand::Replied() {
  Reset();
  return End::kReplied;
}

void BlockedCommand::ReplyError(std::string_view error) {
  if (WantsReply()) reply_.Error(error);
  thread_.state().statistics.CountError(error.substr(0, error.find(' ')));
}

}  // namespace ringkv::server
