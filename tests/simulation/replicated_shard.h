// SPDX-License-Identifier: MIT
// A primary and its replicas in a simulation, with clients, an operator and faults, all from one plan. Checks while it
// runs, and at the end, what replication with `repl-ack quorum` and `appendfsync always` promises.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/fault_plan.h"
#include "tests/simulation/replicated_node.h"
#include "tests/simulation/simulated_nodes.h"

namespace ringkv::test {

struct ShardSite : SimulatedSite<ReplicatedNode> {
  // Its files were damaged, so it may have lost what it had acknowledged, until it has followed the primary again.
  bool is_doubtful = false;
};

class ReplicatedShard final : public SimulatedNodes<NodeOwner, ShardSite> {
 public:
  explicit ReplicatedShard(const FaultPlan& plan, bool is_traced = false);
  ~ReplicatedShard() { EndProcesses(); }

  uint64_t promotions() const { return promotions_; }

 private:
  bool HasPrimary();

  void Start(int node) override;
  void TakeStartFailure(int node, const std::string& why);
  void LetClientsAct() override;
  void ReadSomething(int node);
  void Harm(const Fault& fault) override;
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
  void Tell(int node, int64_t delay) override;
  bool IsConverged();
  void AwaitRest() override;
  // A node takes itself for the primary now: has it every acknowledged write?
  void CheckPrimary();
  // All are equal.
  void CheckContents() override;
  void CheckRest() override;
  void CheckClients() override;
  int SpokesNode() const override { return primary_; }

  int primary_ = 0;
  // An epoch has one primary, in one life: one that was restarted may have lost what a replica still has.
  struct Epoch {
    storage::Lsn begin = 0;  // the last group that is older
    uint64_t parent = 0;     // the epoch of that group
  };
  std::vector<Epoch> epochs_{1};
  uint64_t epoch_ = 0;  // the newest
  uint64_t promotions_ = 0;
};

}  // namespace ringkv::test
