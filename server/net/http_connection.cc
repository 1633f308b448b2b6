// SPDX-License-Identifier: MIT
#include "server/net/http_connection.h"

#include <algorithm>
#include <cerrno>

#include "resp/reply_parser.h"
#include "server/command/error_replies.h"
#include "server/execution/execution.h"
#include "server/execution/route.h"
#include "server/http/admission.h"
#include "server/http/route_table.h"
#include "server/net/background_worker.h"
#include "server/net/proxy.h"
#include "server/net/socket_io.h"

namespace ringkv::server {
namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr int kMostHttpReceives = 4;
constexpr size_t kBufferKept = 64 * 1024;
constexpr size_t kSlowestBytesAMs = 64;  // of a body, behind what http-timeout allows anyway
constexpr int64_t kHttpIdleMs = 2000;    // after which buffers are given back
constexpr int64_t kLingerMs = 2000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpConnection::HttpConnection(IoThread& thread, int descriptor, std::shared_ptr<ClientCard> card)
    : thread_(thread),
      server_(thread.server()),
      socket_(thread.context(), descriptor, *this),
      session_(std::move(card), thread.server().watched_keys()),
      counted_memory_(thread.state()),
      reply_(replies_, 2),
      idle_since_ms_(session_.card->connected_ms) {}

HttpConnection::~HttpConnection() = default;

// --- reading --------------------------------------------------------------------------------------------------------

void HttpConnection::OnReadable() {
  lingers_since_ms_ != 0 ? Drop() : Read();
  if (!is_closed_ && !has_ended_) socket_.WaitReadable();
}

void HttpConnection::Read() {
  // The event that brought us here is not repeated for bytes that stay behind.
  for (int i = 0; MayReceive(); ++i) {
    if (!ReceiveOnce()) return;
    if (i == kMostHttpReceives) return thread_.ReadLater(this);
  }
}

bool HttpConnection::ReceiveOnce() {
  const Receipt receipt = ReceiveInto(input_, kReadSize, socket_, thread_.state().statistics);
  may_have_ended_ = receipt == Receipt::kSome || receipt == Receipt::kFull;
  if (receipt == Receipt::kBroken) Close();
  if (receipt == Receipt::kBroken || receipt == Receipt::kNothing) return false;
  has_ended_ = receipt == Receipt::kEnded;
  Serve();
  // Less than there was room for: nothing is left, unless the client has closed, which Tick finds out.
  return receipt == Receipt::kFull;
}

void HttpConnection::Serve() {
  thread_.state().txn.set_now(server_.clock().Now());
  idle_since_ms_ = server_.clock().SteadyMs();
  UpdateLimits();
  is_full_ = !backpressure_.MayExecute(output_.size(), input_.size());
  thread_.BeginTurn();
  while (MayServe() && ServeOnce()) {
    is_full_ = !backpressure_.MayExecute(output_.size(), input_.size());
    if (thread_.IsTurnOver(server_.ticks().Now())) Yield();
  }
  if (is_closed_) return;
  if (has_ended_ && exchange_ == nullptr && !is_full_ && !is_yielding_) is_ending_ = true;
  if (is_ending_) input_.Consume(input_.size());
  if (input_.size() > backpressure_.input_limit && !is_yielding_) {
    server_.log().Warning("closing " + session_.card->address +
                          ": its unexecuted input exceeds client-query-buffer-limit");
    thread_.state().statistics.query_buffer_limit_disconnections.Add(1);
    return Close();
  }
  session_.UpdateCard(idle_since_ms_);
  CountMemory();
  if (!output_.empty() || is_ending_) MarkForFlush();
}

void HttpConnection::CountMemory() {
  ClientCard& card = *session_.card;
  card.input_bytes.store(input_.size(), std::memory_order_relaxed);
  card.input_free.store(input_.capacity() - input_.size(), std::memory_order_relaxed);
  card.argument_bytes.store(request_bytes_, std::memory_order_relaxed);
  card.output_bytes.store(output_.size(), std::memory_order_relaxed);
  card.output_capacity.store(output_.capacity() + replies_.capacity() + gate_.MemoryBytes(), std::memory_order_relaxed);
  if (counted_memory_.Set(card.MemoryBytes())) thread_.client_eviction().Check();
}

void HttpConnection::UpdateLimits() {
  backpressure_ = Backpressure::Of(server_.options(), ClientClass::kNormal, ClientMemoryLimit(server_.options()));
  output_.set_limit(backpressure_.output_limit);
  replies_.set_limit(backpressure_.output_limit);
}

http::RequestLimits HttpConnection::Limits() const {
  const Options& options = server_.options();
  const bool is_json = target_ && target_->route->body != http::Body::kAny;
  return {.head_bytes = static_cast<size_t>(options.http_max_head_size.load()),
          .body_bytes =
              static_cast<uint64_t>(is_json ? options.http_max_json_size.load() : options.http_max_body_size.load())};
}

bool HttpConnection::ServeOnce() {
  size_t taken = 0;
  const http::Progress progress = reader_.Read(input_.Readable(), Limits(), &taken);
  if (request_since_ms_ == 0 && reader_.has_begun()) request_since_ms_ = idle_since_ms_;
  request_bytes_ += taken;
  input_.Consume(taken);
  switch (progress) {
    case http::Progress::kNeedMore: return taken > 0;
    case http::Progress::kHead: return TakeHead();
    case http::Progress::kWhole: break;
    case http::Progress::kError:
      Respond(http::ErrorResponse(reader_.error().status, reader_.error().text), false);
      return false;
  }
  if (refusal_) {
    Respond(*refusal_, reader_.request().keeps_alive);
  } else {
    Begin();
  }
  return true;
}

bool HttpConnection::TakeHead() {
  const http::Request& request = reader_.request();
  std::span<const cluster::Node> nodes;
  if (server_.cluster().is_enabled()) nodes = ViewOf(server_, thread_.state()).topology.nodes();
  auto admitted = http::Admit(request, server_.options(), nodes);
  const bool has_body = request.is_chunked || request.content_length > 0;
  if (!admitted) {
    refusal_ = std::move(admitted.error());
    if (has_body) Respond(*refusal_, false);  // it need not be sent
    return !has_body;
  }
  target_ = std::move(*admitted);
  if (!request.expect.empty() && has_body && input_.empty()) output_.Append(kContinue);
  return true;
}

// --- commands -------------------------------------------------------------------------------------------------------

void HttpConnection::Begin() {
  began_ticks_ = server_.ticks().Now();
  session_.authenticated = true;  // or the request would not have been admitted
  session_.db = target_->db;
  needed_ = 0;
  needed_term_ = 0;
  exchange_ = std::make_unique<http::Exchange>(server_, thread_.state(), reader_.request(), std::move(*target_));
  exchange_->target().route->handle(*exchange_);
  Advance();
}

void HttpConnection::Advance() {
  while (exchange_->wants_reply()) {
    if (!RunCommand()) return;
    if (thread_.IsTurnOver(server_.ticks().Now())) return Yield();
  }
  if (exchange_->wants_work()) return SendWork();
  if (exchange_->response()) Respond(*exchange_->response(), reader_.request().keeps_alive);
}

bool HttpConnection::RunCommand() {
  storage::Txn& txn = thread_.state().txn;
  const std::vector<std::string_view> argv(exchange_->argv().begin(), exchange_->argv().end());
  txn.ForgetDependence();
  replies_.Consume(replies_.size());
  replies_.set_limit(std::min(backpressure_.output_limit, exchange_->reply_limit()));
  const Outcome ended = Execute({server_, thread_.state(), session_, reply_}, {.argv = argv});
  return std::visit([this](const auto& kind) { return TakeOutcome(kind); }, ended);
}

bool HttpConnection::TakeOutcome(const outcome::Done&) {
  DependOn(thread_.state().txn.depends_on());
  TakeReplyBytes(replies_.Readable());
  return true;
}

bool HttpConnection::TakeOutcome(const outcome::Postponed&) {
  is_paused_ = true;
  session_.card->is_paused = true;
  thread_.WaitForPauseEnd(this);
  return false;
}

bool HttpConnection::TakeOutcome(const outcome::Elsewhere& where) {
  PassOn(*where.plan);
  return !waits_for_peers_;
}

// Over HTTP a command replies at once and cannot take over the connection.
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

void HttpConnection::Yield() {
  if (is_yielding_) return;
  is_yielding_ = true;
  thread_.ReadLater(this);
}

void HttpConnection::TakeReplyBytes(std::string_view bytes) {
  if (replies_.has_overflowed()) {
    replies_.ForgetOverflow();
    if (exchange_->reply_limit() < backpressure_.output_limit) return exchange_->TakeOverflow();
    return exchange_->Fail(500, "the command's reply exceeds client-output-buffer-limit");
  }
  resp::Reply reply;
  size_t consumed = 0;
  const resp::ReplyLimits limits{.bulk_bytes = INT64_MAX, .elements = INT64_MAX};
  if (resp::ParseReply(bytes, limits, &reply, &consumed) != resp::ReplyStatus::kReply) {
    return exchange_->Fail(500, "the reply of a command is invalid");
  }
  exchange_->TakeReply(std::move(reply));
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
  replies_.Consume(replies_.size());
  const auto answered = ExecutePart({server_, thread_.state(), session_, reply_}, part);
  if (!answered) return false;
  DependOn(*answered);
  thread_.proxy().Answer(place, std::string(replies_.Readable()), *answered);
  return true;
}

void HttpConnection::TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) {
  if (!waits_for_peers_ || number != passed_on_) return;
  waits_for_peers_ = false;
  DependOn(lsn);
  TakeReplyBytes(reply);
  if (is_passing_on_) return;  // all of it was here
  thread_.state().txn.set_now(server_.clock().Now());
  thread_.BeginTurn();
  Advance();
  Continue();
}

