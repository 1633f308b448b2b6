// SPDX-License-Identifier: MIT
// The cluster as this node knows it at one moment.
//
// Threads: immutable once it is published.
#pragma once

#include <bitset>
#include <string>

#include "cluster/migration/slot_ledger.h"
#include "cluster/route.h"
#include "cluster/topology.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {

struct ClusterView {
  cluster::Topology topology;
  cluster::ShardRole here;
  cluster::SlotMap slots;       // current owners; the topology has the target
  cluster::SlotSet held;        // requests for these slots wait
  cluster::SlotMap offered_to;  // kNoShard: not offered to anybody
  cluster::SlotSet unsent;      // their offer is in the ledger but not sent yet
  // Slots that this node serves to every client. Two kilobytes; nearly all requests are routed by this bitmap alone.
  std::bitset<storage::kSlots> served;
  std::string id;           // of this node
  std::string slots_resp2;  // the reply to CLUSTER SLOTS
  std::string slots_resp3;

  const cluster::Node& self() const { return *topology.FindNode(id); }
  const std::string& shard_name() const { return topology.shards()[here.shard].name; }
  const cluster::Node& PrimaryOf(cluster::ShardIndex shard) const {
    return topology.nodes()[topology.shards()[shard].primary()];
  }
  cluster::SlotState StateOf(size_t slot) const;
  // Slots that `from` owns now and `to` owns in the topology.
  cluster::SlotSet SlotsOnTheirWay(cluster::ShardIndex from, cluster::ShardIndex to) const {
    return slots.SlotsOf(from) & topology.slots().SlotsOf(to);
  }
};

}  // namespace ringkv::server
