// SPDX-License-Identifier: MIT
#include "server/net/connection.h"

#include <algorithm>
#include <utility>

#include "server/execution/lent_input.h"
#include "server/execution/route.h"
#include "server/net/shard_channels.h"
#include "server/session/client_tracking.h"

namespace ringkv::server {
namespace {

constexpr int kMostReceives = 4;
constexpr size_t kUnwantedReply = 1024;  // as much of a reply that goes nowhere is written
constexpr int64_t kIdleMs = 2000;        // after which buffers are freed

}  // namespace

Connection::Connection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card)
    : Connection(thread, std::move(channel), card, card->connected_ms) {
  BecomeDefaultUser(session_, server_.users());
}

Connection::Connection(IoThread& thread, transport::Channel channel, std::shared_ptr<ClientCard> card,
                       int64_t last_read_ms)
    : thread_(thread),
      server_(thread.server()),
      socket_(thread.context(), std::move(channel), *this),
      session_(std::move(card), thread.server().watched_keys()),
      replies_(thread, *this, socket_, *session_.card),
      output_(replies_.output()),
      reply_(output_, 2),
      blocked_(thread, *this, session_, replies_, reply_),
      last_read_ms_(last_read_ms) {}

Connection::~Connection() = default;

void Connection::Start() { socket_.WaitReadable(); }

void Connection::OnReadable() {
  Read();
  if (!is_closed_ && !has_ended_) socket_.WaitReadable();
}

// --- reading and serving --------------------------------------------------------------------------------------------

void Connection::Read() {
  // The event that brought us here is not repeated for bytes that stay behind.
  for (int i = 0; MayReceive(); ++i) {
    if (!ReceiveOnce()) return;
    if (i == kMostReceives) return Yield();
  }
}

void Connection::Yield() {
  if (is_yielding_) return;
  is_yielding_ = true;
  thread_.ReadLater(this);
}

bool Connection::ReceiveOnce() {
  const Receipt receipt = input_.Receive(socket_, thread_.state().statistics);
  if (receipt == Receipt::kNothing || receipt == Receipt::kEnded || receipt == Receipt::kBroken) {
    may_have_ended_ = false;
    if (receipt == Receipt::kEnded) EndInput();
    if (receipt == Receipt::kBroken) BreakOff();
    return false;
  }
  const bool is_first = last_read_ms_ == session_.card->connected_ms;
  may_have_ended_ = true;
  Serve();
  // Less than there was room for: nothing is left, unless the client has closed, which Tick finds out. Clients that
  // send one command and go are found out at once.
  return receipt == Receipt::kFull || is_first;
}

void Connection::EndInput() {
  has_ended_ = true;
  if (blocked_.is_blocked()) AbandonBlocked();
  if (!blocked_.is_blocked()) Serve();
}

void Connection::BreakOff() {
  const bool has_long_reply = stream_ != nullptr && stream_->Behind() != nullptr;
  if (!is_full_ && !is_yielding_ && !waits_for_peers_ && !has_long_reply && !blocked_.is_running()) return Close();
  has_ended_ = true;
  replies_.Discard();
  if (has_long_reply) stream_.reset();
  is_full_ = false;
  Yield();
}

void Connection::Serve() {
  storage::Txn& txn = thread_.state().txn;
  txn.set_now(server_.clock().Now());
  last_read_ms_ = server_.clock().SteadyMs();
  UpdateLimits();
  is_full_ = false;
  thread_.BeginTurn();
  resp::RequestLimits limits;
  limits.bulk_bytes = server_.options().proto_max_bulk_len;
  while (MayServe() && ServeBatch(limits)) {
    if (replies_.is_discarding() || thread_.IsTurnOver(server_.ticks().Now())) Yield();
  }
  if (is_closed_) return;
  if (replies_.is_discarding() && !is_yielding_ && !waits_for_peers_ && !blocked_.is_running()) return Close();
  if (closes_after_reply_) input_.Discard();
  if (input_.Unexecuted() > replies_.limits().input_limit && !is_yielding_) {
    server_.log().Warning("closing " + session_.card->address +
                          ": its unexecuted input exceeds client-query-buffer-limit");
    thread_.state().statistics.query_buffer_limit_disconnections.Add(1);
    return Close();
  }
  if (has_ended_ && !HasUnfinished()) closes_after_reply_ = true;
  UpdateCard();
  if (!output_.empty() || closes_after_reply_ || take_socket_) replies_.FlushLater();
}

