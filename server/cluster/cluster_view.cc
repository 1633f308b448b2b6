// SPDX-License-Identifier: MIT
#include "server/cluster/cluster_view.h"

namespace ringkv::server {

std::string_view ShownNode::Endpoint(EndpointType type) const {
  switch (type) {
    case EndpointType::kIp: return ip;
    case EndpointType::kHostname: return hostname.empty() ? std::string_view("?") : std::string_view(hostname);
    case EndpointType::kUnknown: break;
  }
  return {};
}

size_t ClusterView::CountCovered() const {
  size_t covered = 0;
  for (size_t slot = 0; slot < storage::kSlots; ++slot) {
    const cluster::ShardIndex owner = slots.owner(slot);
    if (owner != cluster::kNoShard && !Shown(PrimaryOf(owner)).has_failed) ++covered;
  }
  return covered;
}

cluster::SlotState ClusterView::StateOf(size_t slot) const {
  return {.owner = slots.owner(slot),
          .offered_to = unsent[slot] ? cluster::kNoShard : offered_to.owner(slot),
          .is_held = held[slot],
          .arrives_here = topology.slots().owner(slot) == here.shard};
}

}  // namespace ringkv::server
