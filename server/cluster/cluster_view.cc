// SPDX-License-Identifier: MIT
#include "server/cluster/cluster_view.h"

namespace ringkv::server {

cluster::SlotState ClusterView::StateOf(size_t slot) const {
  return {.owner = slots.owner(slot),
          .offered_to = unsent[slot] ? cluster::kNoShard : offered_to.owner(slot),
          .is_held = held[slot],
          .arrives_here = topology.slots().owner(slot) == here.shard};
}

}  // namespace ringkv::server
