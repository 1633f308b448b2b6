// SPDX-License-Identifier: MIT
// One replica, seen from its primary: decides whether it can go on or needs a snapshot, sends that while writes go on,
// then every frame of the log as it comes, and hears what has arrived.
//
// A replica that reads too slowly costs no memory here: what it hasn't got waits in the backlog and in the log's files,
// and when it is gone from both the link ends; the replica comes again for a snapshot.
//
// Threads: a thread of its own for each; the rest reads atomics.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "server/node_link/peer_socket.h"
#include "server/session/client_directory.h"
#include "storage/base/mutex.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"

namespace ringkv::server {

class Replication;
class Server;

enum class FeedState : uint8_t { kStarting, kSendingSnapshot, kOnline, kEnded };

// What a replica has asked for.
struct FeedRequest {
  std::string history;
  storage::Lsn next = 0;
  std::string member;  // its id, the same each time that it comes; empty: it has not said
  bool takes_published = false;
};

class ReplicaFeed final : private storage::Backlog::Listener {
 public:
  // Takes the connection over. `unread` is what has come behind the request. All must outlive the feed.
  ReplicaFeed(Server& server, Replication& replication, int descriptor, std::string unread,
              std::shared_ptr<ClientCard> card, FeedRequest request);
  ~ReplicaFeed() override;

  void Start();
  // Ends the link soon.
  void Interrupt();
  // Sends the body of a published message behind the group `after`. Where more bytes of them wait than the hard limit
  // of client-output-buffer-limit for replicas the link ends, so that none is missing in the middle. From any thread.
  void Publish(storage::Lsn after, std::shared_ptr<const std::string> body);
  bool takes_published() const { return request_.takes_published; }

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
  // Sends frames until there are no more now.
  storage::Status SendFrames();
  // Sends what was published and lies behind no frame that is still to come.
  storage::Status SendPublished();
  storage::Status SendList(const storage::FrameList& frames);
  storage::Status Send(std::string_view bytes);
  storage::Status Heartbeat();
  // Why it has ended, where `ended` is but what came of it.
  std::string ReasonOf(const storage::Status& ended) const;
  // Takes what has come from the replica, waiting so long for it at most.
  storage::Status TakeAcks(int64_t wait_ms);
  void FrameArrived() override { socket_.Wake(); }

  Server& server_;
  Replication& replication_;
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

  std::atomic<FeedState> state_{FeedState::kStarting};
  std::atomic<storage::Lsn> acknowledged_{0};
  std::atomic<int64_t> last_ack_ms_{0};
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> has_overflowed_{false};  // of published messages
  std::thread thread_;
};

}  // namespace ringkv::server
