// SPDX-License-Identifier: MIT
// The shards whose primaries are elected through etcd, as its keys say at one revision.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/failover/shard_keys.h"
#include "cluster/failover/shard_view.h"
#include "cluster/topology.h"
#include "cluster_admin/coordinator.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

struct ElectedShard {
  std::string name;
  cluster::ShardKeys keys;
  cluster::ShardView view;
};

struct ElectedShards {
  cluster::NodeKeys node_keys;
  std::vector<ElectedShard> shards;                  // each has a record
  std::map<std::string, cluster::LivingNode> nodes;  // by id
  std::map<std::string, int64_t> node_revisions;     // likewise
  // Of a cluster; none: there is one shard without cluster mode.
  std::optional<cluster::Topology> topology = std::nullopt;

  // The id and shard of a node: an id, the first digits of one, or HOST:PORT. An error if it is not exactly one.
  struct Found {
    std::string id;
    const ElectedShard* shard;
  };
  storage::Result<Found> Find(const std::string& node) const;
  // Null: there is none.
  const ElectedShard* FindShard(const std::string& name) const;
  // HOST:PORT, or as much of the id as people read.
  std::string NameOf(const std::string& id) const;
  bool Lives(const std::string& id) const { return nodes.contains(id); }
};

// An error if there is none.
storage::Result<ElectedShards> ReadShards(Coordinator& coordinator);
std::string ShortId(const std::string& id);
// Says which node is the primary of the shard, which has one.
void SayWhoLeads(const ElectedShards& all, const ElectedShard& shard);

}  // namespace ringkv::cluster_admin
