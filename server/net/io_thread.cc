// SPDX-License-Identifier: MIT
#include "server/net/io_thread.h"

#include <sys/prctl.h>

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <ctime>

#include "server/net/proxy.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

// A round serves at most so many events before its replies leave.
constexpr int kMostEventsARound = 48;
// Nor does it take longer than this and its first and last event.
constexpr uint64_t kLongestRoundNs = 1'000'000;
// Served alone so many times, a connection's replies leave at once; now and then the loop looks again whether it has
// company.
constexpr unsigned kAloneRounds = 16;
// Waits may be without end; timers count in nanoseconds.
constexpr int64_t kLongestWaitMs = 24 * 3600 * 1000;
// What postpones a request announces its end, or is a pause, whose end is known. This is for what does neither.
constexpr int64_t kPostponedPollMs = 5;
constexpr unsigned long kTimerSlackNs = 1000;

thread_local IoThread* this_thread = nullptr;

}  // namespace

IoThread::IoThread(Server& server, size_t index, BackgroundWorker& worker, const Spreader::IoThreads& threads)
    : server_(server),
      worker_(worker),
      threads_(threads),
      index_(index),
      context_(ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      tick_(context_),
      pause_timer_(context_),
      wait_timer_(context_),
      invalidations_(index, server.thread(index).trackers, connections_),
      client_eviction_(server, server.thread(index)),
      spreader_(server, threads, index),
      key_wait_timer_(context_) {}

IoThread::~IoThread() {
  Stop();
  for (ClientConnection* connection : connections_.All()) connection->Close();
}

void IoThread::Start() {
  thread_ = std::thread([this] { Run(); });
}

void IoThread::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  Post([] {});
  thread_.join();
}

void IoThread::Post(std::function<void()> work) { asio::post(context_, std::move(work)); }

void IoThread::Run() {
  NameThisThread("io-" + std::to_string(index_));
  storage::CountMemoryOfThisThread();
  this_thread = this;
  ::prctl(PR_SET_TIMERSLACK, kTimerSlackNs, 0, 0, 0);  // else a pause takes 50 microseconds more
  server_.scripts().StartMoving(index_);
  const auto keep_running = asio::make_work_guard(context_);
  unsigned alone = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    turn_began_ = 0;
    context_.run_one();
    const uint64_t round_began = server_.ticks().Now();
    // Looking for more events costs a system call; a connection that has been alone is spared it most of the time.
    const bool look = alone < kAloneRounds || alone % kAloneRounds == 0;
    int events = 1;
    bool is_dry = false;
    while (look && !is_dry && events < kMostEventsARound) {
      turn_began_ = 0;
      is_dry = context_.poll_one() == 0;
      if (!is_dry) ++events;
      if (server_.ticks().Nanoseconds(server_.ticks().Now() - round_began) > kLongestRoundNs) break;
    }
    alone = events > 1 ? 0 : alone + 1;
    FlushAll();
    if (spreader_.is_due()) {
      spreader_.MoveSome(connections_);
      DropReleased();
    }
    if (!to_shake_.empty()) ShakeHands();
    if (is_dry && gathering_.EndRound()) Pause();
  }
  server_.scripts().EndRuns(index_);
}

// Not in the loop: what arrives meanwhile must not end it.
void IoThread::Pause() {
  const int64_t pause_us = server_.options().gather_microseconds;
  if (pause_us == 0) return;
  const timespec pause{.tv_sec = 0, .tv_nsec = pause_us * 1000};
  ::nanosleep(&pause, nullptr);  // a signal may end it, which does no harm
}

IoThread* IoThread::This() { return this_thread; }

void IoThread::FlushAll() {
  if (server_.store().is_tracked()) [[unlikely]]
    EndTrackingRound();
  FlushClients();
  if (proxy_ != nullptr) {
    proxy_->FlushAll();
    FlushClients();  // a node that was lost while it was sent to has answered some
  }
  if (!held_.empty()) SyncForHeld();
  DropReleased();
}

void IoThread::DropReleased() {
  if (to_flush_.empty()) released_.clear();  // else it may name them
}

// A step may take as long as a turn does, so those that are left wait for the next round, behind the requests of
// others.
void IoThread::ShakeHands() {
  const uint64_t began = server_.ticks().Now();
  do {
    const uint64_t id = to_shake_.front();
    to_shake_.pop_front();
    if (ClientConnection* connection = Find(id)) connection->Resume();
  } while (!to_shake_.empty() && server_.ticks().Nanoseconds(server_.ticks().Now() - began) < kLongestTurnNs);
  if (!to_shake_.empty()) Post([] {});  // the round to come must not wait for an event
}

void IoThread::NoteFailedHandshake(const std::string& text) {
  const int64_t now_ms = server_.clock().SteadyMs();
  if (now_ms < next_handshake_line_ms_) {
    ++unsaid_handshakes_;
    return;
  }
  next_handshake_line_ms_ = now_ms + kMsBetweenHandshakeLines;
  const uint64_t unsaid = std::exchange(unsaid_handshakes_, 0);
  server_.log().Warning(text + (unsaid == 0 ? "" : ", and " + std::to_string(unsaid) + " others before"));
}

