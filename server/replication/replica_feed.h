// SPDX-License-Identifier: MIT
// The primary's end of replication to one replica: a log sender with the data and the socket that it needs, and the
// published messages that wait for it.
//
// Threads: one of its own per feed; other threads read atomics.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cluster/replication/log_sender.h"
#include "server/config/output_limit.h"
#include "server/node_link/feed_owner.h"
#include "server/node_link/peer_socket.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replication_parts.h"
#include "server/session/client_directory.h"
#include "storage/base/mutex.h"
#include "storage/base/progress_lines.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"

namespace ringkv::server {

enum class FeedState : uint8_t { kStarting, kSendingSnapshot, kOnline, kEnded };

using cluster::FeedRequest;

// What a feed needs; all of it outlives the feed.
struct ReplicaFeedParts {
  const ReplicationParts& server;
  HistoryKeeper& history;
  storage::Backlog& backlog;
  FeedOwner& owner;
};

class ReplicaFeed final : private storage::Backlog::Listener, private cluster::LogSender::Source {
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
  // Drops the waiting messages and marks the link to end if they exceed the limit.
  void DropOverLimit() REQUIRES(published_mutex_);
  void CountPublished() REQUIRES(published_mutex_);
  // The cause of the end of the link; `ended` may be only its consequence.
  std::string ReasonOf(const storage::Error& ended) const;
  void FrameArrived() override { socket_.Wake(); }

  // --- what the log sender reads ---
  int64_t timeout_ms() const override { return parts_.options.repl_timeout * 1000; }
  storage::UnixMs wall_time() const override { return parts_.world.clock.Now(); }
  uint64_t epoch() override { return history_.epoch(); }
  std::string history_id() override { return history_.id(); }
  bool Holds(const std::string& history, storage::Lsn last) override { return history_.Holds(history, last); }
  std::optional<storage::Lsn> EndOf(const std::string& history) override { return history_.EndOf(history); }
  storage::Lsn appended() override { return parts_.data.store().log().appended(); }
  void Seek(storage::Lsn next) override { tail_ = owner_.TailFrom(next); }
  storage::Backlog::ReadResult Read(size_t most, storage::FrameList* frames) override {
    return tail_->Read(most, frames);
  }
  storage::Lsn next() const override { return tail_->next(); }
  void HurryFrames() override { parts_.data.store().log().Wake(); }
  std::string BeginSnapshot() override;
  bool NextBlock(std::string* section) override;
  std::string EndSnapshot(storage::Lsn last) override;
  std::shared_ptr<const std::string> NextPublished(storage::Lsn next) override;
  void NoteSync(bool is_partial) override;
  void NoteOnline() override;
  void NoteAcknowledged(storage::Lsn last) override;
  void NoteSent(size_t bytes) override { owner_.NoteBytesOut(bytes); }

  const ReplicationParts& parts_;
  HistoryKeeper& history_;
  storage::Backlog& backlog_;
  FeedOwner& owner_;
  PeerSocket socket_;
  const std::shared_ptr<ClientCard> card_;
  const FeedRequest request_;
  const std::string unread_;
  std::unique_ptr<storage::LogTail> tail_;
  std::optional<storage::SnapshotStream> snapshot_;
  std::optional<storage::ProgressLines> progress_;
  int64_t snapshot_begun_ms_ = 0;

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