void HttpConnection::Resume() {
  thread_.state().txn.set_now(server_.clock().Now());
  thread_.BeginTurn();
  is_yielding_ = false;
  is_paused_ = false;
  session_.card->is_paused = false;
  if (exchange_ != nullptr && !waits_for_peers_) Advance();
  Continue();
}

void HttpConnection::Continue() {
  if (lingers_since_ms_ != 0) return Drop();
  Serve();
  Read();
}

// --- responses ------------------------------------------------------------------------------------------------------

http::Delivery HttpConnection::DeliveryOf(bool keeps_alive) {
  return {.without_body = reader_.request().method == http::Method::kHead,
          .keeps_alive = keeps_alive,
          .date = thread_.HttpDate()};
}

void HttpConnection::DependOn(storage::Lsn lsn) {
  needed_ = std::max(needed_, lsn);
  if (lsn != 0 && needed_term_ == 0) needed_term_ = server_.quorum_term();
}

void HttpConnection::Respond(const http::Response& response, bool keeps_alive) {
  // While draining, clients should reconnect, by a load balancer to another server.
  keeps_alive = keeps_alive && !server_.is_draining();
  const http::Route* route = exchange_ != nullptr ? exchange_->target().route : nullptr;
  const uint64_t ticks = exchange_ != nullptr ? server_.ticks().Now() - began_ticks_ : 0;
  thread_.state().statistics.http.Add(http::LabelIndex(route), http::StatusIndex(response.status),
                                      server_.ticks().Nanoseconds(ticks));
  const size_t before = output_.size();
  AppendResponse(output_, response, DeliveryOf(keeps_alive));
  if (needed_ != 0 && (needed_ > server_.safe_lsn() || server_.HasEnded(needed_term_))) {
    const bool is_bodiless = reader_.request().method == http::Method::kHead;
    gate_.Hold(before, output_.size(), needed_, needed_term_, server_.clock().SteadyMs(),
               is_bodiless ? ReplyGate::Form::kBodiless : ReplyGate::Form::kWhole);
  }
  needed_ = 0;
  needed_term_ = 0;
  is_ending_ = !keeps_alive;
  exchange_.reset();
  target_.reset();
  refusal_.reset();
  reader_.Restart();
  request_since_ms_ = 0;
  request_bytes_ = 0;
  MarkForFlush();
}

