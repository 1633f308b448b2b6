// SPDX-License-Identifier: MIT
#include "server/cluster/cluster_view.h"

#include <algorithm>

#include "server/base/text.h"

namespace ringkv::server {

std::string_view ShownNode::Endpoint(EndpointType type) const {
  switch (type) {
    case EndpointType::kIp: return ip;
    case EndpointType::kHostname: return hostname.empty() ? std::string_view("?") : std::string_view(hostname);
    case EndpointType::kUnknown: break;
  }
  return {};
}

bool ClusterView::HasHost(std::string_view host) const {
  return std::ranges::any_of(topology.nodes(), [&](const auto& node) { return EqualsIgnoringCase(node.host, host); }) ||
         std::ranges::any_of(shown, [&](const ShownNode& node) {
           return EqualsIgnoringCase(node.ip, host) || (!host.empty() && EqualsIgnoringCase(node.hostname, host));
         });
}

size_t ClusterView::CountCovered() const {
  size_t covered = 0;
  for (const cluster::SlotMap::Run& run : slots.Runs()) {
    if (run.owner != cluster::kNoShard && !Shown(PrimaryOf(run.owner)).has_failed) covered += run.range.size();
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
