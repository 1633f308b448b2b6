// SPDX-License-Identifier: MIT
#include "tests/simulation/sharded_cluster.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tests/simulation/process_end.h"

namespace ringkv::test {

using cluster::SlotRoute;
using cluster::SlotSet;

namespace {

constexpr uint64_t kClusterKeys = 16;
constexpr uint64_t kOtherKeys = 60;
constexpr size_t kMostUnanswered = 200;  // requests at one node: its clients wait for their replies

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
  primaries_.resize(shards());
  leaders_.resize(shards());
  const size_t first = std::min(2 + plan.seed % 2, shards());
  for (size_t shard = 0; shard < first; ++shard) SetMember(shard, true);
  BeginWith(first);
  for (size_t i = 0; i < first * plan.copies; ++i) {
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

std::vector<size_t> ShardedCluster::ShardOf(int node) const {
  std::vector<size_t> mates(plan_.copies);
  std::iota(mates.begin(), mates.end(), ShardNumberOf(node) * plan_.copies);
  return mates;
}

bool ShardedCluster::Leads(int node) {
  const Site& site = SiteOf(node);
  return site.process != nullptr && !site.disk->is_dead() && site.process->leads() &&
         leaders_[ShardNumberOf(node)].node == node;
}

void ShardedCluster::NoteState(int node, const std::string& history, storage::Lsn last, uint64_t digest) {
  if (states_.Note(history, last, digest)) return;
  Violate(node, "at LSN " + std::to_string(last) + " it has other data than was there before");
}

void ShardedCluster::NoteServed(int node) {
  const ClusterNode& process = *RunningMember(node);
  Leader& leader = leaders_[ShardNumberOf(node)];
  if (process.leads() && process.epoch() >= leader.epoch) leader = {process.epoch(), node};
  if (!Leads(node)) return;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const int other = static_cast<int>(i);
    if (other == node || !Leads(other)) continue;
    const ClusterNode::Slots both = process.served() & RunningMember(other)->served();
    if (both.none()) continue;
    Violate(node, "slot " + std::to_string(both._Find_first()) + " is served by node " + std::to_string(i) + ", too");
  }
}

void ShardedCluster::NoteHandOver(int from, int to, const SlotSet& slots) {
  ++hand_overs_;
  const std::shared_ptr<ClusterNode> source = RunningMember(from);
  if (source == nullptr || !source->HasOffered(RunningMember(to)->shard_name())) return;
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
  site.process = std::make_shared<ClusterNode>(node, owner, network_, *site.disk, site.promise);
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
    const SlotRoute route = RunningMember(node)->Route(slot, std::exchange(asks, false));
    if (route == SlotRoute::kHere) return node;
    const std::optional<int> other = RunningMember(node)->Redirection(slot, route);
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
    ClusterNode& process = *RunningMember(node);
    if (process.unanswered() >= kMostUnanswered) continue;
    if (what == 4) {
      process.Read(key);
      if (!Leads(node)) continue;
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
    if (!node->leads() && !HasCaughtUp(node->number())) return false;
    served += node->served().count();
  }
  return served == storage::kSlots;
}

bool ShardedCluster::HasCaughtUp(int replica) {
  ReplicatedNode* const primary = Running(primaries_[ShardNumberOf(replica)]).get();
  return primary != nullptr && Running(replica)->is_streaming() && Running(replica)->appended() == primary->appended();
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
    const Model contents = site->process->Contents();
    if (!site->process->leads()) {
      const int primary = primaries_[ShardNumberOf(site->process->number())];
      if (contents != Running(primary)->Contents()) Violate(site->process->number(), "it differs from its primary");
      continue;
    }
    for (const auto& [place, value] : contents) {
      if (!site->process->served()[storage::KeySlot(place.second)]) {
        Violate(site->process->number(), "it still has " + place.second + ", whose slot has left");
      }
    }
  }
}

size_t ShardedCluster::CountLastingConnections() const {
  size_t members = 0;
  size_t replicas = 0;
  for (const auto& site : sites_) {
    if (!site->is_member) continue;
    ++members;
    if (!site->process->leads()) ++replicas;
  }
  return replicas + (plan_.has_watches ? members * (members - 1) : 0);
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
  const size_t lasting = CountLastingConnections();
  const auto is_at_rest = [this, lasting] {
    const bool waits = std::any_of(sites_.begin(), sites_.end(), [](const auto& site) {
      ClusterNode* node = site->process.get();
      return node != nullptr &&
             (node->has_unanswered() || node->links() > 0 || !node->SeesAll() || node->queued_bytes() > kMostAtRest);
    });
    return !waits && network_.wires() == lasting;
  };
  while (!is_at_rest() && timeline_.now() < begun + kBoundMs) timeline_.RunUntil(timeline_.now() + 100);
  if (network_.wires() > lasting) return Violate(0, std::to_string(network_.wires()) + " connections are left");
  if (!is_at_rest()) Violate(0, "a node does not answer, or has not forgotten links, although all is well");
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
