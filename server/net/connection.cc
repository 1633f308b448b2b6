// SPDX-License-Identifier: MIT
#include "server/net/connection.h"

#include <algorithm>
#include <utility>

#include "server/base/client_links.h"
#include "server/blocking/waiting_clients.h"
#include "server/command/error_replies.h"
#include "server/execution/account.h"
#include "server/execution/route.h"
#include "server/net/proxy.h"
#include "server/net/socket_io.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

// A receive that fills its buffer makes the next one larger: what arrives should be smaller than the buffer, because
// then no second, empty receive is needed to find that out.
constexpr size_t kSmallestRead = 2 * 1024;
constexpr size_t kLargestRead = 64 * 1024;
constexpr int kMostReceives = 4;
constexpr size_t kOutputKept = 64 * 1024;  // a larger output buffer is given back as soon as it is empty
constexpr size_t kInputKept = 128 * 1024;  // likewise, some times a second
constexpr size_t kUnwantedReply = 1024;    // as much of a reply that goes nowhere is written
constexpr int64_t kIdleMs = 2000;          // after which buffers are given back

}  // namespace

Connection::Connection(IoThread& thread, int descriptor, std::shared_ptr<ClientCard> card)
    : thread_(thread),
      server_(thread.server()),
      socket_(thread.context(), descriptor, *this),
      session_(std::move(card), thread.server().watched_keys()),
      counted_memory_(thread.state()),
      reply_(output_, 2),
      read_size_(kSmallestRead) {
  session_.authenticated = server_.options().requirepass.Get().empty();
  last_read_ms_ = session_.card->connected_ms;
}

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
  // A long argument under way may use a larger step, but never more than has arrived already.
  const size_t missing = parser_.BytesMissing(input_.size());
  const size_t step = missing > read_size_ ? std::min(missing, std::max(read_size_, input_.size())) : read_size_;
  const Receipt receipt = ReceiveInto(input_, step, socket_, thread_.state().statistics);
  if (receipt == Receipt::kNothing || receipt == Receipt::kEnded || receipt == Receipt::kBroken) {
    may_have_ended_ = false;
    if (receipt == Receipt::kEnded) EndInput();
    if (receipt == Receipt::kBroken) BreakOff();
    return false;
  }
  const bool is_first = last_read_ms_ == session_.card->connected_ms;
  const bool was_full = receipt == Receipt::kFull;
  if (was_full) read_size_ = std::min(read_size_ * 2, kLargestRead);
  may_have_ended_ = true;
  Serve();
  // Less than there was room for: nothing is left, unless the client has closed, which Tick finds out. Clients that
  // send one command and go are found out at once.
  return was_full || is_first;
}

void Connection::EndInput() {
  has_ended_ = true;
  if (IsWaiting()) AbandonWait();
  if (!IsWaiting()) Serve();
}

void Connection::BreakOff() {
  if (!is_full_ && !is_yielding_ && !waits_for_peers_) return Close();
  has_ended_ = true;
  is_deaf_ = true;
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
    if (is_deaf_ || thread_.IsTurnOver(server_.ticks().Now())) Yield();
  }
  if (is_closed_) return;
  if (is_deaf_ && !is_yielding_ && !waits_for_peers_) return Close();
  if (closes_after_reply_) input_.Consume(input_.size());
  if (input_.size() + parser_.ArgumentBytes() > backpressure_.input_limit && !is_yielding_) {
    server_.log().Warning("closing " + session_.card->address +
                          ": its unexecuted input exceeds client-query-buffer-limit");
    thread_.state().statistics.query_buffer_limit_disconnections.Add(1);
    return Close();
  }
  if (has_ended_ && !HasUnfinished()) closes_after_reply_ = true;
  UpdateCard();
  if (!output_.empty() || closes_after_reply_ || take_socket_) MarkForFlush();
}