bool Connection::ServeBatch(const resp::RequestLimits& limits) {
  if (!MayExecute(input_.size())) return false;
  RequestBatch& batch = thread_.batch();
  const resp::ParseStatus status = input_.Parse(limits, session_.authenticated, batch);
  const std::span<Request> requests = batch.Finish();
  work += static_cast<uint32_t>(requests.size());
  if (requests.size() > 1) Prepare(server_.execution_parts(), thread_.state(), session_, requests);
  size_t consumed = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    // Asked of the last command's books, because a look at the clock would cost as much as a small command.
    if (i > 0 && thread_.IsTurnOver(thread_.state().last_command_end)) Yield();
    const bool goes_on = !is_yielding_ && ServeOne(requests[i], input_.size() - consumed);
    if (const auto borrower = std::exchange(borrower_, nullptr)) {
      borrower->bytes = input_.Lend(batch.end(i));
      return false;
    }
    if (!goes_on) {
      if (!is_closed_) input_.ConsumeUpTo(consumed);
      return false;
    }
    consumed = batch.end(i);
    if (take_socket_) {
      input_.Consume(consumed);
      return false;
    }
  }
  input_.Consume(consumed);
  if (status == resp::ParseStatus::kError) RefuseInput();
  return status == resp::ParseStatus::kRequest || status == resp::ParseStatus::kEmpty;
}

// False when the request, and those behind it, have to wait or will never be executed.
bool Connection::ServeOne(const Request& request, size_t unexecuted) {
  if (closes_after_reply_ || replies_.is_closing() || stream_ != nullptr || blocked_.is_blocked()) return false;
  if (request.argv.empty()) {
    session_.reply_mode.skips_next = false;  // it was the next request, and has no reply
    EndCommand();
    return true;
  }
  if (!MayExecute(unexecuted)) return false;
  if (replies_.has_missing() && MustWaitForPeers(request)) return false;
  const size_t start = output_.size();
  if (std::exchange(session_.reply_mode.skips_next, false)) session_.reply_mode.skips_this = true;
  thread_.state().txn.ForgetDependence();
  const bool was_wanted = WantsReply();
  Outcome ended = was_wanted ? Execute(CallerFor(reply_), request) : ExecuteUnanswered(request);
  if (output_.has_overflowed()) {
    replies_.NoteOverflow();
    // What goes on elsewhere may use the session and the input until its end.
    if (auto* const late = std::get_if<outcome::LateReply>(&ended)) GoOn(*late);
    Close();
    return false;
  }
  is_answered_ = was_wanted || WantsReply();
  auto* const done = std::get_if<outcome::Done>(&ended);
  if (done == nullptr) TakeBackReply(ended, start);
  QueueReply(start);
  if (thread_.invalidations().has_waiting()) [[unlikely]]
    thread_.invalidations().Tell();
  if (done != nullptr) [[likely]]
    return GoOn(*done);
  return std::visit([&](auto& kind) { return GoOn(kind); }, ended);
}

bool Connection::GoOn(outcome::Postponed& postponed) {
  Pause();
  session_.card->is_paused = postponed.is_blocked;
  return false;
}

void Connection::Pause() {
  is_paused_ = true;
  thread_.WaitForPauseEnd(this);
}

bool Connection::GoOn(outcome::Elsewhere& where) {
  PassOn(*where.plan);
  EndCommand();
  return true;
}

bool Connection::GoOn(outcome::KeyWait& wait) {
  blocked_.Begin(wait);
  if (has_ended_) AbandonBlocked();
  return true;
}

