// SPDX-License-Identifier: MIT
#include "tests/simulation/sharded_cluster.h"

#include <algorithm>
#include <numeric>
#include <utility>

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

ShardedCluster::ShardedCluster(const FaultPlan& plan, bool is_traced) : SimulatedNodes(plan, is_traced) {
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

// --- for the nodes --------------------------------------------------------------------------------------------------

std::vector<size_t> ShardedCluster::ShardOf(int node) const {
  std::vector<size_t> mates(plan_.copies);
  std::iota(mates.begin(), mates.end(), ShardNumberOf(node) * plan_.copies);
  return mates;
}

bool ShardedCluster::Leads(int node) {
  const MemberSite& site = SiteOf(node);
  return site.process != nullptr && !site.disk->is_dead() && site.process->leads() &&
         leaders_[ShardNumberOf(node)].node == node;
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

int ShardedCluster::AnyMember() {
  for (;;) {
    const uint64_t node = timeline_.random().Below(sites_.size());
    if (sites_[node]->is_member) return static_cast<int>(node);
  }
}

// --- life and death -------------------------------------------------------------------------------------------------

void ShardedCluster::Start(int node) {
  MemberSite& site = SiteOf(node);
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

// --- the end --------------------------------------------------------------------------------------------------------

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

void ShardedCluster::AwaitRest() {
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

}  // namespace ringkv::test
