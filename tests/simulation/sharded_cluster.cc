// SPDX-License-Identifier: MIT
#include "tests/simulation/sharded_cluster.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/process_end.h"

namespace ringkv::test {

using cluster::SlotRoute;
using cluster::SlotSet;

namespace {

constexpr uint64_t kClusterKeys = 16;
constexpr uint64_t kOtherKeys = 60;
constexpr size_t kStripes = 64;  // the operator moves so many slots together
constexpr size_t kSlotsInStripe = storage::kSlots / kStripes;

std::string ClusterKey(uint64_t number) { return "watched:" + std::to_string(number); }

// The keys of these slots that don't expire: of the others each node decides by its own clock.
Model LastingOf(const Model& contents, const SlotSet& slots) {
  Model lasting;
  for (const auto& [place, value] : contents) {
    if (value.second == storage::kNoExpiry && slots[storage::KeySlot(place.second)]) lasting[place] = value;
  }
  return lasting;
}

}  // namespace

ShardedCluster::ShardedCluster(const FaultPlan& plan, bool is_traced) : timeline_(plan.seed, is_traced), plan_(plan) {
  for (size_t i = 0; i < plan.nodes; ++i) sites_.push_back(std::make_unique<Site>());
  const size_t first = 2 + plan.seed % 2;
  for (size_t i = 0; i < first; ++i) sites_[i]->is_member = true;
  std::vector<int> owners;
  for (size_t stripe = 0; stripe < kStripes; ++stripe) owners.push_back(static_cast<int>(stripe % first));
  Publish(owners);
  for (size_t i = 0; i < first; ++i) {
    sites_[i]->told = topology_;
    Start(static_cast<int>(i));
  }
}

ShardedCluster::~ShardedCluster() {
  for (const auto& site : sites_) site->process.reset();
}

// --- for the nodes --------------------------------------------------------------------------------------------------

void ShardedCluster::NoteAcknowledged(const std::string& key, uint64_t number) {
  clients_.NoteAcknowledged(key, number, timeline_.now());
}

void ShardedCluster::NoteRead(const std::string& key, Elements seen) { clients_.NoteRead(key, std::move(seen)); }

void ShardedCluster::NoteServed(int node) {
  const ClusterNode::Slots& served = Running(node)->served();
  for (size_t i = 0; i < sites_.size(); ++i) {
    const Site& other = *sites_[i];
    if (static_cast<int>(i) == node || other.process == nullptr || other.disk->is_dead()) continue;
    const ClusterNode::Slots both = served & other.process->served();
    if (both.none()) continue;
    Violate(node, "slot " + std::to_string(both._Find_first()) + " is served by node " + std::to_string(i) + ", too");
  }
}

void ShardedCluster::NoteHandOver(int from, int to, const SlotSet& slots) {
  ++hand_overs_;
  const std::shared_ptr<ClusterNode> source = Running(from);
  if (source == nullptr || !source->HasOffered(Running(to)->shard_name())) return;
  const Model sent = LastingOf(source->Contents(), slots);
  const Model come = LastingOf(Running(to)->Contents(), slots);
  if (sent != come) Violate(to, "it takes over slots whose keys differ from those of node " + std::to_string(from));
}

void ShardedCluster::Violate(int node, const std::string& what) {
  timeline_.Note(node, "VIOLATION: " + what);
  if (violation_.empty()) violation_ = what;
}

bool ShardedCluster::Responds(int node) {
  const Site& site = SiteOf(node);
  return site.process != nullptr && !site.disk->is_dead() && !network_.IsStopped(node);
}

int ShardedCluster::AnyMember() {
  for (;;) {
    const uint64_t node = timeline_.random().Below(sites_.size());
    if (sites_[node]->is_member) return static_cast<int>(node);
  }
}

// --- life and death -------------------------------------------------------------------------------------------------

void ShardedCluster::Start(int node) {
  Site& site = SiteOf(node);
  if (site.process != nullptr || !site.is_member || site.told == nullptr) return;
  ClusterOwner& owner = *this;
  site.process = std::make_shared<ClusterNode>(node, owner, network_, *site.disk);
  const storage::Status started = site.process->Start(site.told);
  if (started) return;
  const std::string& why = started.error().text;
  timeline_.Note(node, "can't start: " + why);
  const bool is_injected = site.disk->is_dead() || why.find("injected: ") != std::string::npos;
  if (!is_injected) Violate(node, "its files can't be loaded: " + why);
  Kill(node, false);
}

void ShardedCluster::Kill(int node, bool machine_fails) {
  Site& site = SiteOf(node);
  if (site.process == nullptr) return;
  const bool has_ended = EndProcess(site.process, network_, *site.disk, machine_fails);
  if (!has_ended) Violate(node, "a process that was killed goes on");
  timeline_.After(timeline_.Between(10, 4000), [this, node] { Start(node); });
}

void ShardedCluster::BuryTheDead() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->process != nullptr && sites_[i]->disk->is_dead()) Kill(static_cast<int>(i), timeline_.Percent(50));
  }
}

