// SPDX-License-Identifier: MIT
#include "server/net/http_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/execution/denials.h"
#include "server/execution/long_work.h"
#include "server/execution/route.h"
#include "server/http/admission.h"
#include "server/http/route_table.h"
#include "server/net/socket_io.h"
#include "transport/slow_sender.h"

namespace ringkv::server {
namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr size_t kReadSizeOfBody = 128 * 1024;
constexpr int kMostHttpReceives = 4;
constexpr int64_t kHttpIdleMs = 2000;  // after which buffers are given back
constexpr int64_t kLingerMs = 2000;
constexpr size_t kBodySlice = 256 * 1024;
constexpr size_t kMostFreedHere = 32 * 1024;  // of a request; of a longer one there may be thousands of strings
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpConnection::HttpConnection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card)
    : thread_(thread),
      server_(thread.server()),
      http_parts_{.options = server_.options(),
                  .replication = server_.replication(),
                  .cluster = server_.cluster(),
                  .report = server_.report_parts(),
                  .users = server_.users(),
                  .history = server_.history()},
      socket_(thread.context(), std::move(channel), *this),
      session_(std::move(card), thread.server().watched_keys()),
      replies_(thread, *this, socket_, *session_.card),
      output_(replies_.output()),
      idle_since_ms_(session_.card->connected_ms) {
  BecomeDefaultUser(session_, server_.users());
}

HttpConnection::~HttpConnection() = default;

bool HttpConnection::MoveTo(IoThread& target) {
  if (!IsAtRest()) return false;
  is_closed_ = true;
  const auto make = [](IoThread& thread, IoThread::Luggage luggage) -> std::unique_ptr<ClientConnection> {
    auto moved = std::make_unique<HttpConnection>(thread, std::move(luggage.channel), luggage.card);
    moved->session_.Resume(std::move(luggage.session));
    moved->idle_since_ms_ = luggage.idle_since_ms;
    moved->UpdateCard();
    return moved;
  };
  thread_.Transfer(this, {socket_.Release(), session_.card, session_.State(), idle_since_ms_}, target, make);
  return true;
}

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
  const http::Request& request = reader_.request();
  const uint64_t missing = request.content_length - std::min<uint64_t>(request.content_length, request.body.size());
  const size_t step = std::clamp<uint64_t>(missing, kReadSize, kReadSizeOfBody);
  const size_t before = input_.size();
  const Receipt receipt = ReceiveInto(input_, step, socket_, thread_.state().statistics);
  session_.card->received_bytes += input_.size() - before;
  may_have_ended_ = receipt == Receipt::kSome || receipt == Receipt::kFull;
  if (receipt == Receipt::kBroken) Close();
  if (receipt == Receipt::kBroken || receipt == Receipt::kNothing) return false;
  has_ended_ = receipt == Receipt::kEnded;
  Serve();
  // Less than there was room for: nothing is left, unless the client has closed, which Tick finds out.
  return receipt == Receipt::kFull;
}

void HttpConnection::Serve() {
  if (events_ != nullptr) {
    input_.Consume(input_.size());  // nothing is answered any more
    return has_ended_ ? Close() : void();
  }
  thread_.state().txn.set_now(server_.clock().Now());
  idle_since_ms_ = server_.clock().SteadyMs();
  UpdateLimits();
  is_full_ = !replies_.MayExecute(input_.size());
  thread_.BeginTurn();
  while (MayServe() && ServeOnce()) {
    is_full_ = !replies_.MayExecute(input_.size());
    if (thread_.IsTurnOver(server_.ticks().Now())) Yield();
  }
  if (is_closed_) return;
  SendBody();
  if (has_ended_ && exchange_ == nullptr && body_.empty() && !is_full_ && !is_yielding_) is_ending_ = true;
  if (is_ending_) input_.Consume(input_.size());
  if (input_.size() > replies_.limits().input_limit && !is_yielding_) {
    server_.log().Warning("closing " + session_.card->address +
                          ": its unexecuted input exceeds client-query-buffer-limit");
    thread_.state().statistics.query_buffer_limit_disconnections.Add(1);
    return Close();
  }
  session_.UpdateCard(idle_since_ms_);
  UpdateCard();
  if (!output_.empty() || is_ending_) replies_.FlushLater();
}

