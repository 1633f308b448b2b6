// SPDX-License-Identifier: MIT
// The life of a cluster's node, its log, and what clients do there.
#include "tests/simulation/cluster_node.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/slot_links.h"

namespace ringkv::test {

using cluster::SlotRoute;
using storage::Result;
using storage::Status;

ClusterNode::ClusterNode(int number, ClusterOwner& owner, Network& network, FaultyFileSystem& disk)
    : StoredNode(number, owner, network, disk, {.by_slot = true}), owner_(owner) {}

ClusterNode::~ClusterNode() {
  visitors_.clear();
  imports_.clear();
  question_.reset();
}

Status ClusterNode::Start(TopologyPointer topology) {
  topology_ = std::move(topology);
  here_ = {topology_->FindShard("s" + std::to_string(number_)), true};
  if (Status opened = durability_.Open({}, true, [] { return Status(); }); !opened) return opened;
  const Result<cluster::SlotLedger> ledger = FirstLedger();
  if (!ledger) return tl::unexpected(ledger.error());
  KeepBacklog();
  timeline_.Note(number_,
                 "starts at epoch " + std::to_string(epoch()) + ", LSN " + std::to_string(store_.log().appended()));
  Show(*ledger, std::nullopt);
  Tick();
  WakeSlots();
  return {};
}

void ClusterNode::Tick() {
  if (disk_.is_dead()) return;
  while (!expiry_.Step()) {
  }
  durability_.Tick();
  StepLogSoon();
  After(tick_ms_, &ClusterNode::Tick);
}

void ClusterNode::Disconnect(bool is_noticed) {
  for (const auto& visitor : visitors_) visitor->Disconnect(is_noticed);
  for (const auto& import : imports_) import->Disconnect(is_noticed);
  if (question_ == nullptr || question_->has_ended()) return;
  question_->Close(is_noticed);
  After(0, &ClusterNode::AskNext);
}

void ClusterNode::Accept(const std::shared_ptr<Wire>& wire) {
  visitors_.push_back(std::make_unique<Visitor>(*this, wire));
}

bool ClusterNode::HasOffered(const std::string& shard) const {
  return std::any_of(visitors_.begin(), visitors_.end(), [&](const auto& each) {
    return each->has_offered() && each->shard() == shard && !each->port().has_ended();
  });
}

// --- the log --------------------------------------------------------------------------------------------------------

void ClusterNode::StepLog() {
  WriteLog();
  for (const auto& visitor : visitors_) visitor->port().Wake();
  Answer();
}

Status ClusterNode::Secure() {
  storage::LogWriter& log = durability_.log();
  const storage::Lsn last = store_.log().appended();
  while (log.is_open() && log.durable() < last && !log.has_failed()) log.Step();
  return log.is_open() && log.durable() >= last ? Status() : storage::Fail("the disk takes nothing");
}

// --- clients --------------------------------------------------------------------------------------------------------

SlotRoute ClusterNode::Route(size_t slot, bool asks) const {
  return cluster::RouteSlot(StateOf(slot), here_, {.asks = asks});
}

std::optional<int> ClusterNode::Redirection(size_t slot, SlotRoute route) const {
  const cluster::SlotState state = StateOf(slot);
  if (route == SlotRoute::kMoved) return NodeOf(state.owner);
  if (route == SlotRoute::kAsk) return NodeOf(state.offered_to);
  return std::nullopt;
}

void ClusterNode::ChangeSomething(const std::string& key) {
  Do([&](storage::Txn& txn) { ChangeKey(txn, 0, key, random_.Below(40)); });
}

}  // namespace ringkv::test