// --- clients --------------------------------------------------------------------------------------------------------

int ShardedCluster::Find(size_t slot, int* guess) {
  constexpr int kMostHops = 5;
  int node = *guess;
  bool asks = false;
  for (int hop = 0; hop < kMostHops; ++hop) {
    if (!Responds(node)) break;
    const SlotRoute route = Running(node)->Route(slot, std::exchange(asks, false));
    if (route == SlotRoute::kHere) return node;
    const std::optional<int> other = Running(node)->Redirection(slot, route);
    if (!other) return -1;
    asks = route == SlotRoute::kAsk;
    node = *other;
    if (!asks) *guess = node;
  }
  *guess = AnyMember();
  return -1;
}

void ShardedCluster::LetClientsAct() {
  for (int64_t count = timeline_.Between(0, 12); count > 0; --count) {
    const uint64_t what = timeline_.random().Below(10);
    const std::string key = what < 5 ? ClusterKey(timeline_.random().Below(kClusterKeys))
                                     : "other:" + std::to_string(timeline_.random().Below(kOtherKeys));
    const int node = Find(storage::KeySlot(key), &guesses_.try_emplace(key, AnyMember()).first->second);
    if (node < 0) continue;
    ClusterNode& process = *Running(node);
    if (what == 4) {
      process.Read(key);
      if (const uint64_t lost = clients_.Lost(key, process.ElementsOf(key)); lost != 0) {
        Violate(node, "a read of " + key + " does not see write " + std::to_string(lost) + ", which was acknowledged");
      }
    } else if (process.refuses_writes()) {
      continue;
    } else if (what < 4) {
      process.Write(key, clients_.Begin(timeline_.now()));
    } else {
      process.ChangeSomething(key);
    }
  }
}

// --- faults ---------------------------------------------------------------------------------------------------------

void ShardedCluster::Harm(const Fault& fault) {
  const int node = static_cast<int>(fault.node);
  const int other = static_cast<int>(fault.other);
  ClusterNode* const process = SiteOf(node).process.get();
  FaultyFileSystem& disk = *SiteOf(node).disk;
  switch (fault.kind) {
    case FaultKind::kKill: return Kill(node, fault.is_harsh);
    case FaultKind::kKillAtWrite: return disk.KillFrom(static_cast<size_t>(fault.amount));
    case FaultKind::kDisconnect: return process == nullptr ? void() : process->Disconnect(!fault.is_harsh);
    case FaultKind::kCut:
      timeline_.Note(node, "does not reach node " + std::to_string(other));
      network_.Block(node, other);
      if (fault.is_harsh) network_.Block(other, node);
      return;
    case FaultKind::kSetClock: return process == nullptr ? void() : process->clock().Set(fault.amount);
    case FaultKind::kStop:
      timeline_.Note(node, "is stopped for " + std::to_string(fault.amount) + " ms");
      return network_.Stop(node, timeline_.now() + fault.amount);
    case FaultKind::kFailDisk:
      timeline_.Note(node, "has a disk that fails");
      return disk.FailFrom(0, static_cast<size_t>(fault.amount));
    case FaultKind::kFillDisk:
      timeline_.Note(node, "has a full disk");
      disk.SetCapacity(0);
      return timeline_.After(fault.amount, [this, node] { SiteOf(node).disk->SetCapacity(SIZE_MAX); });
    case FaultKind::kSave: return Responds(node) ? process->RewriteLog() : void();
    case FaultKind::kReshape: return Reshape(static_cast<uint64_t>(fault.amount));
    case FaultKind::kHealNetwork: return network_.HealAll();
    default: return;  // of replication
  }
}

