// SPDX-License-Identifier: MIT
// What simulations of several nodes have in common: their machines, life and death of their processes, a run with the
// faults of a plan and then without any, and what is wrong with it.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/client_history.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/network.h"
#include "tests/simulation/process_end.h"
#include "tests/simulation/replicated_node.h"
#include "tests/simulation/state_digests.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

// A machine.
template <typename Node>
struct SimulatedSite {
  using Process = Node;
  std::unique_ptr<FaultyFileSystem> disk = std::make_unique<FaultyFileSystem>();
  Promise promise;
  std::shared_ptr<Node> process;  // null: none runs
};

// `Owner`: what its nodes ask of a simulation. `Site`: a SimulatedSite, with what else belongs to a machine.
template <typename Owner, typename Site>
class SimulatedNodes : protected Owner {
 public:
  // With the plan's faults, then without any until the nodes are at rest.
  void Run() {
    auto fault = plan_.faults.begin();
    while (timeline_.now() < plan_.duration_ms && violation_.empty()) {
      LetClientsAct();
      timeline_.RunUntil(timeline_.now() + timeline_.Between(1, 100));
      BuryTheDead();
      for (; fault != plan_.faults.end() && fault->at_ms <= timeline_.now(); ++fault) Harm(*fault);
    }
    if (!violation_.empty()) return;
    HealAll();
    AwaitRest();
    if (violation_.empty()) CheckContents();
    if (violation_.empty()) CheckRest();
    if (violation_.empty()) CheckClients();
    rested_at_ms_ = timeline_.now();
    if (violation_.empty()) CheckEnd();
  }

  // What went wrong first; empty if nothing did.
  const std::string& violation() const { return violation_; }
  const Timeline& timeline() const { return timeline_; }
  uint64_t acknowledged() const { return clients_.acknowledged_count(); }
  uint64_t reads() const { return clients_.reads(); }
  // How long the run was, until its nodes were at rest.
  int64_t rested_at_ms() const { return rested_at_ms_; }

 protected:
  // Traced: the timeline has every message and disk operation.
  SimulatedNodes(const FaultPlan& plan, bool is_traced) : timeline_(plan.seed, is_traced), plan_(plan) {
    for (size_t i = 0; i < plan.nodes; ++i) sites_.push_back(std::make_unique<Site>());
  }
  ~SimulatedNodes() = default;
  // By the destructor of a simulation: processes tell it what happens as long as they live.
  void EndProcesses() {
    for (const auto& site : sites_) site->process.reset();
  }

  // --- a run ---
  virtual void LetClientsAct() = 0;
  virtual void Harm(const Fault& fault) = 0;
  // A process begins, unless one runs there.
  virtual void Start(int node) = 0;
  // The operator tells the node, after so many milliseconds, what it has not heard yet.
  virtual void Tell(int node, int64_t delay) = 0;
  // Ends when all nodes are as they are to be in the end, or with a violation.
  virtual void AwaitRest() = 0;
  // Of the data of all nodes; of nodes at rest, with their connections; of what clients saw.
  virtual void CheckContents() = 0;
  virtual void CheckRest() = 0;
  virtual void CheckClients() = 0;
  // No process is to start any more.
  virtual void EndSite(Site& /*site*/) {}
  // Whose notes are those that concern all nodes.
  virtual int SpokesNode() const { return 0; }

  // --- for the nodes ---
  std::shared_ptr<ReplicatedNode> Running(int node) override { return SiteOf(node).process; }
  size_t nodes() const override { return sites_.size(); }
  void NoteAcknowledged(const std::string& key, uint64_t number) override {
    clients_.NoteAcknowledged(key, number, timeline_.now());
  }
  void NoteRead(const std::string& key, Elements seen) override { clients_.NoteRead(key, std::move(seen)); }
  void NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) override {
    if (states_.Note(history, last, digest)) return;
    Violate(node, "at LSN " + std::to_string(last) + " it has other data than was there before");
  }
  void Violate(int node, const std::string& what) override {
    timeline_.Note(node, "VIOLATION: " + what);
    if (violation_.empty()) violation_ = what;
  }

  // --- life and death ---
  Site& SiteOf(int node) { return *sites_[static_cast<size_t>(node)]; }
  // Whether a process runs there that is not stopped.
  bool Responds(int node) {
    const Site& site = SiteOf(node);
    return site.process != nullptr && !site.disk->is_dead() && !network_.IsStopped(node);
  }
  void Kill(int node, bool machine_fails) {
    Site& site = SiteOf(node);
    if (site.process == nullptr) return;
    const bool has_ended = EndProcess(site.process, network_, *site.disk, machine_fails);
    if (!has_ended) Violate(node, "a process that was killed goes on");
    timeline_.After(timeline_.Between(10, 4000), [this, node] { Start(node); });
  }
  // Ends the processes of disks that have died.
  void BuryTheDead() {
    for (size_t i = 0; i < sites_.size(); ++i) {
      if (sites_[i]->process != nullptr && sites_[i]->disk->is_dead()) Kill(static_cast<int>(i), timeline_.Percent(50));
    }
  }

  Timeline timeline_;
  Network network_{timeline_, [this](int node, const std::string& what) { Violate(node, what); }};
  const FaultPlan plan_;
  std::vector<std::unique_ptr<Site>> sites_;
  ClientHistory clients_;
  std::string violation_;

 private:
  void HealAll() {
    timeline_.Note(SpokesNode(), "no faults from now on");
    network_.HealAll();
    for (size_t i = 0; i < sites_.size(); ++i) {
      const int node = static_cast<int>(i);
      if (sites_[i]->disk->is_dead()) Kill(node, false);
      sites_[i]->disk->Revive();  // also where a kill was to come after the next start
      sites_[i]->disk->Heal();
      sites_[i]->disk->SetCapacity(SIZE_MAX);
      Tell(node, 0);  // those that did not hear of the last change do now
    }
  }
  // Nothing is left of processes that have ended: no connection, no event, no object.
  void CheckEnd() {
    constexpr int64_t kLongerThanAnyTimerMs = 2'000'000;
    std::vector<std::weak_ptr<typename Site::Process>> ended;
    for (const auto& site : sites_) {
      EndSite(*site);
      ended.push_back(site->process);
      site->process.reset();
    }
    const int node = SpokesNode();
    const bool is_held = std::any_of(ended.begin(), ended.end(), [](const auto& each) { return !each.expired(); });
    if (is_held) Violate(node, "a process is still in use after its end");
    timeline_.RunUntil(timeline_.now() + kLongerThanAnyTimerMs);
    if (network_.wires() != 0) Violate(node, std::to_string(network_.wires()) + " connections of nobody are left");
    if (timeline_.events_left() != 0) Violate(node, "something still happens although no process runs");
  }

  StateDigests states_;
  int64_t rested_at_ms_ = 0;
};

}  // namespace ringkv::test