void HttpConnection::UpdateCard() {
  ClientCard& card = *session_.card;
  card.input_bytes.store(input_.size(), std::memory_order_relaxed);
  card.input_free.store(input_.capacity() - input_.size(), std::memory_order_relaxed);
  card.argument_bytes.store(request_bytes_, std::memory_order_relaxed);
  replies_.SetUnwritten(body_.bytes());
  replies_.CountMemory();
}

void HttpConnection::UpdateLimits() {
  replies_.UpdateLimits(events_ != nullptr ? ClientClass::kPubSub : ClientClass::kNormal, true);
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
  const bool is_in_cluster = server_.cluster().is_enabled();
  const ClusterView* view = is_in_cluster ? &ViewOf(server_.execution_parts(), thread_.state()) : nullptr;
  const http::Identity sender = http::Identify(request.authorization, server_.users());
  auto admitted = http::Admit(request, sender, {server_.options(), server_.users(), view});
  const bool has_body = request.is_chunked || request.content_length > 0;
  if (!admitted) {
    if (sender.has_credentials && sender.user == nullptr && admitted.error().status == 401) {
      NoteFailedAuthentication(server_.execution_parts(), *session_.card, "Authorization", sender.name,
                               DenialContext::kTopLevel);
    }
    refusal_ = std::move(admitted.error());
    if (has_body) Respond(*refusal_, false);  // it need not be sent
    return !has_body;
  }
  target_ = std::move(*admitted);
  const bool waits = !request.expect.empty() && !request.is_1_0;  // HTTP/1.0 knows no interim response
  if (waits && has_body && input_.empty()) output_.Append(kContinue);
  return true;
}

// --- turns -----------------------------------------------------------------------------------------------------------

void HttpConnection::Yield() {
  if (is_yielding_) return;
  is_yielding_ = true;
  thread_.ReadLater(this);
}

void HttpConnection::Pause() {
  is_paused_ = true;
  thread_.WaitForPauseEnd(this);
}

