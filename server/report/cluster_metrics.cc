// SPDX-License-Identifier: MIT
// The cluster as this node knows it.
#include "server/cluster/cluster_state.h"
#include "server/cluster/slot_moves.h"
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

// Not there without a cluster.
void AddCluster(const Observation& o, Families* families) {
  if (!o.parts.cluster.is_enabled()) return;
  const std::shared_ptr<const ClusterView> view = o.parts.cluster.view();
  const auto add = [families](const char* name, const char* help, double value) {
    AddSample(&families->emplace_back(EmptyFamily({name, kGauge, help})), {}, value);
  };
  MetricFamily slots = EmptyFamily({"ringkv_cluster_slots", kGauge, "Slots of a shard, as this node knows it."});
  for (size_t i = 0; i < view->topology.shards().size(); ++i) {
    AddSample(&slots, {{"shard", view->topology.shards()[i].name}},
              static_cast<double>(view->slots.CountOf(static_cast<cluster::ShardIndex>(i))));
  }
  families->push_back(std::move(slots));
  add("ringkv_cluster_slots_unowned", "Slots whose owner is unknown to this node.",
      static_cast<double>(view->slots.CountOf(cluster::kNoShard)));
  double moving = 0;
  for (const SlotMoves::Progress& move : o.parts.cluster.moves().progress()) {
    moving += static_cast<double>(move.slots_left);
  }
  add("ringkv_cluster_slots_moving", "Slots migrating between two shards.", moving);
  add("ringkv_cluster_epoch", "Epoch of the topology.", static_cast<double>(view->topology.epoch()));
  add("ringkv_cluster_nodes", "Nodes of the topology.", static_cast<double>(view->topology.nodes().size()));
}

constexpr Metric kClusterMetrics[] = {
    {.section = "cluster",
     .info = "cluster_enabled",
     .read = [](const Observation& o) { return Reading(o.parts.cluster.is_enabled()); }},
    {.add_families = AddCluster},
};

}  // namespace

std::span<const Metric> ClusterMetrics() { return kClusterMetrics; }

}  // namespace ringkv::server
