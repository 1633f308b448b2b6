// SPDX-License-Identifier: MIT
// The replication role of this server: a primary with replicas, or a replica, which may have replicas of its own.
//
// Owns the parts of replication: history, backlog, the copy of the data, feeds of replicas, the link to a primary,
// FAILOVER.
//
// Threads: synchronised. authority_mutex_ is taken before all locks of data.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/replication/quorum.h"
#include "cluster/replication/shard_copy.h"
#include "server/replication/backlog_keeper.h"
#include "server/replication/client_relay.h"
#include "server/replication/failover.h"
#include "server/replication/history_keeper.h"
#include "server/replication/kept_data.h"
#include "server/replication/primary_link.h"
#include "server/replication/replica_feeds.h"
#include "server/replication/replicated_data.h"
#include "server/replication/replication_parts.h"
#include "server/replication/replication_totals.h"

namespace ringkv::server {

using cluster::TakeoverRequest;

class Replication final : private ReplicaFeeds::Listener,
                          private PrimaryLink::Owner,
                          private ReplicatedData::Owner,
                          private Failover::Owner {
 public:
  explicit Replication(const ReplicationParts& parts);
  ~Replication();

  // Call before the data is loaded: this server will be a replica, so neither clients nor expiry may change data.
  void WillFollow();
  // Call when the data is loaded: continues the history of the files and follows the primary in the options.
  void Start();
  // Ends all links. Call before the data is closed.
  void Stop();
  // Call several times per second.
  void Tick();

  ReplicaFeeds& feeds() { return feeds_; }
  HistoryKeeper& history() { return history_; }
  BacklogKeeper& backlog() { return backlog_; }
  PrimaryLink& link() { return link_; }
  Failover& failover() { return failover_; }
  ClientRelay& relay() { return relay_; }
  const ReplicationTotals& totals() const { return totals_; }

  // --- role ---
  bool is_replica() const override { return is_replica_.load(std::memory_order_relaxed); }
  // A number for each period in which this server is the primary; 0 while it is a replica. A term ends when all writes
  // that began before Follow have ended.
  uint32_t term() const { return term_.load(std::memory_order_relaxed); }
  // The term in which replies wait for a majority; 0 if they don't (repl-ack).
  uint32_t quorum_term() const { return parts_.options.repl_ack != 0 ? term() : 0; }
  // Refuses writes at once; the link connects asynchronously. Outside of a cluster the option replicaof names the
  // primary from now on; CONFIG REWRITE keeps it.
  void Follow(PrimaryAddress primary, Takeover takeover);
  void Follow(PrimaryAddress primary) { Follow(std::move(primary), Takeover::kNone); }
  // Does nothing on a primary. The option replicaof is empty from now on. Call without data locked.
  void StopFollowing();
  // A primary becomes a replica of this server, so there must be room for one. Call without data locked. An error is
  // the reply, and the role is what it was.
  storage::Status TakeOver(const TakeoverRequest& request);
  // What it would return now.
  storage::Status CheckTakeOver(const TakeoverRequest& request);
  // A replica that takes writes becomes one a moment after it was told to follow, or to take them: writes in between
  // wait.
  bool WillBeWritable() const;
  // The id by which a primary recognizes this server: in a cluster the node id, else derived from host, port and
  // directory.
  std::string member_id() const override;
  // The offset that INFO shows on a replica, by which Sentinel chooses: the last group that it could acknowledge, and 0
  // while the data is incomplete. What only lies in memory would be lost when the new primary is restarted.
  storage::Lsn replica_offset();

  // --- with a coordinator, which alone decides the role (elected_role.cc) ---
  bool is_elected() const { return is_elected_; }
  // The id by which it knows this server; `wake`: from any thread, when it is to look at heir(). Call before the first
  // of these.
  void JoinAs(std::string id, std::function<void()> wake);
  void FollowElected(PrimaryAddress primary, uint64_t epoch);
  // After it returns, a replica gets nothing from its primary any more, and acknowledges nothing that it had not by
  // then.
  void CutOff();
  // The primary of this epoch. It may have been one before.
  void BecomeElected(uint64_t epoch);
  // Each write needs the acknowledgements of these replicas from now on.
  void Require(std::vector<std::string> members);
  // A primary answers nothing at this moment or later (Clock::SteadyMs). Call it again when that has passed, too: then
  // requests are refused instead of waiting.
  void SetLeaseEnd(int64_t steady_ms);
  // How many members the in-sync set of this primary has; whether too few of them keep pace for writes.
  void SetInSync(size_t members, bool lacks_members);
  // A member of the set that does not answer is about to leave it, and the writes that wait for it will go on. Without
  // repl-ack quorum they wait here: no more may be acknowledged that it lacks.
  void SetShrinking(bool is_shrinking);
  // How long a reply may wait for those who have to acknowledge (repl-ack-timeout).
  int64_t ack_timeout_ms() const { return parts_.options.repl_ack_timeout * (is_shrinking_ ? 2 : 1); }
  void NoteCoordinatorFailure() { ++coordinator_failures_; }
  // Whether the coordinator has answered of late; and how many replicas it would let succeed the primary.
  void SetElectable(bool is_answered, size_t heirs);
  struct Election {
    int64_t lease_ms = 0;   // for which it may serve as a primary
    size_t in_sync = 0;     // nodes of the set, at the primary
    uint64_t won = 0;       // since the start
    uint64_t failures = 0;  // calls of the coordinator without an answer
    bool is_answered = false;
    size_t heirs = 0;  // members of the in-sync set but for the primary, as the coordinator has it
  };
  Election election() const;
  // The member that the role of this primary is to be handed over to.
  std::optional<std::string> heir();
  // The coordinator does so no more: there is another primary, or this one has kept its role.
  void EndHandover();
  // In a cluster, the term in which this node is shown to serve slots, set before it does; 0: it is shown as a replica.
  void SetShownTerm(uint32_t term);
  // A primary whose lease has run out, until its term ends or it has a lease again; and a node of a cluster that would
  // serve slots by what held in another term.
  bool is_fenced() const {
    const int64_t end = lease_end_.load(std::memory_order_relaxed);
    if (end == kNoLease) return false;
    const uint32_t now = term();
    const uint32_t shown = shown_term_.load(std::memory_order_relaxed);
    if (shown != 0 && shown != now) return true;
    return now != 0 && parts_.world.clock.SteadyMs() >= end;
  }

  // --- replicas ---
  // Whether a replica may come. An error is the reply.
  storage::Status CheckAdmission();
  // These take ownership of the connection.
  void Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card, FeedRequest request);
  void AdmitRedis(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                  RedisSyncRequest request);
  // From now on every change has an LSN and stays in the backlog for a while.
  void NumberChanges() { copy_.NumberChanges(); }
  // The last group on a majority of the shard.
  storage::Lsn quorum_lsn() const { return quorum_lsn_.load(); }
  // In-sync replicas: those with an acknowledgement within min-replicas-max-lag.
  size_t good_replicas() const { return good_replicas_.load(std::memory_order_relaxed); }