void IoThread::FlushClients() {
  // Flushing may serve a connection further, which appends to the list.
  for (size_t i = 0; i < to_flush_.size(); ++i) {
    gathering_.CountServed(to_flush_[i]->served_window);
    turn_began_ = 0;
    to_flush_[i]->Flush();
  }
  to_flush_.clear();
}

void IoThread::Deliver(const std::vector<uint64_t>& clients, const std::string& message) {
  for (const uint64_t id : clients) {
    if (ClientConnection* connection = Find(id)) connection->PushMessage(message);
  }
}

// --- clients that keep copies of keys ---

void IoThread::EndTrackingRound() {
  server_.tracking().MakeRoom(state().txn, server_.options().tracking_table_max_keys);
  for (auto& [index, invalidations] : std::exchange(to_invalidate_, {})) {
    IoThread& target = *threads_[index];
    target.Post([&target, invalidations = std::move(invalidations)] {
      for (const auto& each : invalidations) target.invalidations().Add(each);
      target.invalidations().TellAll();
    });
  }
  invalidations_.TellAll();
}

void IoThread::Redirect(uint64_t source, const std::shared_ptr<const ClientCard>& to,
                        const InvalidationMessage& message) {
  if (threads_[to->thread].get() == this) return TakeRedirected(*this, source, to, message, 0);
  IoThread& target = *threads_[to->thread];
  target.Post([this, &target, source, to, message] { target.TakeRedirected(*this, source, to, message, 0); });
}

void IoThread::TakeRedirected(IoThread& home, uint64_t source, const std::shared_ptr<const ClientCard>& to,
                              const InvalidationMessage& message, int tries) {
  constexpr int kMostTries = 8;
  if (ClientConnection* connection = Find(to->id)) return connection->PushInvalidation(message);
  if (to->is_replica) return;  // as in Redis: it is no subscriber
  if (!to->has_left && tries < kMostTries) {
    IoThread& target = *threads_[to->thread];
    return target.Post(
        [&target, &home, source, to, message, tries] { target.TakeRedirected(home, source, to, message, tries + 1); });
  }
  home.Post([&home, source] {
    if (ClientConnection* connection = home.Find(source)) connection->NoteBrokenRedirect();
  });
}

void IoThread::HoldReplies(ClientConnection* connection) {
  held_.push_back(connection);
  holds_replies_.store(true);
}

void IoThread::ReleaseReplies() {
  holds_replies_.store(false);
  std::vector<ClientConnection*> held;
  held.swap(held_);
  for (ClientConnection* connection : held) connection->Release();
}

// One sync for all that this round has left behind.
void IoThread::SyncForHeld() {
  storage::LogWriter& log = server_.durability().log();
  const bool waits_for_sync = log.is_open() && log.policy() == storage::SyncPolicy::kAlways;
  if (!waits_for_sync || !log.IsQuick() || log.has_failed()) return server_.store().log().Wake();
  holds_replies_.store(false);  // this thread need not be told what it does itself
  log.Step();
  ReleaseReplies();
}

void IoThread::Release(ClientConnection* connection) {
  std::erase(held_, connection);
  std::erase(waiting_, connection);
  postponed_.erase(connection->postponed_number);
  state().load.connections.fetch_sub(1, std::memory_order_relaxed);
  if (auto removed = connections_.Remove(connection->id())) released_.push_back(std::move(removed));
}

void IoThread::Adopt(std::unique_ptr<ClientConnection> connection, const ClientCard& card) {
  ClientConnection& added = connections_.Add(std::move(connection));
  added.Start();
  KeepTicking();
  // Who has closed it while it was on its way has not found it.
  if (card.is_closing) added.Close();
}

void IoThread::Transfer(ClientConnection* connection, Luggage luggage, IoThread& target,
                        std::unique_ptr<ClientConnection> (*make)(IoThread& target, Luggage luggage)) {
  target.Expect();
  // Before it is sent, which orders this before what the target writes there.
  luggage.card->thread = target.index();
  const bool has_messages_under_way = proxy_ != nullptr && proxy_->has_messages_under_way();
  if (luggage.session.tells_over == index_ && !has_messages_under_way) luggage.session.tells_over = target.index();
  Release(connection);
  state().statistics.clients_moved.Add(1);
  const auto sent = std::make_shared<Luggage>(std::move(luggage));
  target.Post([&target, make, sent] {
    const std::shared_ptr<ClientCard> card = sent->card;
    target.Adopt(make(target, std::move(*sent)), *card);
  });
}

void IoThread::ReadLater(ClientConnection* connection) {
  Post([this, id = connection->id()] {
    if (ClientConnection* found = Find(id)) found->Resume();
  });
}

// --- time -----------------------------------------------------------------------------------------------------------

// A thread without connections sleeps.
void IoThread::KeepTicking() {
  if (std::exchange(is_ticking_, true)) return;
  ScheduleTick();
}

