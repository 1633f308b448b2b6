// SPDX-License-Identifier: MIT
// A cluster in a simulation whose slots move while clients write: shards that join and leave, replicas that are
// promoted, an operator, faults, all from one plan. Checks while it runs, and at the end, that every slot has one owner
// and no acknowledged write is lost.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/client_history.h"
#include "tests/simulation/cluster_node.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/network.h"
#include "tests/simulation/state_digests.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

class ShardedCluster final : private ClusterOwner {
 public:
  // Traced: the timeline has every message and disk operation.
  explicit ShardedCluster(const FaultPlan& plan, bool is_traced = false);
  ~ShardedCluster();

  // With the plan's faults, then without any until all slots are where they are to be.
  void Run();

  // What went wrong first; empty if nothing did.
  const std::string& violation() const { return violation_; }
  const Timeline& timeline() const { return timeline_; }
  uint64_t acknowledged() const { return clients_.acknowledged_count(); }
  uint64_t reads() const { return clients_.reads(); }
  uint64_t hand_overs() const { return hand_overs_; }
  uint64_t promotions() const { return promotions_; }
  // How long the run was, until its nodes were at rest.
  int64_t rested_at_ms() const { return rested_at_ms_; }

 private:
  struct Site {
    std::unique_ptr<FaultyFileSystem> disk = std::make_unique<FaultyFileSystem>();
    Promise promise;
    std::shared_ptr<ClusterNode> process;
    ClusterNode::TopologyPointer told;  // what the operator has given to the node
    bool is_member = false;
  };

  // The node of a shard that leads it: of the newest epoch that any of them has been told.
  struct Leader {
    uint64_t epoch = 0;
    int node = -1;
  };

  std::shared_ptr<ReplicatedNode> Running(int node) override { return SiteOf(node).process; }
  std::shared_ptr<ClusterNode> RunningMember(int node) override { return SiteOf(node).process; }
  bool has_watches() const override { return plan_.has_watches; }
  size_t nodes() const override { return sites_.size(); }
  std::vector<size_t> ShardOf(int node) const override;
  void NoteAcknowledged(const std::string& key, uint64_t number) override;
  void NoteRead(const std::string& key, Elements seen) override;
  void NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) override;
  void NoteServed(int node) override;
  void NoteHandOver(int from, int to, const cluster::SlotSet& slots) override;
  void Violate(int node, const std::string& what) override;

  Site& SiteOf(int node) { return *sites_[static_cast<size_t>(node)]; }
  size_t shards() const { return sites_.size() / plan_.copies; }
  size_t ShardNumberOf(int node) const { return static_cast<size_t>(node) / plan_.copies; }
  int FirstOf(size_t shard) const { return static_cast<int>(shard * plan_.copies); }
  // Not a primary that has not heard of its successor: it acknowledges nothing, and what it serves may be stale.
  bool Leads(int node);
  // Whether a process runs there that is not stopped.
  bool Responds(int node);
  int AnyMember();

  void Start(int node);
  void Kill(int node, bool machine_fails);
  void BuryTheDead();
  void LetClientsAct();
  // The node that serves the slot to a client that begins with this one and goes where it is sent; -1: none does.
  int Find(size_t slot, int* guess);
  // The first topology: so many shards, which share the slots.
  void BeginWith(size_t count);
  void Harm(const Fault& fault);
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
  void Tell(int node, int64_t delay);
  void HealAll();
  bool IsConverged();
  bool HasCaughtUp(int replica);
  void AwaitConvergence();
  void CheckContents();
  // Those that a cluster at rest has: of replicas, and of watches.
  size_t CountLastingConnections() const;
  void CheckRest();
  void CheckClients();
  void CheckEnd();

  Timeline timeline_;
  Network network_{timeline_, [this](int node, const std::string& what) { Violate(node, what); }};
  const FaultPlan plan_;
  std::vector<std::unique_ptr<Site>> sites_;
  ClusterNode::TopologyPointer topology_;  // the newest
  std::vector<size_t> owners_;             // the shard of each stripe of slots, as the newest topology has it
  std::vector<int> primaries_;             // of the shards, likewise
  std::vector<Leader> leaders_;            // of the shards
  std::map<std::string, int> guesses_;     // by key, of clients
  ClientHistory clients_;
  StateDigests states_;
  uint64_t hand_overs_ = 0;
  uint64_t promotions_ = 0;
  int64_t rested_at_ms_ = 0;
  std::string violation_;
};

}  // namespace ringkv::test
