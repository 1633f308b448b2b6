// SPDX-License-Identifier: MIT
// Migrates slots to the owners that the topology assigns: imports slots of this shard, exports slots that other shards
// request, polls other nodes for moves between them, resolves offers that a crash left open, and erases migrated keys.
//
// Threads: one of its own, which sleeps while there is no work; other state is guarded.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cluster/migration/owned_slots.h"
#include "cluster/migration/slot_settlement.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/lasting_failure.h"
#include "server/cluster/slot_export.h"
#include "server/cluster/slot_import.h"
#include "server/cluster/slot_ownership.h"
#include "server/node_link/pump.h"

namespace ringkv::server {

class SlotMoves {
 public:
  // Both must outlive the object.
  SlotMoves(const ClusterParts& parts, SlotOwnership& state) : parts_(parts), state_(state), pump_(parts.world.clock) {}
  ~SlotMoves() { Stop(); }

  // Starts the thread, or wakes it to read the topology again.
  void Start();
  void Stop();

  // Takes ownership of the connection of another shard's primary that requests slots.
  void Admit(transport::Channel channel, std::shared_ptr<ClientCard> card, PullRequest request);

  // A migration in progress, as this node knows it.
  struct Progress {
    std::string from;  // shard; empty if the owner is unknown
    std::string to;
    size_t slots_left = 0;
    size_t slots = 0;   // at the start of the migration, or of this node
    uint64_t keys = 0;  // sent or received by this node
    std::string failure;
  };
  std::vector<Progress> progress();

 private:
  // A connection of another shard that asks for slots.
  struct PendingPull {
    transport::Channel channel;
    std::shared_ptr<ClientCard> card;
    PullRequest request;
  };

  void Run();
  // One round of work. False if there is none left.
  bool Step();
  void ForgetEnded(const ClusterView& view);
  void StartImports(const ClusterView& view);
  void StartExports(const ClusterView& view);
  // Asks other primaries which slots they own: all if an owner is unknown, else those with an open offer or new slots.
  void AskOthers(const ClusterView& view);
  // Failures of questions that nobody asks any more.
  void ForgetUnanswered(const ClusterView& view, bool is_settled);
  void AskShard(const ClusterView& view, cluster::ShardIndex shard);
  storage::Result<cluster::OwnedSlots> AskWhatItOwns(const cluster::Node& primary, const std::string& shard);
  // Writes what follows from it.
  void Conclude(const ClusterView& view, std::optional<cluster::SlotSettlement::Conclusion> conclusion);
  bool IsExportingTo(const std::string& shard);
  // Erases keys of migrated slots for some milliseconds.
  void EraseStrays(const ClusterView& view);
  // No crash brings back what was erased: only then the ledger may forget it.
  bool IsErasureSafe();
  void NoteMoves(const ClusterView& view);

  const ClusterParts& parts_;
  SlotOwnership& state_;

  // Used by the thread only, but for the pump's Wake.
  LinkPump pump_;
  cluster::SlotSettlement settlement_;
  std::unique_ptr<storage::SlotEraser> eraser_;

  storage::Mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<PendingPull> pending_pulls_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SlotImport>> imports_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SlotExport>> exports_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, size_t> totals_ GUARDED_BY(mutex_);  // slots per migration at its start
  std::map<std::string, LastingFailure> unanswered_ GUARDED_BY(mutex_);              // questions, by shard
  std::atomic<bool> interrupted_{false};
  std::thread thread_;
};

}  // namespace ringkv::server