resp::ParseStatus Connection::ParseBatch(const resp::RequestLimits& limits) {
  RequestBatch& batch = thread_.batch();
  batch.Clear();
  const std::string_view input = input_.Readable();
  size_t offset = 0;
  // What a request may be depends on whether the one before it gave the password.
  const size_t most = session_.authenticated ? RequestBatch::kMostRequests : 1;
  resp::ParseStatus status = resp::ParseStatus::kRequest;
  while (batch.size() < most) {
    status = parser_.Parse(input.substr(offset), limits, session_.authenticated);
    if (status == resp::ParseStatus::kNeedMore || status == resp::ParseStatus::kError) break;
    offset += parser_.consumed();
    batch.Add(status == resp::ParseStatus::kRequest ? parser_.arguments() : std::span<const std::string_view>(),
              offset);
    // The words of an inline request are gone with the next one, and many arguments are enough work for once.
    if (parser_.is_inline() || batch.is_large()) break;
  }
  return status;
}

bool Connection::ServeBatch(const resp::RequestLimits& limits) {
  if (!MayExecute(input_.size())) return false;
  const resp::ParseStatus status = ParseBatch(limits);
  RequestBatch& batch = thread_.batch();
  const std::span<Request> requests = batch.Finish();
  if (requests.size() > 1) Prepare(server_, thread_.state(), session_, requests);
  size_t consumed = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    // Asked of the last command's books, because a look at the clock would cost as much as a small command.
    if (i > 0 && thread_.IsTurnOver(thread_.state().last_command_end)) Yield();
    if (is_yielding_ || !ServeOne(requests[i], input_.size() - consumed)) {
      // What was read ahead is read again when serving goes on.
      if (is_closed_) return false;
      parser_.Restart();
      input_.Consume(consumed);
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
  if (closes_after_reply_ || stream_ != nullptr || IsWaiting()) return false;
  if (request.argv.empty()) return true;
  if (!MayExecute(unexecuted)) return false;
  if (!foreign_.empty() && MustWaitForPeers(request)) {
    waits_for_peers_ = true;
    return false;
  }
  const size_t start = output_.size();
  if (std::exchange(session_.reply_mode.skips_next, false)) session_.reply_mode.skips_this = true;
  thread_.state().txn.ForgetDependence();
  const bool was_wanted = WantsReply();
  Outcome ended = was_wanted ? Execute(CallerFor(reply_), request) : ExecuteUnanswered(request);
  if (output_.has_overflowed()) {
    NoteOutputLimit();
    Close();
    return false;
  }
  is_answered_ = was_wanted || WantsReply();
  if (auto* const done = std::get_if<outcome::Done>(&ended)) [[likely]]
    return GoOn(*done, start);
  return std::visit([&](auto& kind) { return GoOn(kind, start); }, ended);
}

bool Connection::GoOn(outcome::Done&, size_t start) {
  QueueReply(start);
  EndSkip();
  return true;
}

bool Connection::GoOn(outcome::Postponed&, size_t) {
  is_paused_ = true;
  session_.card->is_paused = true;
  thread_.WaitForPauseEnd(this);
  return false;
}

bool Connection::GoOn(outcome::Elsewhere& where, size_t) {
  PassOn(*where.plan);
  EndSkip();
  return true;
}

bool Connection::GoOn(outcome::KeyWait& wait, size_t start) {
  key_wait_ = std::move(wait.request);
  key_wait_spent_ = wait.nanoseconds;
  QueueReply(start);
  BeginWait();
  return true;
}

bool Connection::GoOn(outcome::ReplicaWait& wait, size_t start) {
  replica_wait_ = wait;
  QueueReply(start);
  BeginWait();
  return true;
}

bool Connection::GoOn(outcome::Stream& stream, size_t start) {
  stream_ = std::move(stream.parts);
  QueueReply(start);
  ContinueStream();
  EndSkip();
  return true;
}

bool Connection::GoOn(outcome::HandOver& hand_over, size_t start) {
  take_socket_ = std::move(hand_over.take);
  QueueReply(start);
  EndSkip();
  return true;
}

bool Connection::GoOn(outcome::Close& close, size_t start) {
  if (close.at_once) {
    Close();
    return false;
  }
  closes_after_reply_ = true;
  QueueReply(start);
  EndSkip();
  return true;
}

void Connection::QueueReply(size_t start) {
  if (foreign_.empty()) return HoldUntilSafe(is_answered_ ? start : output_.size());  // pushes show no effect
  const storage::Lsn needed = thread_.state().txn.depends_on();
  session_.last_lsn = std::max(session_.last_lsn, needed);
  if (output_.size() == start) return;
  foreign_.Append(output_.Readable().substr(start), is_answered_ ? needed : 0, server_.quorum_term());
  output_.TruncateTo(start);
}

bool Connection::MayExecute(size_t unexecuted) {
  if (is_deaf_) {
    gate_ = ReplyGate();
    output_.Consume(output_.size());
  }
  is_full_ = !backpressure_.MayExecute(output_.size(), unexecuted);
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

// --- other nodes ----------------------------------------------------------------------------------------------------

bool Connection::MustWaitForPeers(const Request& request) {
  constexpr size_t kMostWaiting = 1024;
  if (foreign_.size() >= kMostWaiting || foreign_.bytes() > backpressure_.mark) return true;
  // What does more than answer must not run ahead of what was asked before.
  const CommandEntry* entry = request.is_looked_up ? request.entry : server_.commands().Find(request.argv);
  return entry == nullptr || entry->row->run.data == nullptr || entry->row->MayWait(request.argv);
}

void Connection::PassOn(const ProxyPlan& plan) {
  size_t bytes = 0;
  for (const ProxyPart& part : plan.parts) {
    for (const std::string_view word : part.argv) bytes += word.size();
  }
  PassedRequest request;
  request.protocol = session_.protocol;
  request.place.connection = id();
  request.place.number = foreign_.Reserve(bytes, server_.quorum_term(), !WantsReply());
  thread_.proxy().PassOn(plan, std::move(request),
                         [this](const ProxyPart& part, const ReplyPlace& place) { return AnswerPart(part, place); });
}

bool Connection::AnswerPart(const ProxyPart& part, const ReplyPlace& place) {
  // In a buffer of its own: the output takes pushes meanwhile, which are none of the reply.
  resp::Buffer reply;
  reply.set_limit(backpressure_.output_limit);
  resp::ReplyWriter writer(reply, session_.protocol);
  const std::optional<storage::Lsn> lsn = ExecutePart(CallerFor(writer), part);
  if (reply.has_overflowed()) CloseForOutput();
  if (!lsn) return false;
  session_.last_lsn = std::max(session_.last_lsn, *lsn);
  thread_.proxy().Answer(place, std::string(reply.Readable()), *lsn);
  return true;
}

void Connection::TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) {
  foreign_.Fill(number, std::move(reply), lsn);
  foreign_.TakeReady([this](std::string_view bytes, storage::Lsn needed, uint32_t term) {
    const size_t start = output_.size();
    output_.Append(bytes);
    if (needed == 0 || (needed <= server_.safe_lsn() && !server_.HasEnded(term))) return;
    gate_.Hold(start, output_.size(), needed, term, server_.clock().SteadyMs());
  });
  if (output_.has_overflowed() || foreign_.bytes() > backpressure_.output_limit) return CloseForOutput();
  MarkForFlush();
  if ((waits_for_peers_ || has_ended_) && foreign_.empty()) {
    waits_for_peers_ = false;
    Yield();
  }
}

bool Connection::FinishWait(int64_t now_ms) {
  const size_t there = server_.replication().CountAcknowledged(replica_wait_->lsn);
  const bool has_no_replicas = server_.replication().is_replica();
  if (!has_no_replicas && there < replica_wait_->replicas && now_ms < replica_wait_->deadline_ms) return false;
  if (has_no_replicas) ReplyLateError(errors::kNoPrimary);
  if (!has_no_replicas && WantsReply()) reply_.Integer(static_cast<int64_t>(there));
  closes_after_reply_ = has_no_replicas;
  EndWait();
  return true;
}

bool Connection::StopKeyWait() { return key_wait_ != nullptr && server_.waiting_clients().Remove(id()); }

void Connection::EndKeyWait(int64_t deadline_ms) {
  if (key_wait_ == nullptr || key_wait_->plan.deadline_ms != deadline_ms || !StopKeyWait()) return;
  if (WantsReply()) reply_.NullArray();
  EndWait();
}

void Connection::TakeAnswer(const LateAnswer& answer) {
  if (key_wait_ == nullptr) return;
  AccountWait(server_, thread_.state(), *key_wait_, key_wait_spent_, answer);
  closes_after_reply_ = closes_after_reply_ || answer.ends_connection;
  session_.last_lsn = std::max(session_.last_lsn, answer.lsn);
  if (WantsReply()) {
    const size_t start = output_.size();
    output_.Append(answer.reply);
    if (answer.lsn > server_.safe_lsn()) {
      gate_.Hold(start, output_.size(), answer.lsn, server_.quorum_term(), server_.clock().SteadyMs());
    }
  }
  EndWait();
}

void Connection::ReplyLateError(std::string_view error) {
  if (WantsReply()) reply_.Error(error);
  thread_.state().statistics.CountError(error.substr(0, error.find(' ')));
}

void Connection::Unblock(bool with_error) {
  if (!IsWaiting() || (key_wait_ != nullptr && !StopKeyWait())) return;
  if (key_wait_ != nullptr) {
    AccountUnblock(server_, thread_.state(), *key_wait_->command, key_wait_spent_);
  } else {
    AccountUnblock(server_, thread_.state(), *replica_wait_->command, replica_wait_->nanoseconds);
  }
  if (!with_error && replica_wait_) {
    FinishWait(INT64_MAX);
    return;
  }
  if (with_error) ReplyLateError(errors::kUnblocked);
  if (!with_error && WantsReply()) reply_.NullArray();
  EndWait();
}

void Connection::BeginWait() {
  if (has_ended_) AbandonWait();
  if (!IsWaiting()) return;
  session_.card->is_waiting = true;
  if (replica_wait_) return thread_.WaitForReplicas(this);
  thread_.EndKeyWaitAt(*this, key_wait_->plan.deadline_ms);
}

void Connection::AbandonWait() {
  if (key_wait_ != nullptr && !StopKeyWait()) return;
  ForgetWaits();
  closes_after_reply_ = true;
}

void Connection::ForgetWaits() {
  if (replica_wait_) thread_.ForgetReplicaWait(this);
  if (key_wait_ != nullptr) thread_.ForgetKeyWait(*this, key_wait_->plan.deadline_ms);
  replica_wait_.reset();
  key_wait_.reset();
  session_.card->is_waiting = false;
}

void Connection::EndWait() {
  ForgetWaits();
  EndSkip();
  MarkForFlush();
  Serve();
  Read();
}

void Connection::HandOver() {
  const auto take = std::move(take_socket_);
  std::string unread(input_.Readable());
  const int descriptor = socket_.Release();
  is_closed_ = true;
  ForgetSession();
  thread_.Release(this);
  take(descriptor, std::move(unread));
}

void Connection::ForgetSession() {
  if (session_.is_monitor) server_.monitor().Remove(*session_.card);
  session_.card->is_monitor = false;
  server_.broker().RemoveAll(session_.subscriptions, *session_.card);
  session_.NoteSubscriptions();
  session_.UnwatchAll();
  StopKeyWait();
  ForgetWaits();
}

void Connection::GiveUpQuorum() {
  Sendable();  // those that are safe by now are right as they are
  if (is_closed_) return;
  const auto write = [this](ReplyGate::Form, bool) { reply_.Error(errors::kOutcomeOpen); };
  if (!gate_.Replace(
          output_, [](uint32_t) { return true; }, write))
    return Close();
  MarkForFlush();
}

void Connection::GiveUpEndedTerm() {
  if (!gate_.HoldsOfOtherTerm(server_.replication().term())) return;
  const auto is_lost = [this](uint32_t term) { return server_.HasEnded(term); };
  const auto write = [this](ReplyGate::Form, bool) { reply_.Error(errors::kOutcomeOpenByRole); };
  if (!gate_.Replace(output_, is_lost, write)) Close();
}

size_t Connection::Sendable() {
  const storage::Lsn safe = server_.safe_lsn();  // before the term, which decides what this means
  GiveUpEndedTerm();
  return is_closed_ ? 0 : gate_.Sendable(output_.size(), safe);
}

void Connection::ContinueStream() {
  storage::Txn& txn = thread_.state().txn;
  txn.set_now(server_.clock().Now());
  txn.ForgetDependence();
  const size_t before = output_.size();
  const bool goes_on = stream_->Continue(txn, output_);
  HoldUntilSafe(before, ReplyGate::Form::kPart);
  MarkForFlush();
  if (goes_on) return;
  stream_.reset();
  closes_after_reply_ = true;
}

void Connection::RefuseInput() {
  waits_for_peers_ = !foreign_.empty();
  if (!MayServe()) return parser_.Restart();  // it is found again when serving goes on
  server_.log().Write(LogLevel::kVerbose, "protocol error of " + session_.card->address + ": " + parser_.error());
  reply_.Error("ERR Protocol error: " + parser_.error());
  thread_.state().statistics.CountError("ERR");
  closes_after_reply_ = true;
}

void Connection::UpdateCard() {
  session_.UpdateCard(last_read_ms_);
  ClientCard& card = *session_.card;
  card.input_bytes.store(input_.size(), std::memory_order_relaxed);
  card.input_free.store(input_.capacity() - input_.size(), std::memory_order_relaxed);
  const size_t waiting_bytes = key_wait_ == nullptr ? 0 : key_wait_->memory_bytes;
  card.argument_bytes.store(parser_.MemoryBytes() + waiting_bytes, std::memory_order_relaxed);
  CountMemory();
}

void Connection::CountMemory() {
  ClientCard& card = *session_.card;
  card.output_bytes.store(output_.size() + foreign_.bytes(), std::memory_order_relaxed);
  card.output_capacity.store(output_.capacity() + foreign_.bytes() + gate_.MemoryBytes(), std::memory_order_relaxed);
  if (counted_memory_.Set(card.MemoryBytes())) thread_.client_eviction().Check();
}

void Connection::Resume() {
  is_yielding_ = false;
  is_paused_ = false;
  session_.card->is_paused = false;
  if (stream_ != nullptr && output_.size() <= backpressure_.mark) ContinueStream();
  Serve();
  Read();
}

// --- writing --------------------------------------------------------------------------------------------------------

void Connection::MarkForFlush() {
  if (will_flush_ || is_writing_) return;
  will_flush_ = true;
  thread_.FlushLater(this);
}

void Connection::Push(const std::string& bytes) {
  if (session_.reply_mode.is_off) return;
  if (is_closed_ || must_close_ || closes_after_reply_) return;
  UpdateLimits();
  output_.Append(bytes);
  output_.has_overflowed() ? CloseForOutput() : MarkForFlush();
}

void Connection::PushMessage(std::string_view message) {
  if (is_closed_ || must_close_ || closes_after_reply_) return;
  UpdateLimits();
  if (session_.protocol >= 3) {
    output_.Append('>');
    message.remove_prefix(1);
  }
  output_.Append(message);
  output_.has_overflowed() ? CloseForOutput() : MarkForFlush();
}

void Connection::CloseForOutput() {
  if (must_close_) return;
  must_close_ = true;
  NoteOutputLimit();
  thread_.Post([&thread = thread_, id = id()] {
    if (ClientConnection* found = thread.Find(id)) found->Close();
  });
}

void Connection::UpdateLimits() {
  const bool may_be_evicted = !session_.card->no_evict.load(std::memory_order_relaxed);
  const size_t all_clients = may_be_evicted ? ClientMemoryLimit(server_.options()) : 0;
  backpressure_ = Backpressure::Of(server_.options(), client_class(), all_clients);
  output_.set_limit(backpressure_.output_limit);
}

void Connection::DropForeignChannels() {
  const ClusterView& view = ViewOf(server_, thread_.state());
  if (channels_version_ == thread_.state().cluster_version) return;
  channels_version_ = thread_.state().cluster_version;
  auto& channels = session_.subscriptions.of(Topic::kShardChannel);
  for (auto each = channels.begin(); each != channels.end();) {
    if (view.slots.owner(storage::KeySlot(*each)) == view.here.shard) {
      ++each;
      continue;
    }
    const std::string name = *each++;
    session_.subscriptions.Remove(Topic::kShardChannel, name);
    server_.broker().Remove(Topic::kShardChannel, name, *session_.card);
    reply_.Push(3);
    reply_.Bulk("sunsubscribe");
    reply_.Bulk(name);
    reply_.Integer(static_cast<int64_t>(channels.size()));
    MarkForFlush();
  }
  session_.NoteSubscriptions();
}

void Connection::Flush() {
  will_flush_ = false;
  if (is_closed_ || is_writing_ || is_deaf_) return;
  if (output_.has_overflowed()) return CloseForOutput();
  const size_t sendable = Sendable();
  if (is_closed_) return;
  const size_t held = output_.size() - sendable;
  if (!SendAllBut(held, output_, gate_, socket_, thread_.state().statistics)) return BreakOff();
  if (output_.empty()) {
    if (output_.capacity() > kOutputKept) output_.ShrinkTo(0);
    if (take_socket_) return HandOver();
    if (closes_after_reply_) return Close();
  } else if (output_.size() == held) {
    if (!is_held_) {
      is_held_ = true;
      thread_.HoldReplies(this);
      // The LSN may have become safe before the thread knew of the wait, which is not announced again.
      if (Sendable() > 0) return Flush();
      if (is_closed_) return;
    }
  } else {
    if (OutputExceedsLimit(server_.clock().SteadyMs())) return Close();
    is_writing_ = true;
    socket_.WaitWritable();
  }
  CountMemory();
  if (stream_ != nullptr && output_.size() <= backpressure_.mark / 2) thread_.ReadLater(this);
  if (is_full_ && backpressure_.MayGoOn(output_.size(), input_.size())) Yield();
}

void Connection::Release() {
  is_held_ = false;
  Flush();
}

void Connection::OnWritable() {
  is_writing_ = false;
  Flush();
}

// --- limits and the end ---------------------------------------------------------------------------------------------

bool Connection::OutputExceedsLimit(int64_t now_ms) {
  const OutputLimit& limit = server_.options().output_limits[static_cast<size_t>(client_class())];
  if (!output_watch_.Exceeds(limit, output_.size(), now_ms)) return false;
  NoteOutputLimit();
  return true;
}

void Connection::NoteOutputLimit() {
  if (output_.has_overflowed() && backpressure_.is_limit_of_all) {
    server_.log().Notice("closing " + session_.card->address + ": its unread replies exceed maxmemory-clients");
    return thread_.state().statistics.clients_evicted.Add(1);
  }
  server_.log().Warning("closing " + session_.card->address + ": its unread replies exceed client-output-buffer-limit");
  thread_.state().statistics.output_buffer_limit_disconnections.Add(1);
}

bool Connection::Tick(int64_t now_ms) {
  if (!output_.empty() && OutputExceedsLimit(now_ms)) return false;
  const int64_t idle_ms = now_ms - last_read_ms_;
  const int64_t timeout = server_.options().timeout;
  if (timeout > 0 && idle_ms > timeout * 1000 && !session_.is_monitor && session_.subscriptions.empty() &&
      !is_paused_ && stream_ == nullptr && !IsWaiting() && foreign_.empty()) {
    server_.log().Write(LogLevel::kVerbose, "closing idle client " + session_.card->address);
    return false;
  }
  if (gate_.held_since_ms() != 0 && server_.waits_for_quorum() &&
      now_ms - gate_.held_since_ms() > server_.options().repl_ack_timeout) {
    GiveUpQuorum();
  }
  // Whatever lets replies leave announces it; this is for what does not.
  if (is_held_ && !is_writing_ && Sendable() > 0) MarkForFlush();
  if (!session_.subscriptions.of(Topic::kShardChannel).empty() && server_.cluster().is_enabled()) DropForeignChannels();
  if (may_have_ended_) Read();
  if (is_closed_) return true;
  ShrinkBuffers(idle_ms > kIdleMs);
  return true;
}

void Connection::ShrinkBuffers(bool all) {
  const auto bytes = [this] { return input_.capacity() + output_.capacity() + parser_.MemoryBytes(); };
  const size_t before = bytes();
  if (all || (input_.empty() && input_.capacity() > kInputKept)) input_.ShrinkTo(0);
  if (all) {
    output_.ShrinkTo(0);
    parser_.Shrink();
    read_size_ = kSmallestRead;
  }
  if (bytes() != before) UpdateCard();
}

void Connection::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  ForgetSession();
  server_.clients().Remove(id());
  socket_.Close();
  thread_.Release(this);
}

}  // namespace ringkv::server