template <typename IsLost>
void HttpConnection::ReplaceHeld(std::string_view error, IsLost&& is_lost) {
  gate_.Replace(output_, is_lost, [&](ReplyGate::Form form, bool is_last) {
    AppendResponse(output_, http::ErrorResponse(503, error),
                   {.without_body = form == ReplyGate::Form::kBodiless,
                    .keeps_alive = !(is_ending_ && is_last),
                    .date = thread_.HttpDate()});
  });
}

void HttpConnection::GiveUpQuorum() {
  Sendable();  // those that are safe by now are right as they are
  ReplaceHeld(errors::kOutcomeOpen, [](uint32_t) { return true; });
  MarkForFlush();
}

void HttpConnection::GiveUpEndedTerm() {
  if (!gate_.HoldsOfOtherTerm(server_.replication().term())) return;
  ReplaceHeld(errors::kOutcomeOpenByRole, [this](uint32_t term) { return server_.HasEnded(term); });
}

size_t HttpConnection::Sendable() {
  const storage::Lsn safe = server_.safe_lsn();  // before the term, which decides what this means
  GiveUpEndedTerm();
  return gate_.Sendable(output_.size(), safe);
}

void HttpConnection::MarkForFlush() {
  if (will_flush_ || is_writing_ || is_closed_) return;
  will_flush_ = true;
  thread_.FlushLater(this);
}

