// SPDX-License-Identifier: MIT
// A node of a shard whose primary is elected through etcd: a state machine. Its calls of etcd and the time come in as
// answers; calls, the time of the next step, and orders to its node go out.
//
// The rules that no acknowledged write depends on luck for (docs/decisions/045-failover-through-etcd.md):
//   - a primary acknowledges a write only if each member of the in-sync set has it, and only while its lease is valid;
//   - a node that stands for election has cut itself off from its primary before it says what it has;
//   - whoever is elected, or handed the lead, is in the in-sync set of the record that this replaces;
//   - a primary that hands its lead over serves nothing from before it says so to etcd until it knows what has come of
//   it.
//
// Times are milliseconds of a steady clock.
// Threads: confined.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cluster/failover/etcd.h"
#include "cluster/failover/in_sync_set.h"
#include "cluster/failover/lease_keeper.h"
#include "cluster/failover/shard_keys.h"
#include "cluster/failover/shard_view.h"
#include "cluster/replication/acks.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

class ShardMember {
 public:
  enum class Role : uint8_t {
    kWaiting,  // nobody is known to lead, and this node can't be elected now
    kFollower,
    kCandidate,
    kPrimary,
  };

  struct Config {
    std::string cluster;
    std::string shard = "0";
    std::string id;         // the same after each restart
    std::string host = {};  // where others reach it
    int64_t port = 0;
    int64_t ttl_seconds = 3;
    InSyncSet::Limits limits = {};
    // The shard is one of a cluster, whose topology lists it: its epochs are numbers of the whole cluster, and the view
    // has all keys of that.
    bool is_in_cluster = false;
    // After so long without a record of the shard, this node makes it, with itself as the primary. Null: it never does.
    std::optional<int64_t> creates_after_ms = 0;
  };

  // The node and its copy of the data.
  class Node {
   public:
    struct Copy {
      uint64_t epoch = 0;
      storage::Lsn last = 0;  // that outlives a crash
      bool is_intact = false;
    };
    virtual Copy copy() = 0;
    // The last group.
    virtual storage::Lsn appended() = 0;
    // What its replicas have acknowledged, by connection.
    virtual std::vector<MemberAck> acks() = 0;

    // It acknowledges nothing to its primary from now on, and gets nothing from it.
    virtual void CutOff() = 0;
    virtual void Follow(const Lead& lead) = 0;
    // It is the primary of this epoch. It may have been one before.
    virtual void BecomePrimary(uint64_t epoch) = 0;

   protected:
    ~Node() = default;
  };

  // `node` must outlive the object.
  ShardMember(Config config, Node& node);

  // Does what is due, and tells the node. Call it at wake_at(), and several times a second on a primary.
  void Work(int64_t now);
  int64_t wake_at() const { return wake_at_; }
  // What to ask of etcd, until there is nothing more; at most four calls are under way. A watch replaces the one
  // before.
  std::optional<EtcdCall> NextCall(int64_t now);
  void Take(uint64_t number, const EtcdAnswer& answer, int64_t now);

  // Gives its lease back, so that others need not wait for its end, and decides nothing more.
  void Leave();
  // etcd knows, or will not hear of it.
  bool has_left() const { return is_leaving_ && lease_.is_free(); }

  // --- a planned change of the primary (handover.cc) ---
  // As the primary, makes this member of the in-sync set the primary, by one transaction. What the heir lacks by then
  // was not acknowledged, and is lost; so writes should have stopped.
  void HandOverTo(std::string heir, int64_t now);
  // Does so no more, unless etcd may have heard of it.
  void KeepLead() { heir_.reset(); }
  // Until it is no primary any more, or has given it up.
  bool is_handing_over() const { return heir_.has_value() || is_lead_in_doubt_; }

