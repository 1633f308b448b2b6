// SPDX-License-Identifier: MIT
// The receiving side of a slot migration: connects to the primary of another shard, and lets the slot receiver of each
// connection take slots, until this node has all that the topology assigns to it from there.
//
// Threads: one of its own; other state is guarded or atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "cluster/migration/slot_receiver.h"
#include "cluster/node_messages.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/lasting_failure.h"
#include "server/cluster/slot_ownership.h"
#include "server/node_link/link_socket.h"
#include "storage/base/mutex.h"
#include "storage/transfer/slot_arrival.h"

namespace ringkv::server {

class SlotImport final : private cluster::SlotReceiver::Target {
 public:
  // From the shard of this name, at this epoch. Both references must outlive the object.
  SlotImport(const ClusterParts& parts, SlotOwnership& state, uint64_t epoch, std::string shard);
  ~SlotImport();

  void Start();
  bool has_ended() const { return has_ended_.load(); }
  const std::string& shard() const { return shard_; }
  uint64_t epoch() const { return epoch_; }
  // Keys received so far.
  uint64_t keys() const { return keys_.load(); }
  // The error of the last attempt; empty if it succeeded.
  std::string failure();

 private:
  void Run();
  storage::Status PullOnce();
  // After the link is closed. Logs a lasting failure once.
  void NoteEnd(const std::string& failure);
  cluster::PullIntroduction Introduction();
  // Waits while the disk can't keep up, as clients do.
  void AwaitLogRoom();
  bool StillMoves();

  // --- what the slot receiver changes ---
  int64_t timeout_ms() const override { return parts_.options.repl_timeout * 1000; }
  storage::Status BeginBatch(const cluster::SlotBatch& batch) override;
  storage::Status TakeKeys(std::string_view section) override;
  storage::Status TakeChanges(std::string_view changes) override;
  storage::Status Secure() override;
  bool IsSafe() override { return state_.IsSafe(secured_) && state_.IsLedgerSafe(); }
  storage::Status TakeOver() override;
  void NoteFinished() override;

  const ClusterParts& parts_;
  SlotOwnership& state_;
  const uint64_t epoch_;
  const std::string shard_;

  // The import's thread alone.
  cluster::SlotSet batch_;
  std::unique_ptr<storage::SlotArrival> arrival_;
  uint64_t flushes_ = 0;      // the store's flush count when the batch began
  storage::Lsn secured_ = 0;  // the last group that has to be safe

  std::atomic<uint64_t> keys_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_ended_{false};
  storage::Mutex mutex_;
  LastingFailure failure_ GUARDED_BY(mutex_);
  LinkSocket socket_;
  std::thread thread_;
};

}  // namespace ringkv::server
