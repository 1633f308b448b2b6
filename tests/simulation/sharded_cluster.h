// SPDX-License-Identifier: MIT
// A cluster in a simulation whose slots move while clients write: shards that join and leave, replicas that are
// promoted, an operator, faults, all from one plan. Checks while it runs, and at the end, that every slot has one owner
// and no acknowledged write is lost.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/cluster_node.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/simulated_nodes.h"

namespace ringkv::test {

struct MemberSite : SimulatedSite<ClusterNode> {
  ClusterNode::TopologyPointer told;  // what the operator has given to the node
  bool is_member = false;
};

class ShardedCluster final : public SimulatedNodes<ClusterOwner, MemberSite> {
 public:
  explicit ShardedCluster(const FaultPlan& plan, bool is_traced = false);
  ~ShardedCluster() { EndProcesses(); }

  uint64_t hand_overs() const { return hand_overs_; }
  uint64_t promotions() const { return promotions_; }

 private:
  // The node of a shard that leads it: of the newest epoch that any of them has been told.
  struct Leader {
    uint64_t epoch = 0;
    int node = -1;
  };

  std::shared_ptr<ClusterNode> RunningMember(int node) override { return SiteOf(node).process; }
  bool has_watches() const override { return plan_.has_watches; }
  std::vector<size_t> ShardOf(int node) const override;
  void NoteServed(int node) override;
  void NoteHandOver(int from, int to, const cluster::SlotSet& slots) override;

  size_t shards() const { return sites_.size() / plan_.copies; }
  size_t ShardNumberOf(int node) const { return static_cast<size_t>(node) / plan_.copies; }
  int FirstOf(size_t shard) const { return static_cast<int>(shard * plan_.copies); }
  // Not a primary that has not heard of its successor: it acknowledges nothing, and what it serves may be stale.
  bool Leads(int node);
  int AnyMember();

  void Start(int node) override;
  void LetClientsAct() override;
  // The node that serves the slot to a client that begins with this one and goes where it is sent; -1: none does.
  int Find(size_t slot, int* guess);
  // The first topology: so many shards, which share the slots.
  void BeginWith(size_t count);
  void Harm(const Fault& fault) override;
  // Makes the replica the primary of its shard.
  void Promote(int node);
  // Gives slots to other shards, which may join or leave.
  void Reshape(uint64_t seed);
  void LetOneJoin();
  void LetOneLeave();
  void SetMember(size_t shard, bool is_member);
  void Publish(const std::vector<size_t>& owners);
  void TellAll();
  // Gives the newest topology to the node; a stopped one hears it when it goes on.
  void Tell(int node, int64_t delay) override;
  bool IsConverged();
  bool HasCaughtUp(int replica);
  void AwaitRest() override;
  void CheckContents() override;
  // Those that a cluster at rest has: of replicas, and of watches.
  size_t CountLastingConnections() const;
  void CheckRest() override;
  void CheckClients() override;
  void EndSite(MemberSite& site) override { site.is_member = false; }

  ClusterNode::TopologyPointer topology_;  // the newest
  std::vector<size_t> owners_;             // the shard of each stripe of slots, as the newest topology has it
  std::vector<int> primaries_;             // of the shards, likewise
  std::vector<Leader> leaders_;            // of the shards
  std::map<std::string, int> guesses_;     // by key, of clients
  uint64_t hand_overs_ = 0;
  uint64_t promotions_ = 0;
};

}  // namespace ringkv::test