bool Connection::GoOn(outcome::LateReply& late) {
  blocked_.Begin(late);
  borrower_ = std::move(late.input);
  return true;
}

bool Connection::GoOn(outcome::ReplicaWait& wait) {
  blocked_.Begin(wait);
  if (has_ended_) AbandonBlocked();
  return true;
}

bool Connection::GoOn(outcome::Stream& stream) {
  stream_ = std::move(stream.parts);
  closes_after_stream_ = stream.is_last;
  ContinueStream();
  EndCommand();
  return true;
}

bool Connection::GoOn(outcome::HandOver& hand_over) {
  take_socket_ = std::move(hand_over.take);
  EndCommand();
  return true;
}

bool Connection::GoOn(outcome::Close& close) {
  if (close.at_once) {
    Close();
    return false;
  }
  closes_after_reply_ = true;
  EndCommand();
  return true;
}

// What is written of a reply that does not leave yet.
void Connection::TakeBackReply(Outcome& ended, size_t start) {
  if (auto* const late = std::get_if<outcome::LateReply>(&ended)) {
    late->begun = output_.Readable().substr(start);
    late->begun_term = server_.quorum_term();
  } else if (!std::holds_alternative<outcome::Postponed>(ended)) {
    return;
  }
  output_.TruncateTo(start);
}

void Connection::QueueReply(size_t start) {
  const storage::Lsn needed = thread_.state().txn.depends_on();
  session_.last_lsn = std::max(session_.last_lsn, needed);
  replies_.Queue(start, is_answered_ ? needed : 0);  // pushes show no effect
}

bool Connection::MayExecute(size_t unexecuted) {
  is_full_ = !replies_.MayExecute(unexecuted);
  return !is_full_;
}

Outcome Connection::ExecuteUnanswered(const Request& request) {
  resp::Buffer& unwanted = thread_.unwanted_reply();
  unwanted.set_limit(kUnwantedReply);
  resp::ReplyWriter writer(unwanted, session_.protocol);
  Outcome ended = Execute(CallerFor(writer), request);
  reply_.set_protocol(session_.protocol);
  unwanted.TruncateTo(0);
  unwanted.ForgetOverflow();
  return ended;
}

// CLIENT CACHING is for the next command, or transaction.
void Connection::EndCaching() {
  if (session_.queue.is_open()) return;
  session_.tracking.is_caching = session_.tracking.ends_caching = false;
  session_.tracking.Update();
}

// --- what goes on behind a command ----------------------------------------------------------------------------------

void Connection::HandOver() {
  const auto take = std::move(take_socket_);
  std::string unread(input_.Readable());
  transport::Channel channel = socket_.Release();
  is_closed_ = true;
  ForgetSession();
  thread_.Release(this);
  take(std::move(channel), std::move(unread));
}

void Connection::ForgetSession() {
  if (session_.is_monitor) server_.monitor().Remove(*session_.card);
  session_.card->is_monitor = false;
  server_.broker().RemoveAll(session_.subscriptions, *session_.card);
  session_.NoteSubscriptions();
  EndTracking(session_, thread_.state(), server_.tracking());
  session_.UnwatchAll();
  blocked_.Forget();
}

void Connection::RefuseInput() {
  if (replies_.has_missing()) WaitForPeers(0);
  if (!MayServe()) return input_.ConsumeUpTo(0);  // it is found again when serving goes on
  server_.log().Write(LogLevel::kVerbose, "protocol error of " + session_.card->address + ": " + input_.error());
  reply_.Error("ERR Protocol error: " + input_.error());
  thread_.state().statistics.CountError("ERR");
  closes_after_reply_ = true;
}

void Connection::UpdateCard() {
  session_.UpdateCard(last_read_ms_);
  input_.CountMemory(*session_.card, blocked_.MemoryBytes());
  replies_.CountMemory();
}

