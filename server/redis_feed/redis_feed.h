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
#include "server/node_link/peer_socket.h"
#include "server/observe/log.h"
#include "server/redis_feed/redis_replica.h"
#include "server/session/client_directory.h"
#include "storage/log/backlog.h"

namespace ringkv::server {

// Who has the feeds. Its functions are called from any thread.
class RedisFeedOwner {
 public:
  virtual ~RedisFeedOwner() = default;
  virtual std::string history_id() = 0;
  // Reads the log from this group on.
  virtual std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next) = 0;
  virtual void NoteSync(bool is_partial, bool was_asked_for_partial) = 0;
  virtual void NoteAck() = 0;
  virtual void NoteFeedChange() = 0;
  virtual void NoteBytesOut(size_t bytes) = 0;
};

// The parts of the server that feeds use; all outlive them.
struct RedisFeedParts {
  RedisFeedOwner& owner;
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
  RedisFeed(const RedisFeedParts& parts, std::shared_ptr<RedisStream> stream, int descriptor, std::string unread,
            std::shared_ptr<ClientCard> card, RedisSyncRequest request);
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
