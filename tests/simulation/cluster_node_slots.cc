// SPDX-License-Identifier: MIT
// The slots of a cluster's node: its ledger, and what it does about slots that move.
#include <algorithm>
#include <utility>

#include "storage/log/log_files.h"
#include "tests/simulation/cluster_node.h"
#include "tests/simulation/lent_link.h"
#include "tests/simulation/slot_links.h"

namespace ringkv::test {

using cluster::ShardIndex;
using cluster::SlotLedger;
using cluster::SlotSet;
using storage::Fail;
using storage::Result;
using storage::Status;

namespace {

constexpr const char* kLedgerPath = "cluster.slots";

}  // namespace

// --- the ledger -----------------------------------------------------------------------------------------------------

Result<SlotLedger> ClusterNode::FirstLedger() {
  if (disk_.Exists(kLedgerPath)) {
    const Result<std::string> text = storage::ReadWhole(disk_, kLedgerPath);
    return text ? SlotLedger::Parse(*text) : Result<SlotLedger>(tl::unexpected(text.error()));
  }
  SlotLedger ledger;
  if (epoch() > 1) return ledger;
  for (const cluster::SlotMap::Run& run : topology_->slots().Runs()) {
    ledger.Give(cluster::SlotsIn({run.range}), topology_->shards()[run.owner].name);
  }
  if (Status written = Write(ledger); !written) return tl::unexpected(written.error());
  return ledger;
}

Status ClusterNode::Write(const SlotLedger& ledger) {
  if (Status locked = durability_.LockDirectory(); !locked) return locked;
  const auto placed = storage::PlaceFile(disk_, "", kLedgerPath, ledger.Print(), storage::OpenMode::kReplace);
  return placed ? Status() : tl::unexpected(placed.error());
}

Status ClusterNode::Change(uint64_t at_epoch, const cluster::LedgerChange& change, std::optional<uint64_t> flushes) {
  if (at_epoch != epoch()) return Fail("the topology has a newer epoch");
  if (!here_.is_primary && LedgerOfData()) return Fail("this node is a replica");
  return kept_ledger_.Change(at_epoch, change, flushes);
}

std::optional<SlotLedger> ClusterNode::LedgerOfData() {
  const std::string text = store_.ledger().Get();
  if (text.empty()) return std::nullopt;
  Result<SlotLedger> ledger = SlotLedger::Parse(text);
  if (ledger) return std::move(*ledger);
  owner_.Violate(number_, "the ledger in its data is damaged");
  return std::nullopt;
}

bool ClusterNode::TakePrimarysLedger() {
  const uint64_t version = store_.ledger().version();
  if (version != std::exchange(ledger_taken_, version)) {
    std::optional<SlotLedger> of_data = LedgerOfData();
    has_taken_ledger_ = of_data.has_value();
    if (of_data) NoteLedger(kept_ledger_.Follow(std::move(*of_data)));
  }
  return has_taken_ledger_;
}

void ClusterNode::NoteLedger(const Status& kept) {
  if (!kept) timeline_.Note(number_, kept.error().text);
}

std::optional<storage::Lsn> ClusterNode::Append(const SlotLedger& ledger, std::optional<uint64_t> flushes) {
  if (!here_.is_primary) return appended();
  if (flushes && store_.flushes() != *flushes) return std::nullopt;
  Do([&](storage::Txn& txn) {
    txn.LockAll();
    txn.Do(storage::LedgerPut{ledger.Print()});
    txn.Unlock();
  });
  return appended();
}

void ClusterNode::Show(const SlotLedger& ledger) {
  if (&ledger != &ledger_) ledger_ = ledger;
  slots_ = ledger_.OwnersIn(*topology_);
  {
    storage::Txn txn(store_, clock_.Now(), random_);
    txn.LockAll();
    txn.SetForeignSlots(~slots_.SlotsOf(here_.shard));
  }
  ShowServed();
}

void ClusterNode::ShowServed() {
  served_ = cluster::ServedSlots(here_, slots_, held_, ledger_.Offered() & ~unsent_);
  owner_.NoteServed(number_);
}

cluster::SlotState ClusterNode::StateOf(size_t slot) const {
  const auto offer = std::find_if(ledger_.offers().begin(), ledger_.offers().end(),
                                  [&](const auto& each) { return each.second.slots[slot]; });
  const bool is_offered = offer != ledger_.offers().end() && !unsent_[slot];
  return {.owner = slots_.owner(slot),
          .offered_to = is_offered ? topology_->FindShard(offer->first) : cluster::kNoShard,
          .is_held = held_[slot],
          .arrives_here = topology_->slots().owner(slot) == here_.shard};
}

int ClusterNode::NodeOf(ShardIndex shard) const {
  return topology_->nodes()[topology_->shards()[shard].primary()].port - 1;
}

// --- its place ------------------------------------------------------------------------------------------------------

void ClusterNode::FindPlace() {
  const cluster::Node& self = *topology_->FindNode(id());
  here_ = {self.shard, self.is_primary};
}

void ClusterNode::TakeTopology(const TopologyPointer& topology) {
  if (!cluster::CheckNext({*topology_, shard_name(), ledger_}, *topology, id())) return;
  topology_ = topology;
  const bool has_led = here_.is_primary;
  FindPlace();
  timeline_.Note(number_, "is at epoch " + std::to_string(epoch()));
  if (here_.is_primary != has_led) {
    kept_ledger_.Await();
    unsent_.reset();  // others may have heard of what another primary offers
    is_to_lead_ = here_.is_primary;
    held_ = is_to_lead_ ? ~SlotSet() : SlotSet();  // all: until the last word of the old primary is known
  }
  Show(ledger_);
  cluster::TakePlace(*topology_, id(), *this);
}

void ClusterNode::Lead() {
  if (!is_primary()) Promote(epoch());
  NoteLedger(kept_ledger_.Lead(epoch(), LedgerOfData()));
  if (!std::exchange(is_to_lead_, false)) return;
  held_.reset();
  ShowServed();
}

void ClusterNode::Follow(const cluster::Node& primary) {
  const int node = primary.port - 1;
  if (is_primary() || !follows(node)) ReplicatedNode::Follow(node);
}

// --- steps ----------------------------------------------------------------------------------------------------------

void ClusterNode::WakeSlots() {
  if (!is_stepping_) StepSlotsLater(0);
}

void ClusterNode::StepSlotsLater(int64_t milliseconds) {
  timeline_.After(milliseconds, [node = weak_from_this(), number = ++slot_step_] {
    if (const auto alive = std::static_pointer_cast<ClusterNode>(node.lock())) alive->StepSlots(number);
  });
}

void ClusterNode::StepSlots(uint64_t number) {
  if (number != slot_step_ || disk_.is_dead()) return;
  if (network_.IsStopped(number_)) return StepSlotsLater(network_.stopped_until(number_) - timeline_.now());
  ForgetEnded();
  const bool is_told = !here_.is_primary && TakePrimarysLedger();
  if (here_.is_primary && !kept_ledger_.Settle()) return StepSlotsLater(20);
  StartExports();
  if (Known().IsSettled()) return StepSlotsLater(500);
  if (is_told) return StepSlotsLater(timeline_.Between(20, 200));
  if (here_.is_primary) StartImports();
  is_stepping_ = true;
  const std::vector<ShardIndex> asked = settlement_.ShardsToAsk(Known(), clock_.SteadyMs());
  to_ask_.assign(asked.begin(), asked.end());
  AskNext();
}

void ClusterNode::EndStep() {
  is_stepping_ = false;
  if (here_.is_primary) {
    Conclude(settlement_.TakeUnclaimed(Known()));
    EraseStrays();
  }
  StepSlotsLater(timeline_.Between(20, 200));
}

void ClusterNode::ForgetEnded() {
  const auto is_over = [this](const auto& link) { return !here_.is_primary || link->epoch() != epoch(); };
  for (const auto& visitor : visitors_) {
    // Of one whose link has just ended, too: it may not have heard of that yet, and holds slots.
    if (visitor->is_export() && (is_over(visitor) || visitor->port().has_ended())) visitor->Disconnect(true);
  }
  std::erase_if(visitors_, [](const auto& visitor) { return visitor->port().has_ended(); });
  std::erase_if(imports_, [&](const auto& each) { return each->has_ended() || is_over(each); });
}

void ClusterNode::StartExports() {
  for (size_t i = 0; i < visitors_.size(); ++i) {
    Visitor& next = *visitors_[i];
    if (!next.waits() || next.port().has_ended()) continue;
    for (const auto& other : visitors_) {
      if (other->is_export() && other->shard() == next.shard()) other->Disconnect(true);
    }
    if (next.epoch() == epoch()) {
      Conclude(settlement_.TakePull(Known(), next.shard(), next.owned()));
    }
    next.StartExport();
  }
}

void ClusterNode::StartImports() {
  for (const cluster::SlotMove& move : MovesTo(*topology_, slots_)) {
    if (move.to != here_.shard || move.from == cluster::kNoShard) continue;
    const std::string& from = topology_->shards()[move.from].name;
    if (std::any_of(imports_.begin(), imports_.end(), [&](const auto& each) { return each->shard() == from; })) {
      continue;
    }
    imports_.push_back(std::make_unique<Import>(*this, epoch(), from));
    imports_.back()->Begin();
  }
}

bool ClusterNode::IsExportingTo(const std::string& shard) const {
  return std::any_of(visitors_.begin(), visitors_.end(),
                     [&](const auto& each) { return each->is_export() && each->shard() == shard; });
}

void ClusterNode::Conclude(const std::optional<cluster::SlotSettlement::Conclusion>& conclusion) {
  // It was drawn from the ledger that is shown.
  if (!conclusion || (here_.is_primary && !kept_ledger_.Settle())) return;
  const Status written = Change(epoch(), conclusion->change);
  const std::string& said = written ? conclusion->note : written.error().text;
  if (!said.empty()) timeline_.Note(number_, said);
}

void ClusterNode::EraseStrays() {
  using Erasure = cluster::SlotSettlement::Erasure;
  const Erasure next = settlement_.NextErasure(Known(), clock_.SteadyMs());
  if (next != Erasure::kGoOn) eraser_.reset();
  if (next == Erasure::kNothing) return;
  if (next == Erasure::kBegin) {
    eraser_ =
        std::make_unique<storage::SlotEraser>(store_, cluster::PositionsOf(cluster::RangesIn(settlement_.erasing())));
  }
  bool goes_on = true;
  for (int64_t steps = timeline_.Between(1, 3); goes_on && steps > 0; --steps) goes_on = eraser_->Step();
  StepLogSoon();
  if (goes_on || !SecureAll()) return;
  eraser_.reset();
  if (Change(epoch(), settlement_.EndErasure())) timeline_.Note(number_, "has erased the keys of slots that left");
}

// --- questions ------------------------------------------------------------------------------------------------------

std::shared_ptr<Port> ClusterNode::ConnectTo(int peer, std::unique_ptr<cluster::Link> link, Port::OnEnd on_end) {
  const std::shared_ptr<ClusterNode> other = owner_.RunningMember(peer);
  if (other == nullptr || network_.IsBlocked(number_, peer) || network_.IsBlocked(peer, number_)) return nullptr;
  auto port = std::make_shared<Port>(network_, clock_, std::move(link), std::move(on_end));
  const std::shared_ptr<Wire> wire = network_.Join(number_, peer);
  other->AcceptVisitor(wire);
  port->Open(wire, 0);
  return port;
}

void ClusterNode::AskNext() {
  if (to_ask_.empty()) return EndStep();
  const ShardIndex shard = to_ask_.front();
  to_ask_.pop_front();
  if (shard >= topology_->shards().size()) return AskNext();
  question_.reset();
  asked_ =
      std::make_unique<cluster::OwnerQuestion>(topology_->shards()[shard].name, std::vector<std::string>(), kTimeoutMs);
  auto link = std::make_unique<LentLink>(asked_->link());
  question_ = ConnectTo(NodeOf(shard), std::move(link), [this, shard](const std::string& why) {
    TakeAnswer(shard, asked_->Outcome({why}));
    After(0, &ClusterNode::AskNext);
  });
  if (question_ == nullptr) After(timeline_.Between(0, 500), &ClusterNode::AskNext);
}

void ClusterNode::TakeAnswer(ShardIndex shard, const Result<cluster::OwnedSlots>& answer) {
  // The topology may be a newer one by now, with other numbers.
  if (!answer || shard >= topology_->shards().size() || answer->shard != topology_->shards()[shard].name) return;
  const auto is_exporting = [this](const std::string& other) { return IsExportingTo(other); };
  Conclude(settlement_.TakeAnswer(Known(), shard, answer->epoch, answer->slots, is_exporting, clock_.SteadyMs()));
}

}  // namespace ringkv::test
