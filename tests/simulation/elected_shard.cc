// SPDX-License-Identifier: MIT
#include "tests/simulation/elected_shard.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tests/simulation/process_end.h"

namespace ringkv::test {
namespace {

constexpr uint64_t kWatched = 8;
constexpr int64_t kBoundMs = 60'000;

std::string WatchedKey(uint64_t number) { return "watched:" + std::to_string(number); }

}  // namespace

ElectedShard::ElectedShard(const FaultPlan& plan, bool is_traced) : timeline_(plan.seed, is_traced), plan_(plan) {
  for (size_t i = 0; i < plan.nodes; ++i) sites_.push_back(std::make_unique<Site>());
  for (size_t i = 0; i < plan.nodes; ++i) Start(static_cast<int>(i));
}

ElectedShard::~ElectedShard() {
  for (const auto& site : sites_) site->node.reset();
}

// --- for the nodes --------------------------------------------------------------------------------------------------

std::shared_ptr<ReplicatedNode> ElectedShard::Running(int node) {
  const Site& site = SiteOf(node);
  return site.node == nullptr ? nullptr : site.node->process();
}

void ElectedShard::NoteAcknowledged(const std::string& key, uint64_t number) {
  clients_.NoteAcknowledged(key, number, timeline_.now());
}

void ElectedShard::NoteRead(const std::string& key, Elements seen) { clients_.NoteRead(key, std::move(seen)); }

void ElectedShard::NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) {
  if (states_.Note(history, last, digest)) return;
  Violate(node, "at LSN " + std::to_string(last) + " it has other data than was there before");
}

void ElectedShard::Violate(int node, const std::string& what) {
  timeline_.Note(node, "VIOLATION: " + what);
  if (violation_.empty()) violation_ = what;
}

std::optional<std::vector<std::string>> ElectedShard::Required(int node) {
  return SiteOf(node).node->member().Required();
}

bool ElectedShard::MayAnswer(int node) { return SiteOf(node).node != nullptr && SiteOf(node).node->MayServe(); }

void ElectedShard::NotePrimary(int node, uint64_t epoch) {
  ++elections_;
  timeline_.Note(node, "has been elected, epoch " + std::to_string(epoch));
  if (!Running(node)->Acks().empty()) Violate(node, "it counts what was acknowledged before its term");
  for (const auto& [key, numbers] : clients_.acknowledged()) CheckHasAll(node, key);
}

void ElectedShard::CheckHasAll(int node, const std::string& key) {
  if (const uint64_t lost = clients_.Lost(key, Running(node)->ElementsOf(key)); lost != 0) {
    Violate(node, "it does not have write " + std::to_string(lost) + " of " + key + ", which was acknowledged");
  }
}

// --- life and death -------------------------------------------------------------------------------------------------

bool ElectedShard::Responds(int node) {
  const Site& site = SiteOf(node);
  return site.node != nullptr && !site.disk->is_dead() && !network_.IsStopped(node);
}

void ElectedShard::Start(int node) {
  Site& site = SiteOf(node);
  if (site.node != nullptr) return;
  NodeOwner& owner = *this;
  site.node = std::make_shared<ElectedNode>(
      std::make_shared<ReplicatedNode>(node, owner, network_, *site.disk, site.promise),
      ElectedNode::Surroundings{network_, etcd_, [this](int which) { return !SiteOf(which).is_doubtful; },
                                [this](int which, uint64_t epoch) { NotePrimary(which, epoch); }});
  const storage::Status started = site.node->process()->Start(false);
  if (started) return site.node->Turn();
  const std::string why = started.error().text;
  timeline_.Note(node, "can't start: " + why);
  const bool is_injected = site.disk->is_dead() || why.find("injected: ") != std::string::npos;
  if (!is_injected && !site.is_doubtful) Violate(node, "its files can't be loaded: " + why);
  Kill(node, false);
  if (!is_injected) site.disk = std::make_unique<FaultyFileSystem>();
}

void ElectedShard::Kill(int node, bool machine_fails) {
  Site& site = SiteOf(node);
  if (site.node == nullptr) return;
  const std::weak_ptr<ReplicatedNode> process = site.node->process();
  const bool has_ended = EndProcess(site.node, network_, *site.disk, machine_fails);
  if (!has_ended || !process.expired()) Violate(node, "a process that was killed goes on");
  timeline_.After(timeline_.Between(10, 6000), [this, node] { Start(node); });
}

void ElectedShard::BuryTheDead() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->node != nullptr && sites_[i]->disk->is_dead()) Kill(static_cast<int>(i), timeline_.Percent(50));
  }
}

// --- clients --------------------------------------------------------------------------------------------------------

int ElectedShard::Primary() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int node = static_cast<int>(i);
    if (Responds(node) && sites_[i]->node->MayServe()) return node;
  }
  return -1;
}