void IoThread::ScheduleTick() {
  const int64_t hz = server_.options().hz;
  tick_.expires_after(std::chrono::milliseconds(std::max<int64_t>(1000 / hz, 2)));
  tick_.async_wait([this](std::error_code error) {
    if (error) return;
    Tick();
    is_ticking_ = !connections_.empty() || proxy_ != nullptr;
    is_ticking_ ? ScheduleTick() : spreader_.Rest();
  });
}

void IoThread::Tick() {
  const int64_t now_ms = server_.clock().SteadyMs();
  batch_.Shrink();
  const std::vector<ClientConnection*> all = connections_.All();
  spreader_.Tick(all);
  for (ClientConnection* connection : all) {
    if (!connection->Tick(now_ms)) connection->Close();
  }
  if (proxy_ != nullptr) proxy_->Tick(now_ms);
  client_eviction_.Check();
}

Proxy& IoThread::proxy() {
  if (proxy_ == nullptr) {
    proxy_ = std::make_unique<Proxy>(context_, server_, state(), connections_);
    KeepTicking();
  }
  return *proxy_;
}

void IoThread::WaitForReplicas(ClientConnection* connection) {
  waiting_.push_back(connection);
  has_waiting_ = true;
  Post([this] { ResumeWaiting(); });  // earlier acknowledgements are not announced again
}

void IoThread::ResumeWaiting() {
  const int64_t now_ms = server_.clock().SteadyMs();
  int64_t next_ms = INT64_MAX;
  std::vector<ClientConnection*> waiting;
  waiting.swap(waiting_);
  for (ClientConnection* connection : waiting) {
    const std::optional<int64_t> deadline_ms = connection->CheckReplicas(now_ms);
    if (!deadline_ms) continue;
    waiting_.push_back(connection);
    next_ms = std::min(next_ms, *deadline_ms);
  }
  has_waiting_ = !waiting_.empty();
  if (next_ms == INT64_MAX) return;
  wait_timer_.expires_after(std::chrono::milliseconds(std::clamp<int64_t>(next_ms - now_ms, 1, kLongestWaitMs)));
  wait_timer_.async_wait([this](std::error_code error) {
    if (!error) ResumeWaiting();
  });
}

void IoThread::EndKeyWaitAt(const ClientConnection& connection, int64_t deadline_ms) {
  if (deadline_ms == INT64_MAX) return;
  key_wait_ends_.emplace(deadline_ms, connection.id());
  // By the timer, however short the time is: the connection is amid its request still. A timer that goes off early,
  // because the wait that it was set for has ended, costs less than one that is set for each wait.
  if (deadline_ms < key_wait_timer_ms_) ScheduleKeyWaits();
}

void IoThread::ForgetKeyWait(const ClientConnection& connection, int64_t deadline_ms) {
  key_wait_ends_.erase({deadline_ms, connection.id()});
}

void IoThread::EndKeyWaits() {
  const int64_t now_ms = server_.clock().SteadyMs();
  key_wait_timer_ms_ = INT64_MAX;
  while (!key_wait_ends_.empty() && key_wait_ends_.begin()->first <= now_ms) {
    const auto [deadline_ms, id] = *key_wait_ends_.begin();
    key_wait_ends_.erase(key_wait_ends_.begin());
    if (ClientConnection* connection = Find(id)) connection->EndKeyWait(deadline_ms);
  }
  ScheduleKeyWaits();
}

void IoThread::ScheduleKeyWaits() {
  if (key_wait_ends_.empty()) return;
  key_wait_timer_ms_ = key_wait_ends_.begin()->first;
  const int64_t left_ms = std::clamp<int64_t>(key_wait_timer_ms_ - server_.clock().SteadyMs(), 1, kLongestWaitMs);
  key_wait_timer_.expires_after(std::chrono::milliseconds(left_ms));
  key_wait_timer_.async_wait([this](std::error_code error) {
    if (!error) EndKeyWaits();
  });
}

void IoThread::WaitForPauseEnd(ClientConnection* connection) {
  postponed_.erase(connection->postponed_number);
  connection->postponed_number = next_postponed_++;
  postponed_.emplace(connection->postponed_number, connection);
  const int64_t now_ms = server_.clock().SteadyMs();
  const int64_t pause_end_ms = server_.pause().next_end_ms();
  const int64_t left_ms =
      pause_end_ms == 0 ? kPostponedPollMs : std::clamp<int64_t>(pause_end_ms - now_ms, 1, kLongestWaitMs);
  if (now_ms + left_ms >= pause_timer_ms_) return;
  pause_timer_ms_ = now_ms + left_ms;
  pause_timer_.expires_after(std::chrono::milliseconds(left_ms));
  pause_timer_.async_wait([this](std::error_code error) {
    if (error) return;
    pause_timer_ms_ = INT64_MAX;
    ResumePaused();
  });
}

void IoThread::ResumePaused() {
  server_.scripts().ResumeWaiting(index_);
  // Who was postponed first goes on first, so that nobody is passed by others for ever.
  for (const auto& [number, connection] : std::exchange(postponed_, {})) {
    if (connection->is_paused()) connection->Resume();
  }
}

}  // namespace ringkv::server
