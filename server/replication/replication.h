// SPDX-License-Identifier: MIT
// What this server is to others: a primary with replicas, or a replica of one (with replicas of its own, perhaps).
//
// Keeps the history that LSNs count in, the backlog, the feeds, the link; answers what INFO, ROLE and WAIT ask.
//
// Threads: own synchronisation. Its lock comes before all locks of data but is not held while those are taken.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cluster/replication/history.h"
#include "server/replication/primary_link.h"
#include "server/replication/redis_link.h"
#include "server/replication/replica_feed.h"
#include "storage/disk/file_system.h"
#include "storage/log/backlog.h"
#include "storage/log/log_tail.h"

namespace ringkv::server {

class Server;

// What REPLCONF CAPA says of one who speaks docs/formats/node-link.md.
constexpr std::string_view kLinkCapability = "ringkv1";
// Likewise of a replica that takes what is published.
constexpr std::string_view kPublishCapability = "ringkv-pubsub";

class Replication {
 public:
  // `server` must outlive the object.
  explicit Replication(Server& server);
  ~Replication();

  // Before the data is there: this server will be a replica, so nothing may change by itself, nor by clients.
  void WillFollow();
  // When the data is there: goes on with the history in the files, and follows whom the options name. An error ends the
  // start of the server.
  storage::Status Start();
  // Ends all links. Before the data is closed.
  void Stop();

  // --- what this server is ---
  bool is_replica() const { return is_replica_.load(std::memory_order_relaxed); }
  // Takes effect at once for who wants to write; the link follows.
  void Follow(PrimaryAddress primary);
  // Changes nothing for a primary.
  void StopFollowing();
  PrimaryLink& link() { return link_; }
  // A Redis server that is followed, for moving in. Clients can't write meanwhile.
  bool is_migrating() const { return redis_.is_running(); }
  RedisLink& redis_link() { return redis_; }
  // A replica that takes writes becomes one a moment after it was told to follow, or to take them: who writes meanwhile
  // waits.
  bool WillBeWritable() const;

  // --- replicas ---
  // Takes the connection over. An error is the reply; the connection stays with the caller then.
  storage::Status CheckAdmission();
  void Admit(int descriptor, std::string unread, std::shared_ptr<ClientCard> card, FeedRequest request);
  void CloseFeed(uint64_t client_id);
  // Every change has a number from now on, and its bytes are kept for a while.
  void NumberChanges() { KeepBacklog(false); }
  struct Replica {
    std::string host;
    int64_t port = 0;
    FeedState state = FeedState::kStarting;
    storage::Lsn acknowledged = 0;
    int64_t lag_seconds = 0;
  };
  std::vector<Replica> replicas();
  // Sends a message to subscribers of replicas, behind all changes that were made before.
  void Publish(const cluster::PublishedMessage& published);
  // How many have acknowledged the group.
  size_t CountAcknowledged(storage::Lsn lsn);
  // By which a primary knows this server again: in a cluster its node id, else of where it runs.
  std::string member_id() const;
  // The last group that a majority of the shard has.
  storage::Lsn quorum_lsn() const { return quorum_lsn_.load(); }
  // Waits until every replica that is online has all there is, so long at most. Nobody should write meanwhile.
  void LetReplicasCatchUp(int64_t most_ms);
  // Replicas that have been heard of within min-replicas-max-lag.
  size_t good_replicas() const { return good_replicas_.load(std::memory_order_relaxed); }

  // Some times a second.
  void Tick();

  // --- history ---
  std::string history_id();
  cluster::History history();
  uint64_t epoch() const { return epoch_.load(); }
  // In a cluster: that of its topology.
  void RaiseEpoch(uint64_t epoch);
  bool Holds(std::string_view id, storage::Lsn last);
  storage::Backlog& backlog() { return backlog_; }
  bool has_backlog() const { return has_backlog_.load(); }
  std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next);

  struct Totals {
    std::atomic<uint64_t> full{0};
    std::atomic<uint64_t> partial{0};
    std::atomic<uint64_t> partial_refused{0};
    std::atomic<uint64_t> bytes_in{0};
    std::atomic<uint64_t> bytes_out{0};
  };
  Totals& totals() { return totals_; }

  // --- for feeds ---
  void NoteSync(bool is_partial, bool was_asked_for_partial);
  void NoteAck();
  void NoteFeedChange();
  void NoteBytesOut(size_t bytes) { totals_.bytes_out.fetch_add(bytes, std::memory_order_relaxed); }

  // --- for the link, in its thread ---
  // Returns when nobody writes any more, or `give_up` becomes true.
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
  // Lets a replica's clients write, or not, as replica-read-only says. Not to be called with data locked.
  void FitAuthority();
  void KeepBacklog(bool nothing_has_changed);
  void CloseFeeds();
  void ReapFeeds();
  void CountGoodReplicas();
  // Of the replicas that are online.
  std::vector<storage::Lsn> Acknowledged();
  storage::Authority FollowersAuthority() const;
  void SetAuthority(storage::Authority authority) REQUIRES(authority_mutex_);
  // What members of the shard other than this server have acknowledged.
  std::vector<storage::Lsn> AcknowledgedByMembers();
  // How many nodes a majority is counted of, when so many replicas are there.
  size_t CountMembers(size_t replicas);
  void ForgetMembers();

  Server& server_;
  storage::FileSystem& files_;
  storage::Backlog backlog_;
  PrimaryLink link_;
  RedisLink redis_;
  Totals totals_;

  std::atomic<bool> is_replica_{false};
  std::atomic<bool> has_backlog_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<storage::Lsn> quorum_lsn_{0};
  std::atomic<size_t> good_replicas_{0};

  storage::Mutex authority_mutex_;  // before all locks of data
  storage::Mutex mutex_;
  cluster::History history_ GUARDED_BY(mutex_);
  uint64_t history_period_ GUARDED_BY(mutex_) = 0;  // of recording, which the history's numbers belong to
  bool is_history_unsaved_ GUARDED_BY(mutex_) = false;
  int64_t last_replica_ms_ GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<ReplicaFeed>> feeds_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
