// SPDX-License-Identifier: MIT
// One thread with its event loop and its connections.
//
// The replies of all connections that were ready together are sent after the last of them was served. That saves
// switches between computation and the kernel, which are 3 to 5 % of the throughput.
//
// Threads: confined to its own thread, except Start, Stop and Post.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "server/composition/server.h"
#include "server/http/response.h"
#include "server/net/client_connections.h"
#include "server/net/client_eviction.h"
#include "server/net/gathering.h"
#include "server/net/invalidation_message.h"
#include "server/net/invalidations.h"
#include "server/net/request_batch.h"
#include "server/net/spreader.h"
#include "server/session/session.h"
#include "transport/channel.h"

namespace ringkv::server {

class BackgroundWorker;
class Proxy;

class IoThread {
 public:
  // `worker` must outlive the thread, and so must `threads`: all of them, when it runs.
  IoThread(Server& server, size_t index, BackgroundWorker& worker, const Spreader::IoThreads& threads);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void Start();
  // Ends and joins the thread. The connections are closed only with the object: to a client, a closed connection means
  // that the server has finished its work.
  void Stop();
  // Runs `work` on this thread. Any thread may call it.
  void Post(std::function<void()> work);

  asio::io_context& context() { return context_; }
  Server& server() { return server_; }
  ThreadState& state() { return server_.thread(index_); }
  size_t index() const { return index_; }

  // Counts a connection before it is adopted, so that bursts are spread evenly. Any thread may call it.
  void Expect() { state().load.connections.fetch_add(1, std::memory_order_relaxed); }
  // Starts a connection that was expected.
  void Adopt(std::unique_ptr<ClientConnection> connection, const ClientCard& card);
  // What a connection takes along to another thread.
  struct Luggage {
    transport::Channel channel;
    std::shared_ptr<ClientCard> card;
    SessionState session;
    int64_t idle_since_ms;
  };
  // Gives a connection away, which has released its socket. `make`: called by the target, to make it anew there.
  void Transfer(ClientConnection* connection, Luggage luggage, IoThread& target,
                std::unique_ptr<ClientConnection> (*make)(IoThread& target, Luggage luggage));
  // Null if the client is gone.
  ClientConnection* Find(uint64_t id) const { return connections_.Find(id); }
  void ResumePaused();
  // The one that the caller runs on; null: another thread.
  static IoThread* This();
  // Passes it to that thread at the end of the round, before the replies to its authors leave.
  void InvalidateAtEnd(IoThread& target, std::shared_ptr<const storage::Invalidation> invalidation) {
    to_invalidate_[target.index()].push_back(std::move(invalidation));
  }
  Invalidations& invalidations() { return invalidations_; }
  // Another client, maybe of another thread, hears in place of this one, which is told if that one is gone.
  void Redirect(uint64_t source, const std::shared_ptr<const ClientCard>& to, const InvalidationMessage& message);
  // Delivers a message in RESP2 to subscribers; skips closed ones.
  void Deliver(const std::vector<uint64_t>& clients, const std::string& message);

