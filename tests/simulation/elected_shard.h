// SPDX-License-Identifier: MIT
// A shard whose primary is elected through etcd, in a simulation, with clients and faults, all from one plan. Checks
// while it runs, and at the end, what failover promises: no acknowledged write is lost, no primary answers a stale
// read.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/client_history.h"
#include "tests/simulation/elected_node.h"
#include "tests/simulation/etcd_model.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/network.h"
#include "tests/simulation/state_digests.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

class ElectedShard final : private NodeOwner {
 public:
  explicit ElectedShard(const FaultPlan& plan, bool is_traced = false);
  ~ElectedShard();

  // With the plan's faults, then without any until all nodes are equal and in sync.
  void Run();

  const std::string& violation() const { return violation_; }
  const Timeline& timeline() const { return timeline_; }
  uint64_t acknowledged() const { return clients_.acknowledged_count(); }
  uint64_t reads() const { return clients_.reads(); }
  uint64_t elections() const { return elections_; }
  // How long the run was, until its nodes were at rest.
  int64_t rested_at_ms() const { return rested_at_ms_; }
  // A second in peace, of the whole shard.
  double calls_per_second() const { return calls_per_second_; }

 private:
  struct Site {
    std::unique_ptr<FaultyFileSystem> disk = std::make_unique<FaultyFileSystem>();
    Promise promise;
    std::shared_ptr<ElectedNode> node;
    bool is_doubtful = false;  // its files were damaged, until it has followed a primary again
  };

  std::shared_ptr<ReplicatedNode> Running(int node) override;
  void NoteAcknowledged(const std::string& key, uint64_t number) override;
  void NoteRead(const std::string& key, Elements seen) override;
  void NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) override;
  void Violate(int node, const std::string& what) override;
  size_t nodes() const override { return sites_.size(); }
  std::optional<std::vector<std::string>> Required(int node) override;
  bool MayAnswer(int node) override;

  Site& SiteOf(int node) { return *sites_[static_cast<size_t>(node)]; }
  bool Responds(int node);
  // The node that may serve now; -1: none.
  int Primary();
  void Start(int node);
  void Kill(int node, bool machine_fails);
  void BuryTheDead();
  void LetClientsAct();
  void CheckServing();
  void ForgetDoubts();
  void NotePrimary(int node, uint64_t epoch);
  // It has every acknowledged write.
  void CheckHasAll(int node, const std::string& key);
  void Harm(const Fault& fault);
  void HandOver(int heir);
  void HarmEtcd(int node, bool is_harsh);
  void FlipBit(int node, uint64_t which);
  void HealAll();
  bool IsConverged();
  bool Await(int64_t bound_ms, bool (ElectedShard::*condition)());
  bool IsAtRest();
  void CheckEquality();
  void CheckRest();
  void CountCalls();
  // Nothing is left of processes that have ended: no connection, no object.
  void CheckEnd();

  Timeline timeline_;
  Network network_{timeline_, [this](int node, const std::string& what) { Violate(node, what); }};
  EtcdModel etcd_{timeline_};
  const FaultPlan plan_;
  std::vector<std::unique_ptr<Site>> sites_;
  ClientHistory clients_;
  StateDigests states_;
  uint64_t elections_ = 0;
  double calls_per_second_ = 0;
  int64_t rested_at_ms_ = 0;
  std::string violation_;
};

}  // namespace ringkv::test
