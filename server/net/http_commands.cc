// SPDX-License-Identifier: MIT
// The commands of a request over HTTP: run here, on a thread for long work, or by other nodes.
#include <utility>
#include <vector>

#include "resp/reply_builder.h"
#include "resp/reply_parser.h"
#include "resp/reply_writer.h"
#include "server/execution/denials.h"
#include "server/execution/execution.h"
#include "server/execution/lent_input.h"
#include "server/http/error_status.h"
#include "server/http/route_table.h"
#include "server/net/background_worker.h"
#include "server/net/http_connection.h"
#include "server/net/proxy.h"

namespace ringkv::server {

void HttpConnection::Begin() {
  began_ticks_ = server_.ticks().Now();
  if (target_->user != nullptr && target_->user != session_.user.account()) session_.BecomeUser(target_->user);
  session_.authenticated = true;  // or the request would not have been admitted
  session_.db = target_->db;
  session_.protocol = target_->route->speaks_resp3 ? 3 : 2;
  needed_ = 0;
  needed_term_ = 0;
  exchange_ = std::make_shared<http::Exchange>(http_parts_, thread_.state(), reader_.request(), std::move(*target_));
  const std::string denied = WhyDenied(exchange_->target());
  if (denied.empty()) {
    exchange_->target().route->handle(*exchange_);
  } else {
    exchange_->Respond(http::ResponseToError(http_parts_, denied, reader_.request()));
  }
  thread_.state().txn.TakeSkipped() ? BeginAgainLater() : Advance();
}

// Of a path that runs no command, but shows what one does.
std::string HttpConnection::WhyDenied(const http::Target& target) {
  if (target.route->command.empty() || target.user == nullptr) return {};
  const std::string_view argv[] = {target.route->command};
  const CommandEntry& entry = *server_.users().categories().Command(target.route->command);
  const Denial denial =
      CheckPermission(server_.execution_parts(), session_, *session_.card, entry, argv, DenialContext::kTopLevel);
  return denial.is_denied() ? DescribeDenial(denial, entry) : std::string();
}

// The answer would leave out data that is held for long.
void HttpConnection::BeginAgainLater() {
  target_ = exchange_->TakeTarget();
  exchange_.reset();
  begins_again_ = true;
  Pause();
}

void HttpConnection::Advance() {
  while (exchange_->wants_reply()) {
    if (!RunCommand()) return;
    if (thread_.IsTurnOver(server_.ticks().Now())) return Yield();
  }
  if (exchange_->wants_work()) return SendWork();
  if (exchange_->has_response()) Respond(exchange_->TakeResponse(), reader_.request().keeps_alive);
}

bool HttpConnection::RunCommand() {
  storage::Txn& txn = thread_.state().txn;
  const std::vector<std::string_view> argv(exchange_->argv().begin(), exchange_->argv().end());
  txn.ForgetDependence();
  resp::ReplyBuilder built(MostReplyBytes());
  resp::ReplyWriter reply(built, session_.protocol);
  const Caller caller{.parts = server_.execution_parts(),
                      .thread = thread_.state(),
                      .session = session_,
                      .reply = reply,
                      .may_wait = exchange_->target().route->is_endless,
                      .may_hand_over = true};
  const Outcome ended = Execute(caller, {.argv = argv});
  return std::visit([&](const auto& kind) { return TakeOutcome(kind, built); }, ended);
}

bool HttpConnection::TakeOutcome(const outcome::Done&, resp::ReplyBuilder& built) {
  DependOn(thread_.state().txn.depends_on(), server_.quorum_term());
  built.has_overflowed() ? TakeOverflow() : exchange_->TakeReply(std::move(built.reply()));
  return true;
}

bool HttpConnection::TakeOutcome(const outcome::Postponed& postponed, resp::ReplyBuilder&) {
  Pause();
  session_.card->is_paused = postponed.is_blocked;
  return false;
}

bool HttpConnection::TakeOutcome(const outcome::Elsewhere& where, resp::ReplyBuilder&) {
  PassOn(*where.plan);
  return !waits_for_peers_;
}

bool HttpConnection::TakeOutcome(const outcome::LateReply& late, resp::ReplyBuilder&) {
  if (!late.is_running) return NeedsRedisPort();
  if (late.input != nullptr) late.input->owner = exchange_;
  is_running_ = true;
  return false;
}

void HttpConnection::TakeAnswer(const LateAnswer& answer) {
  if (!std::exchange(is_running_, false)) return;
  DependOn(answer.lsn, answer.term);
  answer.value->has_overflowed() ? TakeOverflow() : exchange_->TakeReply(std::move(answer.value->reply()));
  GoOn();
}

// Over HTTP a command blocks no client and cannot take over the connection.
bool HttpConnection::NeedsRedisPort() {
  exchange_->Fail(501, "this command needs a connection of the Redis protocol");
  return true;
}

void HttpConnection::SendWork() {
  // By the client's number: it may be gone when the work is done.
  thread_.worker().Run([&thread = thread_, id = id(), work = exchange_->TakeWork()] {
    thread.Post([&thread, id, finish = work()] {
      auto* const self = static_cast<HttpConnection*>(thread.Find(id));
      if (self == nullptr) return;
      finish();
      self->Resume();
    });
  });
}

void HttpConnection::TakeReplyBytes(std::string_view bytes) {
  resp::Reply reply;
  size_t consumed = 0;
  const resp::ReplyLimits limits{.bulk_bytes = INT64_MAX, .elements = INT64_MAX, .memory_bytes = MostReplyBytes()};
  switch (resp::ParseReply(bytes, limits, &reply, &consumed)) {
    case resp::ReplyStatus::kReply: return exchange_->TakeReply(std::move(reply));
    case resp::ReplyStatus::kTooLarge: return TakeOverflow();
    case resp::ReplyStatus::kNeedMore:
    case resp::ReplyStatus::kError: return exchange_->Fail(500, "the reply of a command is invalid");
  }
}

void HttpConnection::TakeOverflow() {
  if (exchange_->reply_limit() < replies_.limits().output_limit) return exchange_->TakeOverflow();
  exchange_->Fail(500, "the command's reply exceeds client-output-buffer-limit");
}

void HttpConnection::PassOn(const ProxyPlan& plan) {
  PassedRequest request;
  request.protocol = session_.protocol;
  request.place.connection = id();
  request.place.number = ++passed_on_;
  waits_for_peers_ = true;
  is_passing_on_ = true;
  thread_.proxy().PassOn(plan, std::move(request),
                         [this](const ProxyPart& part, const ReplyPlace& place) { return AnswerPart(part, place); });
  is_passing_on_ = false;
}

bool HttpConnection::AnswerPart(const ProxyPart& part, const ReplyPlace& place) {
  const std::optional<storage::Lsn> lsn = thread_.proxy().ExecuteHere(part, place, session_, MostReplyBytes());
  if (lsn) DependOn(*lsn, server_.quorum_term());
  return lsn.has_value();
}

void HttpConnection::TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) {
  if (!waits_for_peers_ || number != passed_on_) return;
  waits_for_peers_ = false;
  DependOn(lsn, server_.quorum_term());
  TakeReplyBytes(reply);
  GoOn();
}

size_t HttpConnection::MostReplyBytes() const {
  return exchange_ == nullptr ? 0 : std::min(replies_.limits().output_limit, exchange_->reply_limit());
}

void HttpConnection::RefuseReply(uint64_t number) {
  if (!waits_for_peers_ || number != passed_on_) return;
  waits_for_peers_ = false;
  TakeOverflow();
  GoOn();
}

void HttpConnection::GoOn() {
  if (is_passing_on_) return;  // all of it was here
  thread_.state().txn.set_now(server_.clock().Now());
  thread_.BeginTurn();
  Advance();
  Continue();
}

}  // namespace ringkv::server