void Connection::Resume() {
  is_yielding_ = false;
  is_paused_ = false;
  session_.card->is_paused = false;
  if (stream_ != nullptr && output_.size() <= replies_.limits().mark) ContinueStream();
  Serve();
  Read();
}

// --- writing --------------------------------------------------------------------------------------------------------

void Connection::UpdateLimits() {
  replies_.UpdateLimits(client_class(), !session_.card->no_evict.load(std::memory_order_relaxed));
}

void Connection::DropForeignChannels() {
  const ClusterView& view = ViewOf(server_.execution_parts(), thread_.state());
  if (channels_version_ == thread_.state().cluster_version) return;
  channels_version_ = thread_.state().cluster_version;
  EndForeignChannels(view, server_.broker(), session_, reply_);
  replies_.FlushLater();
}

void Connection::AppendLost(std::string_view error, ReplyGate::Form, bool) { reply_.Error(error); }

void Connection::Flush() {
  if (is_closed_) return;
  switch (replies_.Flush()) {
    case ReplyPath::Progress::kRefused: return Close();
    case ReplyPath::Progress::kBroken: return BreakOff();
    case ReplyPath::Progress::kWaiting: break;
    case ReplyPath::Progress::kSent:
      if (unread_invalidations_.has_any()) NoteInvalidationsRead();
      if (take_socket_) return HandOver();
      if (closes_after_reply_) return Close();
  }
  replies_.CountMemory();
  if (stream_ != nullptr && !is_paused_ && output_.size() <= replies_.limits().mark / 2) thread_.ReadLater(this);
  if (is_full_ && replies_.MayGoOn(input_.size())) Yield();
}

void Connection::Release() {
  replies_.NoteSafe();
  Flush();
}

void Connection::OnWritable() {
  replies_.NoteWritable();
  Flush();
}

// --- limits and the end ---------------------------------------------------------------------------------------------

bool Connection::Tick(int64_t now_ms) {
  if (!replies_.Tick(now_ms)) return false;
  const int64_t idle_ms = now_ms - last_read_ms_;
  const int64_t timeout = server_.options().timeout;
  if (timeout > 0 && idle_ms > timeout * 1000 && !session_.is_monitor && session_.subscriptions.empty() &&
      !is_paused_ && stream_ == nullptr && !blocked_.is_blocked() && !replies_.has_missing()) {
    server_.log().Write(LogLevel::kVerbose, "closing idle client " + session_.card->address);
    return false;
  }
  if (!session_.subscriptions.of(Topic::kShardChannel).empty() && server_.cluster().is_enabled()) DropForeignChannels();
  if (may_have_ended_ && idle_ms >= kQuietMs) Read();
  if (is_closed_) return true;
  ShrinkBuffers(idle_ms > kIdleMs);
  return true;
}

void Connection::ShrinkBuffers(bool all) {
  const auto bytes = [this] { return input_.MemoryBytes() + output_.capacity(); };
  const size_t before = bytes();
  input_.Shrink(all);
  if (all) output_.ShrinkTo(0);
  session_.card->output_peak.store(output_.size(), std::memory_order_relaxed);
  if (bytes() != before) UpdateCard();
}

void Connection::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  socket_.Close();
  if (!blocked_.uses_session()) Leave();
}

bool Connection::MoveTo(IoThread& target) {
  if (!IsAtRest()) return false;
  is_closed_ = true;
  const auto make = [](IoThread& thread, IoThread::Luggage luggage) -> std::unique_ptr<ClientConnection> {
    auto moved = std::unique_ptr<Connection>(
        new Connection(thread, std::move(luggage.channel), luggage.card, luggage.idle_since_ms));
    moved->session_.Resume(std::move(luggage.session));
    moved->reply_.set_protocol(moved->session_.protocol);
    moved->UpdateCard();
    return moved;
  };
  thread_.Transfer(this, {socket_.Release(), session_.card, session_.State(), last_read_ms_}, target, make);
  return true;
}

void Connection::Leave() {
  ForgetSession();
  server_.clients().Remove(id());
  thread_.Release(this);
}

}  // namespace ringkv::server
