// SPDX-License-Identifier: MIT
// The cluster when a coordinator decides who leads a shard, and keeps the topology: this node's view follows the
// replication's role, which follows the coordinator (docs/decisions/049-a-cluster-in-etcd.md).
#include <utility>

#include "cluster/migration/topology_change.h"
#include "server/cluster/cluster_state.h"
#include "server/cluster/own_node.h"
#include "server/cluster/slot_moves.h"
#include "server/config/own_ports.h"
#include "storage/log/log_files.h"

namespace ringkv::server {

using cluster::SlotLedger;
using cluster::SlotSet;
using cluster::Topology;
using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

namespace {

constexpr const char* kKnownTopologyPath = "cluster.topology";  // docs/formats/coordinator.md

// All that a node knows that has heard of no other.
std::string OnlyNode(const std::string& id, const Options& options) {
  const std::string shard = options.shard.Get();
  return "epoch 1\nshard " + shard + "\nnode " + id + " shard " + shard + " host " + OwnHost(options) + " port " +
         std::to_string(PortOfNode(options)) + " role primary\n";
}

}  // namespace

Status ClusterState::OpenElected() {
  if (Status locked = parts_.data.durability().LockDirectory(); !locked) return locked;
  Result<std::string> id = OwnNodeId(parts_.world);
  if (!id) return tl::unexpected(id.error());
  elected_id_ = std::move(*id);
  Result<std::shared_ptr<ClusterView>> made = FirstElectedView();
  if (!made) return tl::unexpected(made.error());
  Result<SlotLedger> ledger = FirstLedger(**made);
  if (!ledger) return tl::unexpected(ledger.error());
  is_enabled_ = true;
  MutexLock lock(change_mutex_);
  news_[elected_id_] = NewsOf(parts_.options);
  kept_ledger_.Open(*ledger);
  Install(*made, std::move(*ledger));
  return {};
}

// What it knew when it was stopped, so that it can send clients to others before it has heard from the coordinator.
Result<std::shared_ptr<ClusterView>> ClusterState::FirstElectedView() {
  if (files_.Exists(kKnownTopologyPath)) {
    Result<std::string> text = storage::ReadWhole(files_, kKnownTopologyPath);
    if (!text) return tl::unexpected(text.error());
    Result<Topology> known = Topology::Parse(*text);
    if (known) {
      const cluster::Node* const self = known->FindNode(elected_id_);
      const std::string shard = parts_.options.shard.Get();
      if (self != nullptr && known->shards()[self->shard].name != shard) {
        return Fail("shard '" + shard + "': the data of this directory is of shard '" +
                    known->shards()[self->shard].name + "'; a node of another shard needs an empty one");
      }
      Result<std::shared_ptr<ClusterView>> made = MakeElectedView(std::move(*known), false);
      if (made) {
        known_topology_ = std::move(*text);
        return made;
      }
    }
    parts_.log.Warning(std::string("'") + kKnownTopologyPath + "' is not of this node, and not used");
  }
  Result<Topology> alone = Topology::Parse(OnlyNode(elected_id_, parts_.options));
  if (!alone) return Fail("replica-announce-ip, shard: " + alone.error().text);
  return MakeElectedView(std::move(*alone), false);
}

Result<std::shared_ptr<ClusterView>> ClusterState::MakeElectedView(Topology topology, bool leads) const {
  const cluster::Node* self = topology.FindNode(elected_id_);
  if (self == nullptr || topology.shards()[self->shard].name != parts_.options.shard.Get()) {
    return Fail("the topology does not have this node in its shard '" + parts_.options.shard.Get() + "'");
  }
  auto view = std::make_shared<ClusterView>();
  view->here = {self->shard, leads};
  view->topology = std::move(topology);
  view->id = elected_id_;
  return view;
}

Status ClusterState::CheckElected(const ClusterView& before, const Topology& next, const SlotLedger& owned) const {
  const bool is_first = known_topology_.empty();  // it has made up the one before
  if (next.epoch() != before.topology.epoch()) {
    return cluster::CheckNext({before.topology, before.shard_name(), owned}, next, elected_id_);
  }
  if (is_first || next.slots() == before.topology.slots()) return {};
  return Fail("the coordinator has another topology of epoch " + std::to_string(next.epoch()) + " than it had");
}

Result<bool> ClusterState::TakeElected(const std::string& text, bool leads) {
  Result<Topology> topology = Topology::Parse(text);
  if (!topology) return Fail("the coordinator has a topology that can't be used: " + topology.error().text);
  Result<std::shared_ptr<ClusterView>> next = MakeElectedView(std::move(*topology), leads);
  if (!next) return tl::unexpected(next.error());
  bool is_new = false;
  bool is_done = true;
  {
    MutexLock lock(change_mutex_);
    const std::shared_ptr<const ClusterView> before = view();
    if (Status may = CheckElected(*before, (*next)->topology, ledger()); !may) return tl::unexpected(may.error());
    is_new = (*next)->topology.epoch() != before->topology.epoch();
    const uint32_t term = leads ? parts_.replication.term() : 0;
    if (leads && term == 0) return false;  // it is the primary no more, and that is about to be told
    (*next)->held = before->held;
    (*next)->unsent = before->unsent;
    if (term != led_term_) ChangeRole(**next);
    led_term_ = term;
    if (leads) parts_.replication.SetShownTerm(term);
    Install(*next, ledger());
    if (!leads) parts_.replication.SetShownTerm(0);
    must_lead_ = leads && (must_lead_ || is_to_lead_ || is_new);
    if (must_lead_) is_done = LeadElected();
  }
  parts_.links.ResumePaused();
  if (is_new) parts_.log.Notice("cluster: epoch " + std::to_string(epoch()));
  KeepTopology(text);
  moves_->Start();
  return is_done;
}

void ClusterState::ChangeRole(ClusterView& next) {
  kept_ledger_.Await();
  knows_ledger_ = false;
  next.unsent.reset();  // others may have heard of what another primary offers
  is_to_lead_ = next.here.is_primary;
  // All: until the last word of the old primary is known.
  next.held = is_to_lead_ ? ~SlotSet() : SlotSet();
}

bool ClusterState::LeadElected() {
  std::optional<SlotLedger> of_data = LedgerOfData();
  if (!IsLedTerm()) return false;
  NoteLedger(kept_ledger_.Lead(epoch(), std::move(of_data)));
  if (!kept_ledger_.leads() || !IsLedTerm()) return false;
  must_lead_ = false;
  if (!std::exchange(is_to_lead_, false)) return true;
  auto next = std::make_shared<ClusterView>(*view());
  next->held.reset();
  Show(std::move(next), ledger());
  return true;
}

bool ClusterState::IsLedTerm() const {
  const uint32_t term = led_term_;
  return term != 0 && parts_.replication.term() == term &&
         parts_.data.store().authority() == storage::Authority::kOwner;
}

void ClusterState::KeepTopology(const std::string& text) {
  if (text == known_topology_) return;
  known_topology_ = text;
  const auto placed = storage::PlaceFile(files_, "", kKnownTopologyPath, text, storage::OpenMode::kReplace);
  if (placed) return;
  parts_.log.Warning(std::string("cannot write '") + kKnownTopologyPath + "': " + placed.error().text);
}

}  // namespace ringkv::server
