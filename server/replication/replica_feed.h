// SPDX-License-Identifier: MIT
// The primary's end of replication to one replica: decides between partial and full sync, sends the snapshot while
// writes continue, then every new frame of the log, and receives acknowledgements.
//
// A slow replica costs no memory here: it reads from the backlog and from the log files. When neither has its next
// frame any more, the link ends, and the replica reconnects for a full sync.
//
// Threads: one of its own per feed; other threads read atomics.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/config/output_limit.h"
#include "server/node_link/feed_owner.h"
#include "server/node_link/peer_socket.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replication_parts.h"
#include "server/session/client_directory.h"
#include "storage/base/mutex.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"

namespace ringkv::server {

enum class FeedState : uint8_t { kStarting, kSendingSnapshot, kOnline, kEnded };

// A replica's PSYNC request.
struct FeedRequest {
  std::vector<std::string> histories;  // it is at the same group of each of them
  storage::Lsn next = 0;
  std::string member;  // its id, the same after each reconnect; empty if it sent none
  bool takes_published = false;
};

// What a feed needs; all of it outlives the feed.
struct ReplicaFeedParts {
  const ReplicationParts& server;
  HistoryKeeper& history;
  storage::Backlog& backlog;
  FeedOwner& owner;
};

class ReplicaFeed final : private storage::Backlog::Listener {
 public:
  // Takes ownership of the connection. `unread`: bytes received after the request.
  ReplicaFeed(const ReplicaFeedParts& parts, transport::Channel channel, std::string unread,
              std::shared_ptr<ClientCard> card, FeedRequest request);
  ~ReplicaFeed() override;

  void Start();
  // Closes the link asynchronously.
  void Interrupt();
  // Sends the body of a published message after the group `after`. If more bytes wait than client-output-buffer-limit
  // allows for replicas, the link ends, so that no message in the middle is lost. From any thread.
  void Publish(storage::Lsn after, std::shared_ptr<const std::string> body);
  bool takes_published() const { return request_.takes_published; }
  // Applies the same limit to the messages that wait. Call several times a second, from any thread.
  void Tick();

  FeedState state() const { return state_.load(); }
  storage::Lsn acknowledged() const { return acknowledged_.load(); }
  int64_t last_ack_ms() const { return last_ack_ms_.load(); }
  const ClientCard& card() const { return *card_; }
  const std::string& member() const { return request_.member; }

 private:
  void Run();
  storage::Status Serve();
  storage::Status SendSnapshot();
  storage::Status Follow();
  // Sends all frames that exist now.
  storage::Status SendFrames();
  // Sends published messages whose preceding groups have been sent.
  storage::Status SendPublished();
  // Drops the waiting messages and marks the link to end if they exceed the limit.
  void DropOverLimit() REQUIRES(published_mutex_);
  void CountPublished() REQUIRES(published_mutex_);
  storage::Status SendList(const storage::FrameList& frames);
  storage::Status Send(std::string_view bytes);
  storage::Status Heartbeat();
  // The cause of the end of the link; `ended` may be only its consequence.
  std::string ReasonOf(const storage::Status& ended) const;
  // Processes messages of the replica, and waits for them at most this long.
  storage::Status TakeAcks(int64_t wait_ms);
  void FrameArrived() override { socket_.Wake(); }

  const ReplicationParts& parts_;
  HistoryKeeper& history_;
  storage::Backlog& backlog_;
  FeedOwner& owner_;
  PeerSocket socket_;
  const std::shared_ptr<ClientCard> card_;
  const FeedRequest request_;
  std::unique_ptr<storage::LogTail> tail_;
  std::string received_;
  int64_t last_heartbeat_ms_ = 0;

  struct Published {
    storage::Lsn after;
    std::shared_ptr<const std::string> body;
  };
  storage::Mutex published_mutex_;
  std::deque<Published> published_ GUARDED_BY(published_mutex_);
  size_t published_bytes_ GUARDED_BY(published_mutex_) = 0;
  OutputLimitWatch published_watch_ GUARDED_BY(published_mutex_);
  storage::BufferMemory::Share published_memory_ GUARDED_BY(published_mutex_);

  std::atomic<FeedState> state_{FeedState::kStarting};
  std::atomic<storage::Lsn> acknowledged_{0};
  std::atomic<int64_t> last_ack_ms_{0};
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> has_overflowed_{false};  // of published messages
  std::thread thread_;
};

}  // namespace ringkv::server