void ShardedCluster::Reshape(uint64_t seed) {
  storage::Random random(seed);
  if (random.Below(3) == 0) LetOneJoin();
  if (random.Below(3) == 0) LetOneLeave();
  std::vector<int> takers;  // the others give all that they have
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->is_member && random.Below(4) != 0) takers.push_back(static_cast<int>(i));
  }
  if (takers.empty()) takers.push_back(AnyMember());
  const bool is_all_new = random.Below(3) == 0;
  std::vector<int> owners = owners_;
  for (int& owner : owners) {
    const bool stays = std::find(takers.begin(), takers.end(), owner) != takers.end() && random.Below(8) != 0;
    if (is_all_new || !stays) owner = takers[random.Below(takers.size())];
  }
  Publish(owners);
  for (size_t i = 0; i < sites_.size(); ++i) Tell(static_cast<int>(i), timeline_.Between(0, 1500));
}

void ShardedCluster::LetOneJoin() {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->is_member) continue;
    sites_[i] = std::make_unique<Site>();
    sites_[i]->is_member = true;
    timeline_.Note(static_cast<int>(i), "joins");
    return;
  }
}

void ShardedCluster::LetOneLeave() {
  if (!IsConverged()) return;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int node = static_cast<int>(i);
    if (!sites_[i]->is_member || std::find(owners_.begin(), owners_.end(), node) != owners_.end()) continue;
    timeline_.Note(node, "leaves");
    sites_[i]->is_member = false;
    sites_[i]->process->Disconnect(true);
    sites_[i]->process.reset();
    return;
  }
}

void ShardedCluster::Publish(const std::vector<int>& owners) {
  owners_ = owners;
  std::string text = "epoch " + std::to_string(topology_ == nullptr ? 1 : topology_->epoch() + 1) + "\n";
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (!sites_[i]->is_member) continue;
    const std::string name = std::to_string(i);
    text += "shard s" + name + " weight 1 slots";
    for (size_t stripe = 0; stripe < kStripes; ++stripe) {
      if (owners[stripe] != static_cast<int>(i)) continue;
      const size_t first = stripe * kSlotsInStripe;
      text += " " + std::to_string(first) + "-" + std::to_string(first + kSlotsInStripe - 1);
    }
    text += "\nnode n" + name + " shard s" + name + " host h port " + std::to_string(i + 1) + " role primary\n";
  }
  const storage::Result<cluster::Topology> parsed = cluster::Topology::Parse(text);
  if (!parsed) return Violate(0, "the topology is wrong: " + parsed.error().text);
  topology_ = std::make_shared<const cluster::Topology>(*parsed);
}

void ShardedCluster::Tell(int node, int64_t delay) {
  timeline_.After(delay, [this, node, told = topology_] {
    Site& site = SiteOf(node);
    if (!site.is_member || (site.told != nullptr && site.told->epoch() >= told->epoch())) return;
    if (network_.IsStopped(node)) return Tell(node, network_.stopped_until(node) - timeline_.now());
    if (told->FindShard("s" + std::to_string(node)) == cluster::kNoShard) return;  // of before it joined
    const bool is_new = site.told == nullptr;
    site.told = told;
    if (is_new) return Start(node);
    if (site.process != nullptr && !site.disk->is_dead()) site.process->TakeTopology(told);
  });
}

// --- a run ----------------------------------------------------------------------------------------------------------

void ShardedCluster::Run() {
  auto fault = plan_.faults.begin();
  while (timeline_.now() < plan_.duration_ms && violation_.empty()) {
    LetClientsAct();
    timeline_.RunUntil(timeline_.now() + timeline_.Between(1, 100));
    BuryTheDead();
    for (; fault != plan_.faults.end() && fault->at_ms <= timeline_.now(); ++fault) Harm(*fault);
  }
  if (!violation_.empty()) return;
  HealAll();
  AwaitConvergence();
  if (violation_.empty()) CheckContents();
  if (violation_.empty()) CheckRest();
  if (violation_.empty()) CheckClients();
  rested_at_ms_ = timeline_.now();
  if (violation_.empty()) CheckEnd();
}

void ShardedCluster::HealAll() {
  timeline_.Note(0, "no faults from now on");
  network_.HealAll();
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int node = static_cast<int>(i);
    if (sites_[i]->disk->is_dead()) Kill(node, false);
    sites_[i]->disk->Revive();
    sites_[i]->disk->Heal();
    sites_[i]->disk->SetCapacity(SIZE_MAX);
    Tell(node, 0);
  }
}

