// SPDX-License-Identifier: MIT
// The link to one Redis replica: its socket and its thread, around the protocol of RedisReplica.
//
// Threads: one of its own per feed; other threads read atomics.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "server/base/world.h"
#include "server/config/options.h"
#include "server/node_link/feed_owner.h"
#include "server/node_link/peer_socket.h"
#include "server/observe/log.h"
#include "server/redis_feed/redis_replica.h"
#include "server/session/client_directory.h"
#include "storage/log/backlog.h"

namespace ringkv::server {

// The parts of the server that feeds use; all outlive them.
struct RedisFeedParts {
  FeedOwner& owner;
  storage::Store& store;
  storage::Backlog& backlog;
  const Options& options;
  World world;
  Log& log;
  ClientDirectory& clients;
};

class RedisFeed final : private storage::Backlog::Listener {
 public:
  // Takes ownership of the connection. `unread`: bytes received after the request.
  RedisFeed(const RedisFeedParts& parts, std::shared_ptr<RedisStream> stream, transport::Channel channel,
            std::string unread, std::shared_ptr<ClientCard> card, RedisSyncRequest request);
  ~RedisFeed() override;

  void Start();
  // From any thread: closes the link asynchronously.
  void Interrupt();
  // From any thread: there is something new in the stream.
  void Wake() { socket_.Wake(); }

  bool has_ended() const { return has_ended_.load(); }
  RedisReplica::State state() const { return state_.load(); }
  int64_t acknowledged() const { return acknowledged_.load(); }
  storage::Lsn acknowledged_lsn() const { return acknowledged_lsn_.load(); }
  int64_t last_ack_ms() const { return last_ack_ms_.load(); }
  const ClientCard& card() const { return *card_; }

 private:
  void Run();
  storage::Status Serve();
  void Begin(RedisReplica& replica);
  storage::Status Send(RedisReplica& replica);
  storage::Status Receive(RedisReplica& replica, int64_t wait_ms);
  void Show(const RedisReplica& replica);
  RedisReplica::Settings settings() const;
  int64_t now_ms() const { return parts_.world.clock.SteadyMs(); }
  void FrameArrived() override { socket_.Wake(); }

  const RedisFeedParts parts_;
  const std::shared_ptr<RedisStream> stream_;
  PeerSocket socket_;
  const std::string unread_;
  const std::shared_ptr<ClientCard> card_;
  const RedisSyncRequest request_;

  std::atomic<bool> has_ended_{false};
  std::atomic<bool> interrupted_{false};
  std::atomic<RedisReplica::State> state_{RedisReplica::State::kSendingFile};
  std::atomic<int64_t> acknowledged_{0};
  std::atomic<storage::Lsn> acknowledged_lsn_{0};
  std::atomic<int64_t> last_ack_ms_{0};
  std::thread thread_;
};

}  // namespace ringkv::server
