// SPDX-License-Identifier: MIT
// The replica's end of replication: connects to the primary, and lets the log receiver of each connection change this
// server's copy. Reconnects until told otherwise.
//
// Threads: one of its own; other state is guarded or atomic.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <string>
#include <thread>

#include "cluster/node_messages.h"
#include "cluster/replication/log_receiver.h"
#include "cluster/replication/shard_copy.h"
#include "server/node_link/link_phase.h"
#include "server/node_link/link_socket.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replication_parts.h"
#include "server/replication/replication_totals.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

using cluster::Takeover;

class PrimaryLink final : private cluster::LogReceiver::Target {
 public:
  // Whose role the link changes. Called by the link's thread.
  class Owner {
   public:
    // The id by which a primary recognizes this server.
    virtual std::string member_id() const = 0;
    // Returns when all writes that were admitted before have ended, or `give_up` becomes true.
    virtual void PrepareToFollow(const std::atomic<bool>& give_up) = 0;
    virtual void BecomeFollower() = 0;
    // The primary of this generation has taken over, or has refused to in these words.
    virtual void EndTakeover(uint64_t generation) = 0;
    virtual void RejectTakeover(uint64_t generation, const std::string& why) = 0;
    // Sends a message on to subscribers of replicas.
    virtual void Publish(const cluster::PublishedMessage& published) = 0;
    // Groups behind this one are dropped: the primary that is followed now lacks them.
    virtual void KeepDropped(storage::Lsn after) = 0;

   protected:
    ~Owner() = default;
  };

  // All references must outlive the link.
  PrimaryLink(const ReplicationParts& parts, HistoryKeeper& history, cluster::ShardCopy& copy,
              ReplicationTotals& totals, Owner& owner);
  ~PrimaryLink();

  void Start();
  void Stop();

  // Sets the primary to follow from now on, and what is asked of it until it has replied. It is followed only if its
  // epoch is this one or a later one.
  void Follow(PrimaryAddress target, Takeover takeover = Takeover::kNone, uint64_t lowest_epoch = 0);
  // After it returns, no more changes are applied.
  void Unfollow();

  // Each Follow and each Unfollow begin a generation.
  bool IsCurrent(uint64_t generation) const { return generation_.load() == generation; }

  LinkPhase phase() const { return phase_.load(); }
  // Of the last Follow. It stays after Unfollow: until its role has changed, a replica is shown with its primary.
  PrimaryAddress target();
  // Whether it has had all that its primary had at a moment of the connection that is there, or was there last.
  bool has_caught_up() const { return has_caught_up_.load(); }
  int64_t last_received_ms() const { return last_received_ms_.load(); }
  int64_t down_since_ms() const { return down_since_ms_.load(); }
  // The primary's last group, as far as known.
  storage::Lsn primary_last() const { return primary_last_.load(); }
  storage::Lsn last() const { return last_.load(); }
  // The last group, up to `last`, that is as durable as the configuration promises: as far as replicas acknowledge.
  storage::Lsn Secured(storage::Lsn last) const;
  // The replication lag in milliseconds; 0 if this replica has all changes.
  int64_t LagMs(int64_t now_ms) const;
  uint64_t snapshot_bytes() const { return snapshot_bytes_.load(); }

 private:
  void Run();
  // False when the thread must end.
  bool WaitForTarget(uint64_t* generation, PrimaryAddress* target);
  // Becomes a replica of the target of this generation; false if there is another by then.
  bool BeginToFollow(uint64_t generation);
  // Returns the reason for which the connection ended.
  storage::Error FollowOnce(const PrimaryAddress& target);
  cluster::ReplicaIntroduction Introduction(const PrimaryAddress& target);
  // What is asked of the primary that is followed now.
  Takeover TakeoverNow();
  // Whether the connection serves a target that was replaced.
  bool IsObsolete() const { return stopping_ || !IsCurrent(followed_); }
  storage::Status CheckCurrent() const;
  bool SyncsFirst() const;
  bool HasFiles() const;
  // What the phase of the link becomes in this state of the receiver.
  void EnterPhase(LinkPhase phase) REQUIRES(apply_mutex_);

  // --- what the log receiver changes ---
  int64_t timeout_ms() const override { return parts_.options.repl_timeout * 1000; }
  storage::Lsn appended() override { return parts_.data.store().log().appended(); }
  cluster::History history() override { return history_.history(); }
  uint64_t lowest_epoch() override;
  void EndTakeover() override;
  void RejectTakeover(const std::string& why) override { owner_.RejectTakeover(followed_, why); }
  storage::Result<cluster::LogReceiver::Applied> Resume(const std::string& history, uint64_t epoch,
                                                        storage::Lsn last) override;
  void WillDrop(storage::Lsn after) override { owner_.KeepDropped(after); }
  storage::Status BeginSnapshot(std::string_view header) override;
  storage::Result<cluster::LogReceiver::Applied> TakeSection(std::string_view bytes) override;
  storage::Status EndSnapshot(const std::string& history, uint64_t epoch, storage::Lsn last) override;
  storage::Result<cluster::LogReceiver::Applied> TakeFrame(std::string_view bytes) override;
  void Forget() override;
  storage::Status Publish(const cluster::PublishedMessage& published) override;
  storage::Lsn Secure(storage::Lsn last) override;
  void NoteProgress(const cluster::LogReceiver::Progress& progress) override;

  void Rest(std::chrono::milliseconds duration);

  const ReplicationParts& parts_;
  HistoryKeeper& history_;
  cluster::ShardCopy& copy_;
  ReplicationTotals& totals_;
  Owner& owner_;

  std::atomic<LinkPhase> phase_{LinkPhase::kNone};
  std::atomic<int64_t> last_received_ms_{0};
  std::atomic<int64_t> down_since_ms_{0};
  std::atomic<storage::Lsn> primary_last_{0};
  std::atomic<storage::Lsn> last_{0};
  std::atomic<int64_t> behind_since_ms_{0};
  std::atomic<uint64_t> snapshot_bytes_{0};
  std::atomic<bool> has_caught_up_{false};
  std::atomic<uint64_t> generation_{0};
  std::atomic<bool> stopping_{false};

  // Used by the link's thread only.
  uint64_t followed_ = 0;  // the generation of the connection
  PrimaryAddress connected_to_;

  storage::Mutex apply_mutex_;  // before all locks of data; the link changes its copy under it

  storage::Mutex mutex_;
  std::condition_variable changed_;
  PrimaryAddress target_ GUARDED_BY(mutex_);
  bool follows_ GUARDED_BY(mutex_) = false;
  Takeover takeover_ GUARDED_BY(mutex_) = Takeover::kNone;
  uint64_t lowest_epoch_ GUARDED_BY(mutex_) = 0;
  LinkSocket socket_;
  std::thread thread_;
};

}  // namespace ringkv::server
