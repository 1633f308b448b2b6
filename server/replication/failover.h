// SPDX-License-Identifier: MIT
// FAILOVER: this primary hands its role over to a replica that has all of its writes. States and errors are those of
// Redis.
//
// Writes are paused, and no key expires here, so no group is added any more. When the replica has acknowledged the last
// one, this server follows it, and its link asks it to become the primary (docs/formats/node-link.md). If the replica
// refuses, this server is the primary again. With a coordinator that decides instead of the replica.
//
// Threads: synchronised; one of its own waits for the replica. `mutex_` is taken before the locks of Replication.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "server/node_link/link_phase.h"
#include "server/replication/primary_link.h"
#include "server/replication/replica_feeds.h"
#include "server/replication/replication_parts.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace ringkv::server {

class Failover {
 public:
  enum class State : uint8_t { kNone, kWaitingForSync, kInProgress };

  struct Request {
    std::optional<PrimaryAddress> target;  // none: the first replica that has all writes
    bool force = false;                    // after the timeout hands over to the target although it lacks writes
    int64_t timeout_ms = 0;                // 0: none
  };

  // Whose role is handed over.
  class Owner {
   public:
    virtual bool is_replica() const = 0;
    // The replica is to be the primary, and this server follows it.
    virtual void HandOver(PrimaryAddress heir, Takeover takeover) = 0;
    // Whether the link still follows as it was told in this generation.
    virtual bool IsCurrent(uint64_t generation) const = 0;
    // Takes the role of the primary back, or keeps it.
    virtual void TakeBack() = 0;
    // Between these two no group is added on a primary that gets no writes: expired keys are only hidden.
    virtual void Freeze() = 0;
    virtual void Unfreeze() = 0;
    // Whether the replies that depend on these groups may leave.
    virtual bool IsSafe(storage::Lsn last) const = 0;
    // The role has been handed over: requests of the clients that are here go to the new primary.
    virtual void RelayClients() = 0;

   protected:
    ~Owner() = default;
  };

  // All references must outlive the object.
  Failover(const ReplicationParts& parts, ReplicaFeeds& feeds, Owner& owner)
      : parts_(parts), feeds_(feeds), owner_(owner) {}
  ~Failover() { Stop(); }
  // Ends the wait. Call before the feeds end.
  void Stop();

  // The name that INFO shows.
  static std::string_view NameOf(State state);
  State state() const { return state_.load(); }
  // The target is becoming the primary, or will not: requests wait for that, for a bounded time.
  bool HoldsRequests() const {
    return state() == State::kInProgress && parts_.options.failover_forward_time > 0 &&
           parts_.world.clock.SteadyMs() < held_until_ms_.load();
  }
  // Call several times a second: those that have waited for too long go on.
  void Tick();
  // Whether it could begin now. An error is the reply.
  storage::Status Check(const Request& request) const;
  // Call without data locked. An error is the reply.
  storage::Status Begin(const Request& request);
  // Restores the role of the primary. Call without data locked. An error is the reply.
  storage::Status Abort();
  // A replica has acknowledged more.
  void NoteAck() {
    if (state() == State::kWaitingForSync) changed_.notify_all();
  }

  // --- for the link's thread; `generation`: the link's that was answered, which may be that of an earlier failover ---
  // The target has become the primary.
  void Complete(uint64_t generation);
  // The target has refused, in these words.
  void Reject(uint64_t generation, const std::string& why);

  // --- for a coordinator, which makes the target the primary ---
  void Complete();
  void GiveUp(const std::string& why);

 private:
  void WaitForTarget();
  // Hands over or gives up, if the time for that has come.
  void Advance() REQUIRES(mutex_);
  int64_t MillisecondsForScripts();
  // A replica that may take over now.
  std::optional<PrimaryAddress> FindSynced() const REQUIRES(mutex_);
  // The clients have their replies, or have had the time for it.
  bool AreRepliesOut() REQUIRES(mutex_);
  void HandOver(const PrimaryAddress& target, bool is_synced) REQUIRES(mutex_);
  // This server is the primary again, if it was not.
  void Revert(const std::string& why) REQUIRES(mutex_);
  // The target is the primary.
  void Finish() REQUIRES(mutex_);
  // The failover is over, and writes go on.
  void Clear() REQUIRES(mutex_);
  // Whether the failover in progress is the one of this generation.
  bool IsAbout(uint64_t generation) REQUIRES(mutex_);

  const ReplicationParts& parts_;
  ReplicaFeeds& feeds_;
  Owner& owner_;
  std::atomic<State> state_{State::kNone};
  std::atomic<bool> is_cancelled_{false};  // the wait is over
  std::atomic<int64_t> held_until_ms_{0};

  storage::Mutex begin_mutex_;  // before `mutex_`: one Begin at a time
  std::thread waiter_ GUARDED_BY(begin_mutex_);
  storage::Mutex mutex_;
  std::condition_variable changed_;
  Request request_ GUARDED_BY(mutex_);
  int64_t end_ms_ GUARDED_BY(mutex_) = 0;     // by the steady clock; 0: none
  int64_t synced_ms_ GUARDED_BY(mutex_) = 0;  // since when a replica has had everything; 0: none has yet
};

}  // namespace ringkv::server
