// SPDX-License-Identifier: MIT
// The life of a cluster's node, its log, and what clients do there.
#include "tests/simulation/cluster_node.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/node_watching.h"
#include "tests/simulation/slot_links.h"

namespace ringkv::test {

using cluster::SlotRoute;
using storage::Result;
using storage::Status;

ClusterNode::ClusterNode(int number, ClusterOwner& owner, Network& network, FaultyFileSystem& disk, Promise& promise)
    : ReplicatedNode(number, owner, network, disk, promise, {.by_slot = true}),
      owner_(owner),
      watch_(owner.has_watches() ? std::make_unique<Watch>(*this) : nullptr) {}

ClusterNode::~ClusterNode() {
  visitors_.clear();
  imports_.clear();
  question_.reset();
}

Status ClusterNode::Start(TopologyPointer topology) {
  topology_ = std::move(topology);
  FindPlace();
  const Result<cluster::SlotLedger> ledger = FirstLedger();
  if (!ledger) return tl::unexpected(ledger.error());
  NoteEpoch(epoch());
  if (Status started = ReplicatedNode::Start(here_.is_primary); !started) return started;
  kept_ledger_.Open(*ledger);
  Show(*ledger);
  cluster::TakePlace(*topology_, id(), *this);
  return {};
}

void ClusterNode::Disconnect(bool is_noticed) {
  ReplicatedNode::Disconnect(is_noticed);
  if (watch_ != nullptr) watch_->Disconnect(is_noticed);
  for (const auto& visitor : visitors_) visitor->Disconnect(is_noticed);
  for (const auto& import : imports_) import->Disconnect(is_noticed);
  if (question_ == nullptr || question_->has_ended()) return;
  question_->Close(is_noticed);
  After(0, &ClusterNode::AskNext);
}

void ClusterNode::AcceptVisitor(const std::shared_ptr<Wire>& wire) {
  visitors_.push_back(std::make_unique<Visitor>(*this, wire));
}

size_t ClusterNode::links() const {
  const auto is_lasting = [](const auto& visitor) { return visitor->is_watching() && !visitor->port().has_ended(); };
  return imports_.size() + visitors_.size() - static_cast<size_t>(std::ranges::count_if(visitors_, is_lasting));
}

bool ClusterNode::SeesAll() const { return watch_ == nullptr || watch_->SeesAll(); }

void ClusterNode::BeginMoves() {
  WakeSlots();
  if (watch_ != nullptr) watch_->LookAround();
}

bool ClusterNode::HasOffered(const std::string& shard) const {
  return std::any_of(visitors_.begin(), visitors_.end(), [&](const auto& each) {
    return each->has_offered() && each->shard() == shard && !each->port().has_ended();
  });
}

// --- the log --------------------------------------------------------------------------------------------------------

void ClusterNode::StepLog() {
  ReplicatedNode::StepLog();
  for (const auto& visitor : visitors_) visitor->port().Wake();
}

Status ClusterNode::SecureAll() {
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
