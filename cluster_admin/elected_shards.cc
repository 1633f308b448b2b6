// SPDX-License-Identifier: MIT
#include "cluster_admin/elected_shards.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "cluster/failover/cluster_topology.h"

namespace ringkv::cluster_admin {
namespace {

using storage::Fail;
using storage::Result;

constexpr size_t kShortId = 12;
constexpr size_t kFewestDigits = 4;

std::string AddressOf(const cluster::LivingNode& node) { return node.host + ":" + std::to_string(node.port); }

// The names between the prefix and the next slash.
std::set<std::string> NamesIn(const std::vector<cluster::EtcdKey>& keys, std::string_view prefix) {
  std::set<std::string> names;
  for (const cluster::EtcdKey& each : keys) {
    if (!each.key.starts_with(prefix)) continue;
    const std::string rest = each.key.substr(prefix.size());
    names.insert(rest.substr(0, rest.find('/')));
  }
  return names;
}

}  // namespace

std::string ShortId(const std::string& id) { return id.substr(0, kShortId); }

std::string ElectedShards::NameOf(const std::string& id) const {
  const auto found = nodes.find(id);
  return found == nodes.end() ? ShortId(id) : AddressOf(found->second);
}

Result<ElectedShards::Found> ElectedShards::Find(const std::string& node) const {
  const bool is_part = node.size() >= kFewestDigits;
  std::map<std::string, const ElectedShard*> found;
  for (const ElectedShard& shard : shards) {
    const auto add = [&](const std::string& id) {
      const auto living = nodes.find(id);
      const bool is_address = living != nodes.end() && AddressOf(living->second) == node;
      if (is_address || (is_part && id.starts_with(node))) found.emplace(id, &shard);
    };
    for (const std::string& id : shard.view.record()->members) add(id);
    for (const auto& [id, living] : nodes) {
      if (living.shard == shard.name) add(id);
    }
  }
  if (found.size() == 1) return Found{found.begin()->first, found.begin()->second};
  if (found.size() > 1) return Fail("'" + node + "' may be any of " + std::to_string(found.size()) + " nodes");
  return Fail("there is no node '" + node + "': give an id or its first digits (status shows them), or HOST:PORT");
}

const ElectedShard* ElectedShards::FindShard(const std::string& name) const {
  const auto found = std::find_if(shards.begin(), shards.end(), [&](const auto& shard) { return shard.name == name; });
  return found == shards.end() ? nullptr : &*found;
}

void SayWhoLeads(const ElectedShards& all, const ElectedShard& shard) {
  const cluster::Lead& lead = *shard.view.lead();
  std::printf("node %s is the primary of shard %s, epoch %llu\n", all.NameOf(lead.id).c_str(), shard.name.c_str(),
              static_cast<unsigned long long>(lead.epoch));
  std::fflush(stdout);
}

Result<ElectedShards> ReadShards(Coordinator& coordinator) {
  const std::string& cluster = coordinator.cluster();
  const std::string prefix = "/ringkv/" + cluster + "/";
  const Result<cluster::EtcdAnswer> answer = coordinator.Ask(cluster::ReadKeys{prefix});
  if (!answer) return tl::unexpected(answer.error());
  if (answer->outcome != cluster::EtcdAnswer::Outcome::kDone)
    return Fail("etcd refuses to show its keys: " + answer->error);
  ElectedShards all{.node_keys = cluster::NodeKeys(cluster), .shards = {}, .nodes = {}, .node_revisions = {}};
  for (const cluster::EtcdKey& each : answer->keys) {
    if (!each.key.starts_with(all.node_keys.prefix())) continue;
    std::optional<cluster::LivingNode> node = cluster::ParseLivingNode(each.value);
    if (!node) continue;
    const std::string id = each.key.substr(all.node_keys.prefix().size());
    all.nodes.emplace(id, std::move(*node));
    all.node_revisions.emplace(id, each.mod_revision);
  }
  const std::string topology_key = cluster::ClusterKeys(cluster).topology();
  for (const cluster::EtcdKey& each : answer->keys) {
    if (each.key != topology_key) continue;
    Result<cluster::Topology> topology = cluster::ParseKeptTopology(each.value);
    if (!topology) return Fail("the topology in etcd can't be used: " + topology.error().text);
    all.topology = std::move(*topology);
  }
  for (const std::string& name : NamesIn(answer->keys, cluster::ShardKeys::AllShards(cluster))) {
    const cluster::ShardKeys keys(cluster, name);
    cluster::ShardView view(keys);
    view.Reset(answer->keys, answer->revision);
    if (view.record()) all.shards.push_back({name, keys, std::move(view)});
  }
  if (all.shards.empty())
    return Fail("etcd knows no shard of '" + cluster + "': no node has been started with this name");
  return all;
}

}  // namespace ringkv::cluster_admin