  // --- the fences of a primary ---
  // No write is acknowledged and no read answered at this moment or later.
  int64_t valid_until() const { return role_ == Role::kPrimary && !is_lead_in_doubt_ ? lease_.valid_until() : 0; }
  // Whose acknowledgements each write needs. Apply it after each call of Work and Take.
  std::vector<std::string> Required() const { return in_sync_.Required(); }
  // A member that is behind for longer leaves the in-sync set.
  void set_patience_ms(int64_t patience_ms) { in_sync_.set_patience_ms(patience_ms); }
  // Writes wait for a member that is about to leave the in-sync set.
  bool is_set_shrinking() const { return role_ == Role::kPrimary && in_sync_.IsShrinking(); }
  // Members that keep pace, the primary included, are too few for writes.
  bool lacks_members() const { return in_sync_.CountInPace() < config_.limits.fewest; }
  // Of the in-sync set, this primary included; 0 at others.
  size_t in_sync() const { return role_ == Role::kPrimary ? in_sync_.confirmed().size() : 0; }
  // Who may succeed the primary, as far as this node knows the record.
  size_t CountHeirs() const;

  Role role() const { return role_; }
  const ShardView& view() const { return view_; }

 private:
  void Decide(int64_t now);
  void BePrimary(int64_t now);
  void FitInSyncSet(int64_t now);
  void BeFollower(const Lead& lead, int64_t now);
  // True if this node is the one that the primary hands its lead over to.
  bool IsHeir() const;
  // The heir has a lease for the lead, and says so.
  void AcceptHandover(int64_t now);
  // Asks the heir, and makes it the primary when it has answered.
  void GoOnHandingOver(int64_t now);
  CommitKeys HandoverTo(const Handover& ready) const;
  // Nobody leads, or this node in an earlier life.
  void BeLeaderless(int64_t now);
  // No shard is known: makes it.
  void Create(int64_t now);
  const std::string& watched() const { return config_.is_in_cluster ? cluster_keys_.prefix() : keys_.prefix(); }
  // This node, or its heir, is to be the primary of the next epoch: adds that to a commit on the record.
  void BeginEpoch(ShardRecord record, CommitKeys* commit, Lead lead, int64_t lease) const;
  // Cuts itself off, and gets a lease.
  void PrepareToLead(int64_t now);
  void Reclaim(int64_t now);
  void StandForElection(int64_t now);
  // Whether it is this candidate's turn to claim the lead.
  bool MayClaim(int64_t now);
  ShardRecord AfterElection() const;
  // This node is to be the primary of the record's next epoch.
  void Claim(ShardRecord record, int64_t now);
  // Unless another transaction is under way.
  void Commit(CommitKeys commit, int64_t now);
  void TakeCommit(const EtcdAnswer& answer, int64_t now);
  void TakeWatch(const EtcdAnswer& answer, int64_t now);
  void TakeRead(const EtcdAnswer& answer, int64_t now);
  void ReadAgain(int64_t now, int64_t after_ms);
  void WakeAt(int64_t when) { wake_at_ = std::min(wake_at_, when); }
  CommitKeys OnRecord() const;
  CommitKeys OnLead() const;
  bool IsInSync() const;

  const Config config_;
  const ShardKeys keys_;
  const ClusterKeys cluster_keys_;
  Node& node_;
  ShardView view_;
  LeaseKeeper lease_;
  InSyncSet in_sync_;
  Role role_ = Role::kWaiting;
  std::optional<Lead> followed_;
  uint64_t led_epoch_ = 0;
  int64_t record_revision_ = 0;  // that the in-sync set was confirmed by
  std::optional<int64_t> leaderless_since_;
  std::optional<Node::Copy> stood_with_;  // what it said when it last stood
  int64_t stood_at_ = 0;
  uint64_t stands_after_ = 0;  // the epoch that it stands to succeed

  std::optional<std::string> heir_;
  int64_t heir_until_ = 0;         // then the lead is kept
  bool is_lead_in_doubt_ = false;  // it may be the heir's, or become so

  // The calls under way; 0: none.
  uint64_t last_number_ = 0;
  uint64_t lease_call_ = 0;
  uint64_t read_call_ = 0;
  uint64_t watch_call_ = 0;
  uint64_t commit_call_ = 0;
  std::optional<CommitKeys> commit_;  // until it is answered
  bool is_commit_sent_ = false;
  int64_t read_at_ = 0;
  int64_t commit_at_ = 0;  // not before
  int64_t wake_at_ = 0;
  bool is_leaving_ = false;
};

}  // namespace ringkv::cluster
