// SPDX-License-Identifier: MIT
// The replicas of this server: the feeds of RingKV replicas and of Redis replicas, and what all of them have
// acknowledged.
//
// Threads: synchronised. `mutex_` is not held while locks of data are taken.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node_messages.h"
#include "cluster/replication/quorum.h"
#include "server/node_link/feed_owner.h"
#include "server/redis_feed/redis_feeds.h"
#include "server/replication/backlog_keeper.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replica_feed.h"
#include "server/replication/replication_parts.h"
#include "server/replication/replication_totals.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

// A replica as INFO and ROLE show it.
struct ReplicaStatus {
  std::string host;
  int64_t port = 0;
  FeedState state = FeedState::kStarting;
  storage::Lsn acknowledged = 0;
  int64_t offset = 0;
  int64_t lag_seconds = 0;
  bool is_redis = false;
  std::string member = {};  // its id, unless it is a Redis server
};

class ReplicaFeeds final : private FeedOwner {
 public:
  // Called from any thread.
  class Listener {
   public:
    // A replica has acknowledged more.
    virtual void NoteAck() = 0;
    // Likewise, or a replica is online now, or gone.
    virtual void NoteReplicas() = 0;

   protected:
    ~Listener() = default;
  };

  // All references must outlive the object.
  ReplicaFeeds(const ReplicationParts& parts, HistoryKeeper& history, BacklogKeeper& backlog, ReplicationTotals& totals,
               Listener& listener);

  // These take ownership of the connection. The backlog must be kept by now.
  void Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card, FeedRequest request);
  void AdmitRedis(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                  RedisSyncRequest request);
  // Ends the feed of this client, if it is one, asynchronously.
  void Close(uint64_t client_id);
  void CloseAll();
  // Call several times a second: forgets feeds that have ended.
  void Tick();
  // The stream of Redis replicas; null without one.
  std::shared_ptr<RedisStream> stream() { return redis_feeds_.stream(); }
  // Ends that stream if it is still the one: the backlog was freed.
  void EndStream(const std::shared_ptr<RedisStream>& stream) { redis_feeds_.Forget(stream); }
  size_t size();

  // False: Publish has nobody to send to.
  bool may_have_replicas() const { return backlog_.is_kept(); }
  // Sends a message to the subscribers of replicas, after all changes that precede it.
  void Publish(const cluster::PublishedMessage& published);
  // Sends a command to the Redis replicas, after all changes that precede it; it is not executed here.
  void SendToRedis(std::span<const std::string_view> argv);
  std::vector<ReplicaStatus> replicas();
  // The offset, and the part of the past that is in memory: bytes of the stream for Redis replicas if there are any,
  // else LSNs.
  struct Offsets {
    int64_t last = 0;
    int64_t first = 0;
    size_t bytes = 0;
  };
  Offsets offsets();
  // The id with which the offsets mean something: of that stream, else of the history.
  std::string shown_id();

  // --- acknowledgements ---
  // The number of replicas that have acknowledged the group.
  size_t CountAcknowledged(storage::Lsn lsn);
  // The number of online replicas that have not; they are asked to do so soon.
  size_t CountBehind(storage::Lsn lsn);
  // Redis replicas shall acknowledge the group as soon as they have it; others do so by themselves.
  void AskForAcks(storage::Lsn lsn) { redis_feeds_.AskForAcks(lsn); }
  // Gives what has been acknowledged to the quorum, in which Redis replicas don't count. True if it has changed.
  bool Update(cluster::Quorum& quorum, const cluster::Quorum::Shard& shard);
  // What the connection of each online replica has acknowledged.
  struct NodeAck {
    std::string member;
    storage::Lsn last = 0;
  };
  std::vector<NodeAck> acks();
  // In-sync replicas: those with an acknowledgement within min-replicas-max-lag.
  size_t CountInSync();

 private:
  std::string history_id() override { return history_.id(); }
  std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next) override { return backlog_.TailFrom(next); }
  void NoteSync(bool is_partial, bool was_asked_for_partial) override {
    totals_.NoteSync(is_partial, was_asked_for_partial);
  }
  void NoteAck() override { listener_.NoteAck(); }
  void NoteFeedChange() override { listener_.NoteReplicas(); }
  void NoteBytesOut(size_t bytes) override { totals_.bytes_out.fetch_add(bytes, std::memory_order_relaxed); }

  // The acknowledged LSNs of the online replicas.
  std::vector<storage::Lsn> Acknowledged();

  const ReplicationParts& parts_;
  HistoryKeeper& history_;
  BacklogKeeper& backlog_;
  ReplicationTotals& totals_;
  Listener& listener_;
  RedisFeeds redis_feeds_;
  storage::Mutex mutex_;
  std::vector<std::unique_ptr<ReplicaFeed>> feeds_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
