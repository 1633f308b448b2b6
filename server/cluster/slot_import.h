// SPDX-License-Identifier: MIT
// The receiving side of a slot migration: requests slots from the primary of another shard until this node has all that
// the topology assigns to it from there (docs/formats/node-link.md).
//
// Threads: one of its own; other state is guarded or atomic.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "cluster/node_messages.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/slot_ownership.h"
#include "server/node_link/link_socket.h"
#include "storage/base/mutex.h"
#include "storage/transfer/slot_arrival.h"

namespace ringkv::server {

class SlotImport {
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
  storage::Status Ask(PeerSocket& socket);
  // False when no more slots will arrive.
  storage::Result<bool> Take(PeerSocket& socket, const cluster::NodeMessage& message);
  storage::Status BeginBatch(std::string_view body);
  storage::Status Acknowledge(PeerSocket& socket, const cluster::NodeMessage& message);
  bool StillMoves();

  const ClusterParts& parts_;
  SlotOwnership& state_;
  const uint64_t epoch_;
  const std::string shard_;

  // The import's thread alone.
  cluster::SlotSet batch_;
  std::unique_ptr<storage::SlotArrival> arrival_;
  uint64_t flushes_ = 0;          // the store's flush count when the batch began
  int64_t failing_since_ms_ = 0;  // 0: not failing, or logged already

  std::atomic<uint64_t> keys_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_ended_{false};
  storage::Mutex mutex_;
  std::string failure_ GUARDED_BY(mutex_);
  LinkSocket socket_;
  std::thread thread_;
};

}  // namespace ringkv::server