 private:
  // --- for feeds ---
  void NoteAck() override;
  void NoteReplicas() override;

  // --- for the link's thread ---
  void PrepareToFollow(const std::atomic<bool>& give_up) override;
  void BecomeFollower() override;
  void EndTakeover(uint64_t generation) override { failover_.Complete(generation); }
  void RejectTakeover(uint64_t generation, const std::string& why) override { failover_.Reject(generation, why); }
  void Publish(const cluster::PublishedMessage& published) override { feeds_.Publish(published); }
  void KeepDropped(storage::Lsn after) override;

  // --- for the copy ---
  void CloseFeeds() override { feeds_.CloseAll(); }
  void FollowerHasData() override;
  bool PrimaryHasData() override;
  void ShowPrimary() override { is_replica_ = false; }

  // --- for failover ---
  bool IsCurrent(uint64_t generation) const override { return link_.IsCurrent(generation); }
  void HandOver(PrimaryAddress heir, Takeover takeover) override;
  void TakeBack() override;
  void Freeze() override { SetPrimarysAuthority(storage::Authority::kFollower); }
  void Unfreeze() override { SetPrimarysAuthority(storage::Authority::kOwner); }
  bool IsSafe(storage::Lsn last) const override;
  void RelayClients() override;

  // Writes the history to its file if it must be, and sends the replies that wait for that.
  void SaveHistory();
  void UpdateQuorum();
  void Promote(uint64_t epoch) REQUIRES(role_mutex_);
  void FollowFrom(PrimaryAddress primary, Takeover takeover, uint64_t lowest_epoch) REQUIRES(role_mutex_);
  // The needs of commands that are not met because of what this server is to others.
  uint32_t Unmet() const;
  bool IsWritable() const;
  bool MayServeStale() const;
  // Applies replica-read-only. Must not be called with locks of data.
  void FitAuthority();
  // The part of CheckAdmission that does not depend on the link.
  storage::Status CheckRoom();
  void FreeBacklog();
  storage::Authority FollowersAuthority() const;
  // Does nothing on a replica.
  void SetPrimarysAuthority(storage::Authority authority);
  void SetAuthority(storage::Authority authority) REQUIRES(authority_mutex_);

  static constexpr int64_t kNoLease = INT64_MAX;  // nothing depends on one

  const ReplicationParts parts_;
  const bool is_elected_;
  ReplicationTotals totals_;
  KeptData kept_data_;
  HistoryKeeper history_;
  BacklogKeeper backlog_;
  ReplicatedData data_;
  cluster::ShardCopy copy_;
  storage::Mutex quorum_mutex_;  // before the lock of the feeds
  cluster::Quorum quorum_ GUARDED_BY(quorum_mutex_);
  std::vector<std::string> required_ GUARDED_BY(quorum_mutex_);  // with a coordinator
  ReplicaFeeds feeds_;
  PrimaryLink link_;
  Failover failover_;
  ClientRelay relay_;

  std::atomic<bool> is_replica_{false};
  std::atomic<uint32_t> term_{1};
  std::atomic<uint32_t> last_term_{1};
  std::atomic<storage::Lsn> quorum_lsn_{0};  // what it evaluated last
  std::atomic<size_t> good_replicas_{0};

  // With a coordinator.
  std::string elected_id_;                  // set before anybody asks
  std::function<void()> wake_coordinator_;  // as well
  storage::Mutex heir_mutex_;               // nothing is locked while it is held
  std::optional<std::string> heir_ GUARDED_BY(heir_mutex_);
  std::atomic<int64_t> lease_end_;
  std::atomic<uint32_t> shown_term_{0};
  std::atomic<bool> lacks_members_{false};
  std::atomic<size_t> in_sync_{0};
  std::atomic<bool> is_shrinking_{false};
  std::atomic<uint64_t> elections_won_{0};
  std::atomic<uint64_t> coordinator_failures_{0};
  std::atomic<bool> is_coordinator_there_{false};
  std::atomic<size_t> heirs_{0};

  storage::Mutex role_mutex_;       // before all other locks: one change of role at a time
  storage::Mutex authority_mutex_;  // before all locks of data
};

}  // namespace ringkv::server