void HttpConnection::Flush() {
  will_flush_ = false;
  if (is_closed_ || is_writing_) return;
  if (output_.has_overflowed()) return CloseForOutput();
  const size_t sendable = Sendable();
  const size_t held = output_.size() - sendable;
  const size_t before = output_.size();
  if (!SendAllBut(held, output_, gate_, socket_, thread_.state().statistics)) return Close();
  if (output_.size() < before) idle_since_ms_ = server_.clock().SteadyMs();
  CountMemory();
  if (output_.size() > held) {
    is_writing_ = true;
    socket_.WaitWritable();
  }
  if (is_full_ && backpressure_.MayGoOn(output_.size(), input_.size())) thread_.ReadLater(this);
  if (is_writing_) return;
  if (held > 0) {
    if (is_held_) return;
    is_held_ = true;
    thread_.HoldReplies(this);
    // The LSN may have become safe before the thread knew of the wait, which is not announced again.
    if (Sendable() > 0) Flush();
    return;
  }
  if (output_.capacity() > kBufferKept) output_.ShrinkTo(0);
  if (replies_.capacity() > kBufferKept) {
    replies_.Consume(replies_.size());
    replies_.ShrinkTo(0);
  }
  if (is_ending_) return Linger();
}

void HttpConnection::Release() {
  is_held_ = false;
  Flush();
}

void HttpConnection::OnWritable() {
  is_writing_ = false;
  Flush();
  if (!is_closed_ && !is_writing_) Continue();
}

// --- limits and the end ---------------------------------------------------------------------------------------------

void HttpConnection::CloseForOutput() {
  ThreadStatistics& statistics = thread_.state().statistics;
  const bool is_evicted = backpressure_.is_limit_of_all;
  server_.log().Warning("closing " + session_.card->address + ": its unread responses exceed " +
                        (is_evicted ? "maxmemory-clients" : "client-output-buffer-limit"));
  (is_evicted ? statistics.clients_evicted : statistics.output_buffer_limit_disconnections).Add(1);
  Close();
}

void HttpConnection::Linger() {
  if (lingers_since_ms_ != 0) return;
  lingers_since_ms_ = server_.clock().SteadyMs();
  input_.Consume(input_.size());
  socket_.ShutdownSending();
  Drop();
}

void HttpConnection::Drop() {
  for (int i = 0; i < kMostHttpReceives && !is_closed_; ++i) {
    char* room = input_.Prepare(kReadSize);
    const ssize_t received = socket_.Receive(room, input_.writable());
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return Close();
    if (received < 0) return;
  }
  thread_.ReadLater(this);
}

bool HttpConnection::Tick(int64_t now_ms) {
  if (lingers_since_ms_ != 0) return now_ms - lingers_since_ms_ < kLingerMs;
  if (gate_.held_since_ms() != 0 && server_.waits_for_quorum() &&
      now_ms - gate_.held_since_ms() > server_.options().repl_ack_timeout) {
    GiveUpQuorum();
  }
  // Whatever lets responses leave announces it; this is for what does not.
  if (is_held_ && Sendable() > 0) MarkForFlush();
  const int64_t patience_ms = server_.options().http_timeout * 1000;
  const int64_t silent_ms = now_ms - idle_since_ms_;
  if (is_writing_) return silent_ms < patience_ms;  // it doesn't read
  if (may_have_ended_) Read();
  if (is_closed_ || exchange_ != nullptr || !output_.empty()) return true;
  if (request_since_ms_ == 0) {
    // Between two requests.
    if (silent_ms > kHttpIdleMs) {
      input_.ShrinkTo(0);
      CountMemory();
    }
    return silent_ms < server_.options().http_keepalive_timeout * 1000;
  }
  const auto allowed_ms = patience_ms + static_cast<int64_t>(request_bytes_ / kSlowestBytesAMs);
  if (now_ms - request_since_ms_ < allowed_ms) return true;
  Respond(http::ErrorResponse(408, "the request was not complete within http-timeout"), false);
  Flush();
  return true;
}

void HttpConnection::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  server_.clients().Remove(id());
  socket_.Close();
  thread_.Release(this);
}

}  // namespace ringkv::server
