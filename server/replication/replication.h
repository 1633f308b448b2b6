// SPDX-License-Identifier: MIT
// The replication role of this server: a primary with replicas, or a replica, which may have replicas of its own.
//
// Owns the history, the backlog, the feeds and the link; provides the state for INFO, ROLE and WAIT.
//
// Threads: synchronised. authority_mutex_ is taken before all locks of data; mutex_ is not held while those are taken.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cluster/replication/history.h"
#include "server/redis_feed/redis_feeds.h"
#include "server/replication/failover.h"
#include "server/replication/primary_link.h"
#include "server/replication/replica_feed.h"
#include "server/replication/replication_parts.h"
#include "storage/disk/file_system.h"
#include "storage/log/backlog.h"
#include "storage/log/log_tail.h"

namespace ringkv::server {

class Replication final : private RedisFeedOwner {
 public:
  explicit Replication(const ReplicationParts& parts);
  ~Replication() override;

  // Call before the data is loaded: this server will be a replica, so neither clients nor expiry may change data.
  void WillFollow();
  // Call when the data is loaded: continues the history of the files and follows the primary in the options.
  void Start();
  // The offset that INFO shows on a replica: the last group here, and 0 while the data is incomplete, so that Sentinel
  // prefers any other replica.
  storage::Lsn replica_offset();
  // Ends all links. Call before the data is closed.
  void Stop();

  // --- role ---
  bool is_replica() const { return is_replica_.load(std::memory_order_relaxed); }
  // A number for each period in which this server is the primary; 0 while it is a replica. A term ends when all writes
  // that began before Follow have ended.
  uint32_t term() const { return term_.load(std::memory_order_relaxed); }
  // Refuses writes at once; the link connects asynchronously.
  void Follow(PrimaryAddress primary, Takeover takeover = Takeover::kNone);
  // Does nothing on a primary. Call without data locked.
  void StopFollowing();
  // Likewise, and the options name no primary from now on.
  void Promote();
  // A primary that is this server's replica asks it to take over its role. `next`: the group after that primary's last
  // one, which must be here unless `anyway`. That primary becomes a replica, so there must be room for one. Call
  // without data locked. An error is the reply, and the role is what it was.
  storage::Status TakeOver(std::string_view history, storage::Lsn next, bool anyway);
  Failover& failover() { return failover_; }
  // Between the two no group is added on a primary that gets no writes: expired keys are only hidden.
  void Freeze() { SetPrimarysAuthority(storage::Authority::kFollower); }
  void Unfreeze() { SetPrimarysAuthority(storage::Authority::kOwner); }
  PrimaryLink& link() { return link_; }
  // A replica that takes writes becomes one a moment after it was told to follow, or to take them: who writes meanwhile
  // waits.
  bool WillBeWritable() const;

  // --- replicas ---
  // Takes ownership of the connection. An error is the reply; the caller keeps the connection then.
  storage::Status CheckAdmission();
  void Admit(int descriptor, std::string unread, std::shared_ptr<ClientCard> card, FeedRequest request);
  void AdmitRedis(int descriptor, std::string unread, std::shared_ptr<ClientCard> card, RedisSyncRequest request);
  void CloseFeed(uint64_t client_id);
  // From now on every change has an LSN and stays in the backlog for a while.
  void NumberChanges() { KeepBacklog(false); }
  struct Replica {
    std::string host;
    int64_t port = 0;
    FeedState state = FeedState::kStarting;
    storage::Lsn acknowledged = 0;
    int64_t offset = 0;
    int64_t lag_seconds = 0;
    bool is_redis = false;
  };
  std::vector<Replica> replicas();
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
  // Sends a message to the subscribers of replicas, after all changes that precede it.
  void Publish(const cluster::PublishedMessage& published);
  // The number of replicas that have acknowledged the group.
  size_t CountAcknowledged(storage::Lsn lsn);
  // The number of online replicas that have not.
  size_t CountBehind(storage::Lsn lsn);
  // Redis replicas shall acknowledge the group as soon as they have it; others do so by themselves.
  void AskForAcks(storage::Lsn lsn) { redis_feeds_.AskForAcks(lsn); }
  // The id by which a primary recognizes this server: in a cluster the node id, else derived from host, port and
  // directory.
  std::string member_id() const;
  // The last group on a majority of the shard.
  storage::Lsn quorum_lsn() const { return quorum_lsn_.load(); }
  // In-sync replicas: those with an acknowledgement within min-replicas-max-lag.
  size_t good_replicas() const { return good_replicas_.load(std::memory_order_relaxed); }