bool ShardedCluster::IsConverged() {
  size_t served = 0;
  for (const auto& site : sites_) {
    if (!site->is_member) continue;
    const ClusterNode* node = site->process.get();
    if (node == nullptr || !Responds(node->number()) || node->epoch() != topology_->epoch()) return false;
    if (!node->IsSettled()) return false;
    served += node->served().count();
  }
  return served == storage::kSlots;
}

void ShardedCluster::AwaitConvergence() {
  constexpr int64_t kBoundMs = 60'000;
  const int64_t healed = timeline_.now();
  while (violation_.empty() && !IsConverged()) {
    LetClientsAct();
    timeline_.RunUntil(timeline_.now() + 100);
    BuryTheDead();
    // A node may have refused a topology, as the owner of slots was not in it: the operator repeats it.
    for (const auto& site : sites_) {
      if (site->process != nullptr && site->told != nullptr) site->process->TakeTopology(site->told);
    }
    if (timeline_.now() > healed + kBoundMs) {
      Violate(0, "not every slot is where it is to be, a minute after the last fault");
    }
  }
}

void ShardedCluster::CheckContents() {
  for (const auto& site : sites_) {
    if (!site->is_member) continue;
    for (const auto& [place, value] : site->process->Contents()) {
      if (!site->process->served()[storage::KeySlot(place.second)]) {
        Violate(site->process->number(), "it still has " + place.second + ", whose slot has left");
      }
    }
  }
}

void ShardedCluster::CheckRest() {
  constexpr int64_t kBoundMs = 20'000;
  constexpr size_t kMostAtRest = 256 * 1024;  // what the newest frames may take
  const int64_t begun = timeline_.now();
  for (uint64_t key = 0; key < kClusterKeys; ++key) {
    int guess = AnyMember();
    const int node = Find(storage::KeySlot(ClusterKey(key)), &guess);
    if (node < 0) return Violate(0, "nobody serves " + ClusterKey(key) + " although all is well");
    Running(node)->Write(ClusterKey(key), clients_.Begin(timeline_.now()));
  }
  const auto is_at_rest = [this] {
    const bool waits = std::any_of(sites_.begin(), sites_.end(), [](const auto& site) {
      ClusterNode* node = site->process.get();
      return node != nullptr && (node->has_unanswered() || node->links() > 0 || node->queued_bytes() > kMostAtRest);
    });
    return !waits && network_.wires() == 0;
  };
  while (!is_at_rest() && timeline_.now() < begun + kBoundMs) timeline_.RunUntil(timeline_.now() + 100);
  if (network_.wires() != 0) return Violate(0, std::to_string(network_.wires()) + " connections are left");
  if (!is_at_rest()) Violate(0, "clients are not answered, or links not forgotten, although all is well");
}

void ShardedCluster::CheckClients() {
  std::map<std::string, Elements> last;
  for (uint64_t key = 0; key < kClusterKeys; ++key) {
    int guess = AnyMember();
    const int node = Find(storage::KeySlot(ClusterKey(key)), &guess);
    if (node < 0) return Violate(0, "nobody serves " + ClusterKey(key) + " although all is well");
    last[ClusterKey(key)] = Running(node)->ElementsOf(ClusterKey(key));
  }
  if (const std::string wrong = clients_.Check(last); !wrong.empty()) Violate(0, wrong);
}

void ShardedCluster::CheckEnd() {
  constexpr int64_t kLongerThanAnyTimerMs = 2'000'000;
  std::vector<std::weak_ptr<ClusterNode>> ended;
  for (const auto& site : sites_) {
    site->is_member = false;
    ended.push_back(site->process);
    site->process.reset();
  }
  const bool is_held = std::any_of(ended.begin(), ended.end(), [](const auto& each) { return !each.expired(); });
  if (is_held) Violate(0, "a process is still in use after its end");
  timeline_.RunUntil(timeline_.now() + kLongerThanAnyTimerMs);
  if (network_.wires() != 0) Violate(0, std::to_string(network_.wires()) + " connections of nobody are left");
  if (timeline_.events_left() != 0) Violate(0, "something still happens although no process runs");
}

}  // namespace ringkv::test