  RequestBatch& batch() { return batch_; }
  // A buffer for suppressed replies (CLIENT REPLY); empty between two commands.
  resp::Buffer& unwanted_reply() { return unwanted_reply_; }
  // The current value of the Date header.
  std::string_view HttpDate() { return http_date_.At(server_.clock().Now() / 1000); }
  // For connections: their output is sent at the end of the round.
  void FlushLater(ClientConnection* connection) { to_flush_.push_back(connection); }
  // A connection's turn begins with the first of these calls in it.
  void BeginTurn() {
    if (turn_began_ == 0) turn_began_ = server_.ticks().Now();
  }
  // Whether the connection has used up its turn; it continues by ReadLater, after the others. `now_ticks`: of the
  // server's clock.
  bool IsTurnOver(uint64_t now_ticks) const {
    return now_ticks > turn_began_ && server_.ticks().Nanoseconds(now_ticks - turn_began_) > kLongestTurnNs;
  }
  // The client's next step of a TLS handshake is made at the end of a round, when there is time.
  void ShakeLater(uint64_t id) { to_shake_.push_back(id); }
  // For the log, which is told of one a second at most.
  void NoteFailedHandshake(const std::string& text);
  // The connection has more input, but other connections come first.
  void ReadLater(ClientConnection* connection);
  // The connection's request is postponed: by a pause, or until something else is over, which ResumePaused announces.
  void WaitForPauseEnd(ClientConnection* connection);
  // The connection waits for replicas.
  void WaitForReplicas(ClientConnection* connection);
  // The wait has ended.
  void ForgetReplicaWait(ClientConnection* connection) { std::erase(waiting_, connection); }
  // The connection is blocked until this time, when it is called.
  void EndKeyWaitAt(const ClientConnection& connection, int64_t deadline_ms);
  // The wait has ended.
  void ForgetKeyWait(const ClientConnection& connection, int64_t deadline_ms);
  bool HasWaiting() const { return has_waiting_.load(); }
  void ResumeWaiting();
  // The connection has replies that wait for a durable LSN.
  void HoldReplies(ClientConnection* connection);
  bool HoldsReplies() const { return holds_replies_.load(); }
  void ReleaseReplies();
  ClientEviction& client_eviction() { return client_eviction_; }
  // The proxy for requests of other nodes.
  Proxy& proxy();
  // The worker for computations that take longer than a turn.
  BackgroundWorker& worker() { return worker_; }
  // Removes the connection and destroys it at the end of the round.
  void Release(ClientConnection* connection);

 private:
  static constexpr uint64_t kLongestTurnNs = 500'000;
  static constexpr int64_t kMsBetweenHandshakeLines = 1000;

  void Run();
  void Pause();
  void FlushAll();
  void EndTrackingRound();
  // Here from a client of `home`. `tries`: it may have been on its way from thread to thread so often.
  void TakeRedirected(IoThread& home, uint64_t source, const std::shared_ptr<const ClientCard>& to,
                      const InvalidationMessage& message, int tries);
  void ShakeHands();
  void FlushClients();
  void SyncForHeld();
  void KeepTicking();
  void ScheduleTick();
  void DropReleased();
  void EndKeyWaits();
  void ScheduleKeyWaits();
  void Tick();

  Server& server_;
  BackgroundWorker& worker_;
  const Spreader::IoThreads& threads_;
  const size_t index_;
  asio::io_context context_;
  asio::steady_timer tick_;
  asio::steady_timer pause_timer_;
  int64_t pause_timer_ms_ = INT64_MAX;  // when it goes off; INT64_MAX: it is not set
  asio::steady_timer wait_timer_;
  ClientConnections connections_;
  Invalidations invalidations_;
  std::map<size_t, std::vector<std::shared_ptr<const storage::Invalidation>>> to_invalidate_;  // by thread
  RequestBatch batch_;
  resp::Buffer unwanted_reply_;
  Gathering gathering_;
  ClientEviction client_eviction_;
  Spreader spreader_;
  bool is_ticking_ = false;
  uint64_t turn_began_ = 0;  // in ticks; 0 between two turns
  std::vector<ClientConnection*> to_flush_;
  std::deque<uint64_t> to_shake_;
  int64_t next_handshake_line_ms_ = 0;
  uint64_t unsaid_handshakes_ = 0;  // failed since the last line
  std::vector<ClientConnection*> held_;
  std::map<uint64_t, ClientConnection*> postponed_;  // in their order; some of them may have been resumed
  uint64_t next_postponed_ = 1;
  std::vector<ClientConnection*> waiting_;
  asio::steady_timer key_wait_timer_;
  std::set<std::pair<int64_t, uint64_t>> key_wait_ends_;  // time and connection
  int64_t key_wait_timer_ms_ = INT64_MAX;                 // when the timer fires for the first of them
  std::atomic<bool> has_waiting_{false};
  std::atomic<bool> holds_replies_{false};
  std::vector<std::unique_ptr<ClientConnection>> released_;
  http::DateText http_date_;
  std::unique_ptr<Proxy> proxy_;  // null until a request is forwarded
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
