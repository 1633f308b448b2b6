// SPDX-License-Identifier: MIT
// The replica's end of replication: connects to the primary, resumes at the store's LSN or loads a snapshot, then
// applies frames and acknowledges them. Reconnects until told otherwise.
//
// Threads: one of its own; other state is guarded or atomic.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <string>
#include <thread>

#include "cluster/node_messages.h"
#include "server/node_link/link_phase.h"
#include "server/node_link/link_socket.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replication_parts.h"
#include "server/replication/replication_totals.h"
#include "storage/base/mutex.h"
#include "storage/transfer/follower.h"

namespace ringkv::server {

// What a server asks of the replica that it follows from now on (FAILOVER): to become the primary if it has all groups,
// or in any case.
enum class Takeover : uint8_t { kNone, kIfComplete, kAnyway };

class PrimaryLink {
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
    // Between these two the data set is replaced by a snapshot.
    virtual storage::Status BeginReplacement() = 0;
    virtual void EndReplacement(const std::string& history, uint64_t epoch, storage::Lsn last) = 0;
    // Sends a message on to subscribers of replicas.
    virtual void Publish(const cluster::PublishedMessage& published) = 0;

   protected:
    ~Owner() = default;
  };

  // All references must outlive the link.
  PrimaryLink(const ReplicationParts& parts, HistoryKeeper& history, ReplicationTotals& totals, Owner& owner);
  ~PrimaryLink();

  void Start();
  void Stop();

  // Sets the primary to follow from now on, and what is asked of it until it has replied.
  void Follow(PrimaryAddress target, Takeover takeover = Takeover::kNone);
  // After it returns, no more changes are applied. Returns false if the store has only a part of a snapshot.
  bool Unfollow();

  // Each Follow and each Unfollow begin a generation.
  bool IsCurrent(uint64_t generation) const { return generation_.load() == generation; }

  LinkPhase phase() const { return phase_.load(); }
  PrimaryAddress target();
  int64_t last_received_ms() const { return last_received_ms_.load(); }
  int64_t down_since_ms() const { return down_since_ms_.load(); }
  // The primary's last group, as far as known.
  storage::Lsn primary_last() const { return primary_last_.load(); }
  storage::Lsn last() const { return last_.load(); }
  // The replication lag in milliseconds; 0 if this replica has all changes.
  int64_t LagMs(int64_t now_ms) const;
  uint64_t snapshot_bytes() const { return snapshot_bytes_.load(); }

 private:
  void Run();
  // False when the thread must end.
  bool WaitForTarget(uint64_t* generation, PrimaryAddress* target);
  storage::Status FollowOnce(uint64_t generation, const PrimaryAddress& target);
  storage::Status Handshake(PeerSocket& socket, uint64_t generation, const PrimaryAddress& target);
  // Announces this replica to the primary.
  storage::Status Introduce(PeerSocket& socket);
  // Sends PSYNC and returns the reply to it.
  storage::Result<std::string> AskToSync(PeerSocket& socket, uint64_t generation, storage::Lsn have);
  // What is asked of the primary of this generation.
  Takeover TakeoverFor(uint64_t generation);
  // The primary has become one.
  void EndTakeover(uint64_t generation);
  storage::Status ReceiveMessages(PeerSocket& socket, uint64_t generation);
  storage::Status Take(uint64_t generation, const cluster::NodeMessage& message);
  // Delivers a published message to subscribers of this server and of its replicas.
  storage::Status TakePublished(std::string_view body);
  storage::Status TakeSnapshotPart(const cluster::NodeMessage& message) REQUIRES(apply_mutex_);
  storage::Status Acknowledge(PeerSocket& socket);
  void Rest(std::chrono::milliseconds duration);

  const ReplicationParts& parts_;
  HistoryKeeper& history_;
  ReplicationTotals& totals_;
  Owner& owner_;

  std::atomic<LinkPhase> phase_{LinkPhase::kNone};
  std::atomic<int64_t> last_received_ms_{0};
  std::atomic<int64_t> down_since_ms_{0};
  std::atomic<storage::Lsn> primary_last_{0};
  std::atomic<storage::Lsn> last_{0};
  std::atomic<int64_t> behind_since_ms_{0};
  std::atomic<uint64_t> snapshot_bytes_{0};
  std::atomic<uint64_t> generation_{0};
  std::atomic<bool> stopping_{false};

  // Used by the link's thread only.
  uint64_t epoch_floor_ = 0;
  std::string new_history_;  // of the snapshot being received
  bool owes_ack_ = false;

  storage::Mutex apply_mutex_;  // before all locks of data
  storage::Follower follower_ GUARDED_BY(apply_mutex_);

  storage::Mutex mutex_;
  std::condition_variable changed_;
  PrimaryAddress target_ GUARDED_BY(mutex_);
  Takeover takeover_ GUARDED_BY(mutex_) = Takeover::kNone;
  LinkSocket socket_;
  std::thread thread_;
};

}  // namespace ringkv::server