  // Call several times per second.
  void Tick();

  // --- history ---
  std::string history_id() override;
  cluster::History history();
  uint64_t epoch() const { return epoch_.load(); }
  // In a cluster: the epoch of the topology.
  void RaiseEpoch(uint64_t epoch);
  bool Holds(std::string_view id, storage::Lsn last);
  storage::Backlog& backlog() { return backlog_; }
  bool has_backlog() const { return has_backlog_.load(); }
  std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next) override;

  struct Totals {
    std::atomic<uint64_t> full{0};
    std::atomic<uint64_t> partial{0};
    std::atomic<uint64_t> partial_refused{0};
    std::atomic<uint64_t> bytes_in{0};
    std::atomic<uint64_t> bytes_out{0};
  };
  Totals& totals() { return totals_; }

  // --- for feeds ---
  void NoteSync(bool is_partial, bool was_asked_for_partial) override;
  void NoteAck() override;
  void NoteFeedChange() override;
  void NoteBytesOut(size_t bytes) override { totals_.bytes_out.fetch_add(bytes, std::memory_order_relaxed); }

  // --- for the link's thread ---
  // Returns when all writes that were admitted before have ended, or `give_up` becomes true.
  void PrepareToFollow(const std::atomic<bool>& give_up);
  void BecomeFollower();
  void ContinueHistory(const std::string& id, uint64_t epoch, storage::Lsn last);
  void ForgetHistory();
  storage::Status BeginReplacement();
  void EndReplacement(const std::string& id, uint64_t epoch, storage::Lsn last);
  void NoteBytesIn(size_t bytes) { totals_.bytes_in.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  std::string HistoryPath() const { return "replication.history"; }
  void LoadHistory();
  void SaveHistory();
  void UpdateQuorum();
  // The needs of commands that are not met because of what this server is to others.
  uint32_t Unmet() const;
  bool IsWritable() const;
  bool MayServeStale() const;
  // Applies replica-read-only. Must not be called with locks of data.
  void FitAuthority();
  // The part of CheckAdmission that does not depend on the link.
  storage::Status CheckRoom();
  void KeepBacklog(bool nothing_has_changed);
  void CloseFeeds();
  void ReapFeeds();
  void CountGoodReplicas();
  // Acknowledged LSNs of the online replicas.
  std::vector<storage::Lsn> Acknowledged();
  storage::Authority FollowersAuthority() const;
  // Does nothing on a replica.
  void SetPrimarysAuthority(storage::Authority authority);
  void SetAuthority(storage::Authority authority) REQUIRES(authority_mutex_);
  // The parts of StopFollowing; there are no link and no feeds then.
  void BeginEmpty();
  void ForkHistory();
  void BecomePrimary();
  // Acknowledged LSNs of the other members of the shard.
  std::vector<storage::Lsn> AcknowledgedByMembers();
  // The number of nodes for the majority, with this number of online replicas.
  size_t CountMembers(size_t replicas);
  void ForgetMembers();

  const ReplicationParts parts_;
  storage::FileSystem& files_;
  storage::Backlog backlog_;
  PrimaryLink link_;
  Failover failover_;
  RedisFeeds redis_feeds_;
  Totals totals_;

  std::atomic<bool> is_replica_{false};
  std::atomic<uint32_t> term_{1};
  std::atomic<uint32_t> last_term_{1};
  std::atomic<bool> has_backlog_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<storage::Lsn> quorum_lsn_{0};
  std::atomic<size_t> good_replicas_{0};

  storage::Mutex role_mutex_;       // before all other locks: one change of role at a time
  storage::Mutex authority_mutex_;  // before all locks of data
  storage::Mutex save_mutex_;       // guards the history file; before `mutex_`
  bool has_said_unsaved_ GUARDED_BY(save_mutex_) = false;
  storage::Mutex mutex_;
  cluster::History history_ GUARDED_BY(mutex_);
  uint64_t history_period_ GUARDED_BY(mutex_) = 0;  // the recording period that the history's LSNs belong to
  bool is_history_unsaved_ GUARDED_BY(mutex_) = false;
  int64_t last_replica_ms_ GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<ReplicaFeed>> feeds_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