void HttpConnection::Resume() {
  thread_.state().txn.set_now(server_.clock().Now());
  thread_.BeginTurn();
  is_yielding_ = false;
  is_paused_ = false;
  session_.card->is_paused = false;
  if (std::exchange(begins_again_, false)) {
    Begin();
  } else if (exchange_ != nullptr && !waits_for_peers_ && !is_running_) {
    Advance();
  }
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

void HttpConnection::DependOn(storage::Lsn lsn, uint32_t term) {
  needed_ = std::max(needed_, lsn);
  if (lsn != 0 && needed_term_ == 0) needed_term_ = term;
}

void HttpConnection::Respond(http::Response response, bool keeps_alive) {
  // While draining, clients should reconnect, by a load balancer to another server.
  std::shared_ptr<http::EventStream> events = response.events;
  keeps_alive = keeps_alive && !server_.is_draining() && events == nullptr;
  const http::Route* route = exchange_ != nullptr ? exchange_->target().route : nullptr;
  const uint64_t ticks = exchange_ != nullptr ? server_.ticks().Now() - began_ticks_ : 0;
  thread_.state().statistics.http.Add(http::LabelIndex(route), http::StatusIndex(response.status),
                                      server_.ticks().Nanoseconds(ticks));
  const size_t before = output_.size();
  const size_t bytes = response.BodyBytes();
  // One above the limit of the output ends the connection, as the limit says.
  if (bytes <= kBodySlice || bytes > replies_.limits().output_limit) {
    AppendResponse(output_, response, DeliveryOf(keeps_alive));
  } else {
    body_.Begin(output_, std::move(response), DeliveryOf(keeps_alive));
    body_.Append(output_, kBodySlice);
  }
  const bool is_bodiless = reader_.request().method == http::Method::kHead;
  replies_.Hold(before, needed_, needed_term_, is_bodiless ? ReplyGate::Form::kBodiless : ReplyGate::Form::kWhole);
  needed_ = 0;
  needed_term_ = 0;
  is_ending_ = !keeps_alive;
  events != nullptr ? BeginEvents(std::move(events)) : ForgetSession();
  if (request_bytes_ > kMostFreedHere) server_.long_work().FreeLater(exchange_);
  exchange_.reset();
  target_.reset();
  refusal_.reset();
  reader_.Restart();
  request_since_ms_ = 0;
  request_bytes_ = 0;
  replies_.FlushLater();
}

void HttpConnection::SendBody() {
  if (body_.empty() || !output_.empty()) return;
  body_.Append(output_, kBodySlice);
  if (body_.has_sent_piece()) server_.long_work().FreeLater(std::make_shared<std::string>(body_.TakeSentPiece()));
  if (body_.empty()) Yield();  // the next request's turn
  replies_.FlushLater();
}

void HttpConnection::AppendLost(std::string_view error, ReplyGate::Form form, bool is_last) {
  if (is_last) body_.Clear();
  AppendResponse(output_, http::ErrorResponse(503, error),
                 {.without_body = form == ReplyGate::Form::kBodiless,
                  .keeps_alive = !(is_ending_ && is_last),
                  .date = thread_.HttpDate()});
}

void HttpConnection::Flush() {
  if (is_closed_) return;
  const uint64_t sent_before = replies_.bytes_sent();
  const ReplyPath::Progress progress = replies_.Flush();
  if (progress == ReplyPath::Progress::kRefused || progress == ReplyPath::Progress::kBroken) return Close();
  if (replies_.bytes_sent() != sent_before) idle_since_ms_ = server_.clock().SteadyMs();
  UpdateCard();
  if (is_full_ && replies_.MayGoOn(input_.size())) thread_.ReadLater(this);
  if (progress != ReplyPath::Progress::kSent) return;
  if (!body_.empty()) return Yield();
  if (is_ending_) Linger();
}

void HttpConnection::Release() {
  replies_.NoteSafe();
  Flush();
}

void HttpConnection::OnWritable() {
  replies_.NoteWritable();
  Flush();
  if (!is_closed_ && !replies_.is_writing()) Continue();
}

// --- limits and the end ---------------------------------------------------------------------------------------------

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
  if (!replies_.Tick(now_ms)) return false;
  const int64_t patience_ms = server_.options().http_timeout * 1000;
  const int64_t silent_ms = now_ms - idle_since_ms_;
  if (replies_.is_writing()) return silent_ms < patience_ms;  // it doesn't read
  if (may_have_ended_ && silent_ms >= kQuietMs) Read();
  if (events_ != nullptr && !is_closed_ && !is_ending_) {
    if (server_.options().http_console == static_cast<int64_t>(ConsoleMode::kNo)) return false;
    UpdateLimits();
    SendEvent(events_->Due(now_ms, output_.size()));
    return true;
  }
  if (is_closed_ || exchange_ != nullptr || !output_.empty() || !body_.empty()) return true;
  if (request_since_ms_ == 0) {
    // Between two requests.
    if (silent_ms > kHttpIdleMs) {
      input_.ShrinkTo(0);
      UpdateCard();
    }
    return silent_ms < server_.options().http_keepalive_timeout * 1000;
  }
  const int64_t allowed_ms = patience_ms + transport::TimeToSendMs(request_bytes_);
  if (now_ms - request_since_ms_ < allowed_ms) return true;
  Respond(http::ErrorResponse(408, "the request was not complete within http-timeout"), false);
  Flush();
  return true;
}

void HttpConnection::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  ForgetSession();
  server_.clients().Remove(id());
  socket_.Close();
  thread_.Release(this);
}

}  // namespace ringkv::server
