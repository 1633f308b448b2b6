// SPDX-License-Identifier: MIT
// A primary and its replicas in a simulation, with clients, an operator and faults, all from one plan. Checks while it
// runs, and at the end, what replication with `repl-ack quorum` and `appendfsync always` promises.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/client_history.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/network.h"
#include "tests/simulation/replicated_node.h"
#include "tests/simulation/state_digests.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

class ReplicatedShard final : private NodeOwner {
 public:
  // Traced: the timeline has every message and disk operation.
  explicit ReplicatedShard(const FaultPlan& plan, bool is_traced = false);
  ~ReplicatedShard();

  // With the plan's faults, then without any until all nodes are equal.
  void Run();

  // What went wrong first; empty if nothing did.
  const std::string& violation() const { return violation_; }
  const Timeline& timeline() const { return timeline_; }
  uint64_t acknowledged() const { return clients_.acknowledged_count(); }
  uint64_t reads() const { return clients_.reads(); }
  uint64_t promotions() const { return promotions_; }
  // How long the run was, until its nodes were at rest.
  int64_t rested_at_ms() const { return rested_at_ms_; }

 private:
  struct Site {
    std::unique_ptr<FaultyFileSystem> disk = std::make_unique<FaultyFileSystem>();
    Promise promise;
    std::shared_ptr<ReplicatedNode> process;
    // Its files were damaged, so it may have lost what it had acknowledged, until it has followed the primary again.
    bool is_doubtful = false;
  };

  std::shared_ptr<ReplicatedNode> Running(int node) override;
  void NoteAcknowledged(const std::string& key, uint64_t number) override;
  void NoteRead(const std::string& key, Elements seen) override;
  void NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) override;
  void Violate(int node, const std::string& what) override;
  size_t nodes() const override { return sites_.size(); }

  Site& SiteOf(int node) { return *sites_[static_cast<size_t>(node)]; }
  // Whether a process runs there that is not stopped.
  bool Responds(int node);
  bool HasPrimary();

  void Start(int node);
  void TakeStartFailure(int node, const std::string& why);
  void Kill(int node, bool machine_fails);
  // Ends the process of a disk that has died.
  void BuryTheDead();
  void LetClientsAct();
  void ReadSomething(int node);
  void Harm(const Fault& fault);
  void FlipBit(int node, uint64_t which);
  // Asks so many nodes that one of them has every acknowledged write, and promotes the best. None of those that were
  // asked follows the old primary any more, or that one could go on to acknowledge writes.
  void PromoteOne();
  bool MayBeAsked(int node);
  // A doubtful node has the primary's data again.
  bool HasCaughtUp(int node);
  // The epoch of the last group that a node has: of two nodes, that with the later one has what was acknowledged in it.
  // Not that of its primary, while it still receives what is older.
  uint64_t EpochOf(uint64_t epoch, storage::Lsn last) const;
  // The node is the primary of a new epoch.
  void BeginEpoch(uint64_t epoch_before, storage::Lsn last);
  // Tells a node which primary there is; a stopped one hears it when it goes on.
  void Tell(int node, int64_t delay);
  void HealAll();
  bool IsConverged();
  void AwaitEquality();
  // A node takes itself for the primary now: has it every acknowledged write?
  void CheckPrimary();
  void CheckEquality();
  void CheckClients();
  // Nothing is left of connections that have ended, and clients are served.
  void CheckRest();
  // Nothing is left of processes that have ended: no connection, no event, no object.
  void CheckEnd();

  Timeline timeline_;
  Network network_{timeline_, [this](int node, const std::string& what) { Violate(node, what); }};
  const FaultPlan plan_;
  std::vector<std::unique_ptr<Site>> sites_;
  int primary_ = 0;
  // An epoch has one primary, in one life: one that was restarted may have lost what a replica still has.
  struct Epoch {
    storage::Lsn begin = 0;  // the last group that is older
    uint64_t parent = 0;     // the epoch of that group
  };
  std::vector<Epoch> epochs_{1};
  uint64_t epoch_ = 0;  // the newest
  ClientHistory clients_;
  StateDigests states_;
  uint64_t promotions_ = 0;
  int64_t rested_at_ms_ = 0;
  std::string violation_;
};

}  // namespace ringkv::test