void ElectedShard::CheckServing() {
  int serving = 0;
  for (size_t i = 0; i < sites_.size(); ++i) {
    serving += Responds(static_cast<int>(i)) && sites_[i]->node->MayServe() ? 1 : 0;
  }
  if (serving > 1) Violate(Primary(), "two nodes serve at the same moment");
}

void ElectedShard::LetClientsAct() {
  CheckServing();
  ForgetDoubts();
  const int node = Primary();
  if (node < 0) return;
  const std::shared_ptr<ElectedNode> at = SiteOf(node).node;
  for (int64_t count = timeline_.Between(0, 5); count > 0; --count) {
    const uint64_t what = timeline_.random().Below(10);
    const std::string key = WatchedKey(timeline_.random().Below(kWatched));
    if (what == 4) {
      CheckHasAll(node, key);
      at->process()->Read(key);
    } else if (at->MayWrite() && !at->process()->refuses_writes()) {
      if (what < 4) {
        at->process()->Write(key, clients_.Begin(timeline_.now()));
      } else {
        at->process()->ChangeSomething();
      }
    }
  }
}

// A node has the primary's data again.
void ElectedShard::ForgetDoubts() {
  const int primary = Primary();
  if (primary < 0) return;
  const ReplicatedNode& leading = *Running(primary);
  for (size_t i = 0; i < sites_.size(); ++i) {
    Site& site = *sites_[i];
    if (!site.is_doubtful || !Responds(static_cast<int>(i))) continue;
    ReplicatedNode& node = *site.node->process();
    const bool has_all = node.is_whole() && node.is_streaming() && node.follows(primary) &&
                         node.epoch() == leading.epoch() &&
                         node.secured() == SiteOf(primary).node->process()->appended();
    if (has_all) site.is_doubtful = false;
  }
}

// --- faults ---------------------------------------------------------------------------------------------------------

void ElectedShard::Harm(const Fault& fault) {
  const int node = static_cast<int>(fault.node);
  const int other = static_cast<int>(fault.other);
  ReplicatedNode* const process = Running(node).get();  // not kept: what kills it has to end it
  FaultyFileSystem& disk = *SiteOf(node).disk;
  switch (fault.kind) {
    case FaultKind::kKill: return Kill(node, fault.is_harsh);
    case FaultKind::kKillPrimary: return Primary() < 0 ? void() : Kill(Primary(), fault.is_harsh);
    case FaultKind::kKillAtWrite: return disk.KillFrom(static_cast<size_t>(fault.amount));
    case FaultKind::kDisconnect: return process == nullptr ? void() : process->Disconnect(!fault.is_harsh);
    case FaultKind::kCut:
      timeline_.Note(node, "does not reach node " + std::to_string(other));
      network_.Block(node, other);
      return fault.is_harsh ? network_.Block(other, node) : void();
    case FaultKind::kSetClock: return process == nullptr ? void() : process->clock().Set(fault.amount);
    case FaultKind::kStop:
      timeline_.Note(node, "is stopped for " + std::to_string(fault.amount) + " ms");
      return network_.Stop(node, std::max(network_.stopped_until(node), timeline_.now() + fault.amount));
    case FaultKind::kFailDisk:
      timeline_.Note(node, "has a disk that fails");
      return disk.FailFrom(0, static_cast<size_t>(fault.amount));
    case FaultKind::kFillDisk:
      timeline_.Note(node, "has a full disk");
      disk.SetCapacity(0);
      return timeline_.After(fault.amount, [this, node] { SiteOf(node).disk->SetCapacity(SIZE_MAX); });
    case FaultKind::kFlipBit: return FlipBit(node, static_cast<uint64_t>(fault.amount));
    case FaultKind::kFollow: return etcd_.EndWatches();
    case FaultKind::kSave: return Responds(node) ? process->RewriteLog() : void();
    case FaultKind::kPromote: return HarmEtcd(node, fault.is_harsh);
    case FaultKind::kHealNetwork: network_.HealAll(); return etcd_.Heal();
    case FaultKind::kReshape: return HandOver(other);
  }
}

void ElectedShard::HandOver(int heir) {
  const int primary = Primary();
  if (primary < 0 || primary == heir) return;
  timeline_.Note(primary, "is to hand over to node " + std::to_string(heir));
  SiteOf(primary).node->HandOverTo(heir);
}

void ElectedShard::HarmEtcd(int node, bool is_harsh) {
  const int target = timeline_.Percent(50) && Primary() >= 0 ? Primary() : node;
  const uint64_t what = timeline_.random().Below(4);
  if (what == 0) {
    timeline_.Note(-1, "etcd loses its majority");
    return etcd_.LoseMajority();
  }
  timeline_.Note(target, "is cut off from etcd");
  if (what != 1 || is_harsh) etcd_.CutAnswers(target);
  if (what != 2) etcd_.CutRequests(target);
}

