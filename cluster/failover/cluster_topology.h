// SPDX-License-Identifier: MIT
// The topology of a cluster that etcd keeps: the key `topology` has the shards and the slots that they are to own, in
// the lines of a cluster-config, the shards' records say who their nodes are and who leads, and `epoch` has the number
// of all that. A node puts them together to the text of a cluster-config (docs/formats/coordinator.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/failover/shard_keys.h"
#include "cluster/failover/shard_view.h"
#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

// A number, such as the key `epoch` has; 0: it is none.
uint64_t ParseEpoch(std::string_view text);

// Whether the text of the key `topology` has a shard with this name.
bool ListsShard(std::string_view topology, std::string_view shard);

// What the key `topology` has, with a node in each shard that nobody reaches; the ring assigns slots that the text does
// not give. Also a file of shards that lists no nodes. An error names the line.
storage::Result<Topology> ParseKeptTopology(std::string_view text);
// The text of the key: no nodes.
std::string PrintKept(const Topology& topology);

// The node that puts it together, which may not be a member yet.
struct ComposingNode {
  std::string id;
  std::string shard;
  std::string host;
  int64_t port = 0;
};

// The cluster as the view has it: the same text of the same epoch at all nodes, but for nodes that have come or moved
// since it began. Null: etcd has no topology, or it does not list the node's shard.
//
// A shard whose nodes nobody knows has one that nobody reaches, so that the others can go on without it.
std::optional<std::string> ComposeTopology(const ShardView& view, std::string_view cluster, const ComposingNode& self);

}  // namespace ringkv::cluster
