// SPDX-License-Identifier: MIT
#include "cluster/migration/topology_change.h"

#include <cstddef>
#include <cstdint>

namespace ringkv::cluster {

using storage::Fail;
using storage::Result;
using storage::Status;

Result<std::string> FindOwnId(const Topology& topology, const std::string& given, int64_t port) {
  if (!given.empty()) {
    const Node* node = topology.FindNode(given);
    if (node == nullptr) return Fail("has no node '" + given + "' (cluster-node-id)");
    return node->id;
  }
  std::string found;
  for (const Node& node : topology.nodes()) {
    if (node.port != port) continue;
    if (!found.empty()) return Fail("has several nodes with this port: say which is this one by cluster-node-id");
    found = node.id;
  }
  if (found.empty()) return Fail("has no node with this port: say which is this one by cluster-node-id");
  return found;
}

Status CheckNext(const CurrentPlace& now, const Topology& next, const std::string& id) {
  // Else two topologies of one epoch could be about, and each would be somebody's last.
  if (next.epoch() <= now.topology.epoch()) {
    return Fail("its epoch is " + std::to_string(next.epoch()) + ", and this node is at " +
                std::to_string(now.topology.epoch()) + ": a change needs a higher one");
  }
  if (next.shards()[next.FindNode(id)->shard].name != now.shard) {
    return Fail("it puts this node into another shard; stop the node for that, and give it an empty directory");
  }
  for (const Shard& shard : now.topology.shards()) {
    if (next.FindShard(shard.name) != kNoShard) continue;
    const size_t left = now.ledger.OwnedBy(shard.name).count();
    if (left > 0) {
      return Fail("shard '" + shard.name + "' isn't in it and owns " + std::to_string(left) +
                  " slots: list it with weight 0 until they have moved");
    }
    // Without it nobody could say whether it has taken them, and they would be served here.
    if (now.ledger.offers().contains(shard.name)) {
      return Fail("shard '" + shard.name +
                  "' isn't in it and was offered slots, which it may have taken: list it with " +
                  "weight 0 until it has answered");
    }
  }
  return {};
}

void TakePlace(const Topology& topology, const std::string& id, PlaceTaker& taker) {
  // First: what this node does from here on belongs to the new epoch.
  taker.RaiseEpoch(topology.epoch());
  taker.BeginMoves();
  const Node& self = *topology.FindNode(id);
  if (self.is_primary) return taker.Lead();
  taker.Follow(topology.nodes()[topology.shards()[self.shard].primary()]);
}

}  // namespace ringkv::cluster