void ElectedShard::FlipBit(int node, uint64_t which) {
  // One copy at a time: the primary, which has all, has it in its files.
  const int primary = Primary();
  const bool is_second = std::any_of(sites_.begin(), sites_.end(), [](const auto& each) { return each->is_doubtful; });
  if (is_second || primary < 0 || primary == node || !Running(primary)->is_secured()) return;
  if (Running(node) == nullptr || Running(node)->is_primary()) return;
  Kill(node, false);
  Site& site = SiteOf(node);
  site.is_doubtful = true;
  site.promise.last = 0;
  timeline_.Note(node, "has a flipped bit in " + site.disk->FlipBit(which));
}

// --- a run ----------------------------------------------------------------------------------------------------------

void ElectedShard::Run() {
  auto fault = plan_.faults.begin();
  while (timeline_.now() < plan_.duration_ms && violation_.empty()) {
    LetClientsAct();
    timeline_.RunUntil(timeline_.now() + timeline_.Between(1, 100));
    BuryTheDead();
    for (; fault != plan_.faults.end() && fault->at_ms <= timeline_.now(); ++fault) Harm(*fault);
  }
  if (!violation_.empty()) return;
  HealAll();
  CheckEquality();
  if (violation_.empty()) CheckRest();
  rested_at_ms_ = timeline_.now();
  if (violation_.empty()) CountCalls();
  if (violation_.empty()) CheckEnd();
}

void ElectedShard::HealAll() {
  timeline_.Note(-1, "no faults from now on");
  network_.HealAll();
  etcd_.Heal();
  for (size_t i = 0; i < sites_.size(); ++i) {
    Site& site = *sites_[i];
    if (site.disk->is_dead()) Kill(static_cast<int>(i), false);
    site.disk->Revive();  // also where a kill was to come after the next start
    site.disk->Heal();
    site.disk->SetCapacity(SIZE_MAX);
  }
}

bool ElectedShard::Await(int64_t bound_ms, bool (ElectedShard::*condition)()) {
  const int64_t end = timeline_.now() + bound_ms;
  while (violation_.empty() && !(this->*condition)() && timeline_.now() < end) {
    timeline_.RunUntil(timeline_.now() + 100);
    BuryTheDead();
    CheckServing();
    ForgetDoubts();
  }
  return (this->*condition)();
}

bool ElectedShard::IsConverged() {
  const int primary = Primary();
  if (primary < 0 || !SiteOf(primary).node->MayWrite()) return false;
  const auto& record = SiteOf(primary).node->member().view().record();
  if (!record || record->in_sync.size() != sites_.size()) return false;
  return std::all_of(sites_.begin(), sites_.end(), [&](const auto& site) {
    if (site->node == nullptr) return false;
    ReplicatedNode& node = *site->node->process();
    if (node.number() == primary) return true;
    return node.is_streaming() && node.appended() == Running(primary)->appended();
  });
}

bool ElectedShard::IsAtRest() {
  return IsConverged() && !Running(Primary())->has_unanswered() && network_.wires() == sites_.size() - 1;
}

void ElectedShard::CheckEquality() {
  if (!Await(kBoundMs, &ElectedShard::IsConverged)) {
    if (violation_.empty()) Violate(-1, "the nodes are not equal and in sync a minute after the last fault");
    return;
  }
  const Model contents = Running(Primary())->Contents();
  for (const auto& site : sites_) {
    if (site->node->process()->Contents() != contents) Violate(site->node->number(), "it differs from the primary");
  }
}

void ElectedShard::CheckRest() {
  ReplicatedNode& primary = *Running(Primary());
  for (uint64_t key = 0; key < kWatched; ++key) primary.Write(WatchedKey(key), clients_.Begin(timeline_.now()));
  if (!Await(kBoundMs, &ElectedShard::IsAtRest)) {
    if (violation_.empty()) Violate(-1, "clients are not served although all is well");
    return;
  }
  std::map<std::string, Elements> last;
  for (uint64_t key = 0; key < kWatched; ++key) last[WatchedKey(key)] = Running(Primary())->ElementsOf(WatchedKey(key));
  if (const std::string found = clients_.Check(last); !found.empty()) Violate(Primary(), found);
}

void ElectedShard::CountCalls() {
  constexpr int64_t kPeaceMs = 20'000;
  const uint64_t before = etcd_.calls();
  timeline_.RunUntil(timeline_.now() + kPeaceMs);
  calls_per_second_ = static_cast<double>(etcd_.calls() - before) * 1000 / kPeaceMs;
}

void ElectedShard::CheckEnd() {
  constexpr int64_t kLongerThanAnyTimerMs = 2'000'000;
  for (const auto& site : sites_) {
    const std::weak_ptr<ElectedNode> ended = site->node;
    const std::weak_ptr<ReplicatedNode> process = site->node->process();
    site->node.reset();
    if (!ended.expired() || !process.expired()) Violate(-1, "a process is still in use after its end");
  }
  timeline_.RunUntil(timeline_.now() + kLongerThanAnyTimerMs);
  if (network_.wires() != 0) Violate(-1, std::to_string(network_.wires()) + " connections of nobody are left");
  if (timeline_.events_left() != 0) Violate(-1, "something still happens although no process runs");
}

}  // namespace ringkv::test
