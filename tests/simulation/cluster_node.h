// SPDX-License-Identifier: MIT
// The process of a node of a cluster in a simulation: the primary of a shard or its replica, with its ledger of slots,
// and the links that slots move by.
//
// Threads: confined.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/migration/kept_ledger.h"
#include "cluster/migration/owner_question.h"
#include "cluster/migration/slot_ledger.h"
#include "cluster/migration/slot_settlement.h"
#include "cluster/migration/topology_change.h"
#include "cluster/route.h"
#include "cluster/topology.h"
#include "storage/transfer/slot_arrival.h"
#include "tests/simulation/replicated_node.h"

namespace ringkv::test {

class ClusterNode;

// What a node asks of the simulation, and tells it.
class ClusterOwner : public NodeOwner {
 public:
  // The process that runs on this node; null if none does.
  virtual std::shared_ptr<ClusterNode> RunningMember(int node) = 0;
  // Whether nodes watch each other, over connections that stay open.
  virtual bool has_watches() const = 0;
  // The node serves other slots now.
  virtual void NoteServed(int node) = 0;
  // It is about to take over slots of the other one, whose keys it should have.
  virtual void NoteHandOver(int from, int to, const cluster::SlotSet& slots) = 0;

 protected:
  ~ClusterOwner() = default;
};

class ClusterNode final : public ReplicatedNode, private cluster::LedgerKeeper, private cluster::PlaceTaker {
 public:
  using Slots = std::bitset<storage::kSlots>;
  using TopologyPointer = std::shared_ptr<const cluster::Topology>;

  ClusterNode(int number, ClusterOwner& owner, Network& network, FaultyFileSystem& disk, Promise& promise);
  ~ClusterNode() override;

  // Loads the files.
  storage::Status Start(TopologyPointer topology);
  // The operator has sent it a topology.
  void TakeTopology(const TopologyPointer& topology);
  // All connections are closed; the others learn of it, unless the machine has gone.
  void Disconnect(bool is_noticed);
  // Accepts a connection of another shard.
  void AcceptVisitor(const std::shared_ptr<Wire>& wire);

  cluster::SlotRoute Route(size_t slot, bool asks) const;
  // Where a client is sent that is not served here; none: nowhere.
  std::optional<int> Redirection(size_t slot, cluster::SlotRoute route) const;
  using StoredNode::Write;  // the ledger's keeper has one too
  // A change of any kind, of a key that no client watches.
  void ChangeSomething(const std::string& key);

  uint64_t epoch() const { return topology_->epoch(); }
  // Whether it is the primary of its shard, as far as it knows.
  bool leads() const { return here_.is_primary; }
  // Whether all others answer its watch.
  bool SeesAll() const;
  const Slots& served() const { return served_; }
  const cluster::SlotLedger& ledger() const { return ledger_; }
  const std::string& shard_name() const { return topology_->shards()[here_.shard].name; }
  bool IsSettled() const { return here_.is_primary ? Known().IsSettled() : slots_ == topology_->slots(); }
  // Links that it has not forgotten, though they may have ended.
  size_t links() const;
  // Waits, at this moment, for the shard to take what was offered.
  bool HasOffered(const std::string& shard) const;

 private:
  class Visitor;
  class Import;
  class Watch;

  void StepLog() override;
  // All changes up to now are durable.
  storage::Status SecureAll();

  // --- slots, as in the server's SlotMoves: one step after the other, questions and their answers among them ---
  void WakeSlots();
  void StepSlots(uint64_t number);
  void StepSlotsLater(int64_t milliseconds);
  void ForgetEnded();
  void StartExports();
  void StartImports();
  void AskNext();
  void TakeAnswer(cluster::ShardIndex shard, const storage::Result<cluster::OwnedSlots>& answer);
  void EndStep();
  void EraseStrays();
  bool IsExportingTo(const std::string& shard) const;
  void Conclude(const std::optional<cluster::SlotSettlement::Conclusion>& conclusion);

  // --- its place in the topology ---
  void FindPlace();
  std::string id() const { return "n" + std::to_string(number_); }
  void RaiseEpoch(uint64_t epoch) override { ReplicatedNode::RaiseEpoch(epoch); }
  void BeginMoves() override;
  void Lead() override;
  void Follow(const cluster::Node& primary) override;

  // --- the ledger and what follows from it ---
  cluster::KnownSlots Known() const { return {*topology_, here_, slots_, ledger_}; }
  storage::Result<cluster::SlotLedger> FirstLedger();
  storage::Status Change(uint64_t epoch, const cluster::LedgerChange& change,
                         std::optional<uint64_t> flushes = std::nullopt);
  // That in the data; none: there is none.
  std::optional<cluster::SlotLedger> LedgerOfData();
  // As a replica. False: its primary has sent none yet.
  bool TakePrimarysLedger();
  void NoteLedger(const storage::Status& kept);
  storage::Status Write(const cluster::SlotLedger& ledger) override;
  std::optional<storage::Lsn> Append(const cluster::SlotLedger& ledger, std::optional<uint64_t> flushes) override;
  storage::Lsn appended() override { return ReplicatedNode::appended(); }
  bool IsSafe(storage::Lsn last) override { return HasMajority(last); }
  void Show(const cluster::SlotLedger& ledger) override;
  void ShowServed();
  cluster::SlotState StateOf(size_t slot) const;
  int NodeOf(cluster::ShardIndex shard) const;
  // Null if no process runs there, or the network is cut.
  std::shared_ptr<Port> ConnectTo(int peer, std::unique_ptr<cluster::Link> link, Port::OnEnd on_end);

  ClusterOwner& owner_;

  TopologyPointer topology_;
  cluster::ShardRole here_;
  cluster::KeptLedger kept_ledger_{*this};
  uint64_t ledger_taken_ = 0;  // as a replica: the version of the data's ledger that was looked at last
  bool has_taken_ledger_ = false;
  cluster::SlotLedger ledger_;  // that is shown
  cluster::SlotMap slots_;      // current owners
  cluster::SlotSet held_;
  bool is_to_lead_ = false;  // is being promoted: all slots are held
  cluster::SlotSet unsent_;  // their offer is in the ledger but not sent yet
  Slots served_;

  cluster::SlotSettlement settlement_;
  std::unique_ptr<storage::SlotEraser> eraser_;
  std::deque<cluster::ShardIndex> to_ask_;
  std::unique_ptr<cluster::OwnerQuestion> asked_;
  std::shared_ptr<Port> question_;  // the connection that this is asked on
  bool is_stepping_ = false;        // waits for answers
  uint64_t slot_step_ = 0;          // the number of the newest that was scheduled
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::vector<std::unique_ptr<Import>> imports_;
  const std::unique_ptr<Watch> watch_;  // null: it does not watch the others
};

}  // namespace ringkv::test
