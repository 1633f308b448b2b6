// SPDX-License-Identifier: MIT
// What happens to a cluster: faults, and an operator who gives slots to other shards and promotes replicas.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/base/random.h"
#include "tests/simulation/node_faults.h"
#include "tests/simulation/sharded_cluster.h"

namespace ringkv::test {
namespace {

constexpr size_t kStripes = 64;  // the operator moves so many slots together
constexpr size_t kSlotsInStripe = storage::kSlots / kStripes;

}  // namespace

// --- faults ---------------------------------------------------------------------------------------------------------

void ShardedCluster::Harm(const Fault& fault) {
  if (HarmNode(fault, network_, [this](int each) -> MemberSite& { return SiteOf(each); })) return;
  const int node = static_cast<int>(fault.node);
  switch (fault.kind) {
    case FaultKind::kKill: return Kill(node, fault.is_harsh);
    case FaultKind::kSave: return Responds(node) ? SiteOf(node).process->RewriteLog() : void();
    case FaultKind::kPromote: return Promote(node);
    case FaultKind::kReshape: return Reshape(static_cast<uint64_t>(fault.amount));
    default: return;  // of replication
  }
}

// --- the operator ---------------------------------------------------------------------------------------------------

void ShardedCluster::Promote(int node) {
  if (!Responds(node) || !sites_[static_cast<size_t>(node)]->is_member) return;
  const size_t shard = ShardNumberOf(node);
  ClusterNode& process = *RunningMember(node);
  // With two nodes in a shard, both have what was acknowledged.
  if (primaries_[shard] == node || process.leads() || !process.is_whole() || process.secured() == 0) return;
  ++promotions_;
  primaries_[shard] = node;
  Publish(owners_);
  // From now on the old primary finds no majority.
  process.NoteEpoch(topology_->epoch());
  process.Unfollow();
  Tell(node, 0);
  TellAll();
}

void ShardedCluster::Reshape(uint64_t seed) {
  storage::Random random(seed);
  if (random.Below(3) == 0) LetOneJoin();
  if (random.Below(3) == 0) LetOneLeave();
  std::vector<size_t> takers;  // the others give all that they have
  for (size_t shard = 0; shard < shards(); ++shard) {
    if (SiteOf(FirstOf(shard)).is_member && random.Below(4) != 0) takers.push_back(shard);
  }
  if (takers.empty()) takers.push_back(ShardNumberOf(AnyMember()));
  const bool is_all_new = random.Below(3) == 0;
  std::vector<size_t> owners = owners_;
  for (size_t& owner : owners) {
    const bool stays = std::find(takers.begin(), takers.end(), owner) != takers.end() && random.Below(8) != 0;
    if (is_all_new || !stays) owner = takers[random.Below(takers.size())];
  }
  Publish(owners);
  TellAll();
}

void ShardedCluster::SetMember(size_t shard, bool is_member) {
  primaries_[shard] = FirstOf(shard);
  for (const size_t node : ShardOf(FirstOf(shard))) sites_[node]->is_member = is_member;
}

void ShardedCluster::LetOneJoin() {
  for (size_t shard = 0; shard < shards(); ++shard) {
    if (SiteOf(FirstOf(shard)).is_member) continue;
    for (const size_t node : ShardOf(FirstOf(shard))) sites_[node] = std::make_unique<MemberSite>();
    SetMember(shard, true);
    timeline_.Note(FirstOf(shard), "joins");
    return;
  }
}

void ShardedCluster::LetOneLeave() {
  if (!IsConverged()) return;
  for (size_t shard = 0; shard < shards(); ++shard) {
    const bool owns = std::find(owners_.begin(), owners_.end(), shard) != owners_.end();
    if (!SiteOf(FirstOf(shard)).is_member || owns) continue;
    timeline_.Note(FirstOf(shard), "leaves");
    SetMember(shard, false);
    for (const size_t node : ShardOf(FirstOf(shard))) {
      sites_[node]->process->Disconnect(true);
      sites_[node]->process.reset();
    }
    return;
  }
}

void ShardedCluster::BeginWith(size_t count) {
  std::vector<size_t> owners;
  for (size_t stripe = 0; stripe < kStripes; ++stripe) owners.push_back(stripe % count);
  Publish(owners);
}

void ShardedCluster::Publish(const std::vector<size_t>& owners) {
  owners_ = owners;
  std::string text = "epoch " + std::to_string(topology_ == nullptr ? 1 : topology_->epoch() + 1) + "\n";
  for (size_t shard = 0; shard < shards(); ++shard) {
    if (!SiteOf(FirstOf(shard)).is_member) continue;
    const std::string name = "s" + std::to_string(shard);
    text += "shard " + name + " weight 1 slots";
    for (size_t stripe = 0; stripe < kStripes; ++stripe) {
      if (owners[stripe] != shard) continue;
      const size_t first = stripe * kSlotsInStripe;
      text += " " + std::to_string(first) + "-" + std::to_string(first + kSlotsInStripe - 1);
    }
    for (const size_t node : ShardOf(FirstOf(shard))) {
      const bool leads = primaries_[shard] == static_cast<int>(node);
      text += "\nnode n" + std::to_string(node) + " shard " + name + " host h port " + std::to_string(node + 1) +
              " role " + (leads ? "primary" : "replica");
    }
    text += "\n";
  }
  const storage::Result<cluster::Topology> parsed = cluster::Topology::Parse(text);
  if (!parsed) return Violate(0, "the topology is wrong: " + parsed.error().text);
  topology_ = std::make_shared<const cluster::Topology>(*parsed);
}

void ShardedCluster::TellAll() {
  for (size_t i = 0; i < sites_.size(); ++i) Tell(static_cast<int>(i), timeline_.Between(0, 1500));
}

void ShardedCluster::Tell(int node, int64_t delay) {
  timeline_.After(delay, [this, node, told = topology_] {
    MemberSite& site = SiteOf(node);
    if (!site.is_member || (site.told != nullptr && site.told->epoch() >= told->epoch())) return;
    if (network_.IsStopped(node)) return Tell(node, network_.stopped_until(node) - timeline_.now());
    if (told->FindNode("n" + std::to_string(node)) == nullptr) return;  // of before it joined
    const bool is_new = site.told == nullptr;
    site.told = told;
    if (is_new) return Start(node);
    if (site.process != nullptr && !site.disk->is_dead()) site.process->TakeTopology(told);
  });
}

}  // namespace ringkv::test
