// SPDX-License-Identifier: MIT
// The cluster as this node knows it at one moment.
//
// Threads: immutable once it is published.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/migration/slot_ledger.h"
#include "cluster/route.h"
#include "cluster/topology.h"
#include "cluster/watch/node_news.h"
#include "server/config/options.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {

using cluster::NodeNews;

// A node as it is shown to clients.
struct ShownNode {
  std::string ip;
  std::string hostname;  // empty if there is none
  int port = 0;
  bool has_failed = false;

  // As cluster-preferred-endpoint-type says; ? for a hostname that is unknown, empty for the endpoint that clients have
  // connected to.
  std::string_view Endpoint(EndpointType type) const;
};

struct ClusterView {
  cluster::Topology topology;
  cluster::ShardRole here;
  cluster::SlotMap slots;       // current owners; the topology has the target
  cluster::SlotSet held;        // requests for these slots wait
  cluster::SlotMap offered_to;  // kNoShard: not offered to anybody
  cluster::SlotSet unsent;      // their offer is in the ledger but not sent yet
  // Slots that this node serves to every client. Two kilobytes; nearly all requests are routed by this bitmap alone.
  std::bitset<storage::kSlots> served;
  std::vector<ShownNode> shown;  // the nodes of the topology, in its order
  // A slot has no owner that is known and answers: what cluster-require-full-coverage looks at.
  bool has_gap = false;
  std::string id;           // of this node
  std::string slots_resp2;  // the reply to CLUSTER SLOTS
  std::string slots_resp3;

  const cluster::Node& self() const { return *topology.FindNode(id); }
  const std::string& shard_name() const { return topology.shards()[here.shard].name; }
  const cluster::Node& PrimaryOf(cluster::ShardIndex shard) const {
    return topology.nodes()[topology.shards()[shard].primary()];
  }
  const ShownNode& Shown(const cluster::Node& node) const {
    return shown[static_cast<size_t>(&node - topology.nodes().data())];
  }
  // Whether it is a name or an address of a node: in the topology, or as the node is shown to clients.
  bool HasHost(std::string_view host) const;
  // The slots whose owner is known; of these, those whose primary answers.
  size_t CountAssigned() const { return storage::kSlots - slots.CountOf(cluster::kNoShard); }
  size_t CountCovered() const;
  cluster::SlotState StateOf(size_t slot) const;
  // Slots that `from` owns now and `to` owns in the topology.
  cluster::SlotSet SlotsOnTheirWay(cluster::ShardIndex from, cluster::ShardIndex to) const {
    return slots.SlotsOf(from) & topology.slots().SlotsOf(to);
  }
};

}  // namespace ringkv::server
