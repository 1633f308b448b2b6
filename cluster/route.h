// SPDX-License-Identifier: MIT
// Where a request is to be executed, from the slots of its keys and the topology: a pure function.
#pragma once

#include <cstdint>

#include "cluster/slot_map.h"

namespace ringkv::cluster {

enum class Way : uint8_t { kHere, kMoved };

// What this node is in the topology.
struct Standing {
  ShardIndex shard = kNoShard;  // kNoShard: none
  bool is_primary = false;
};

// `reads_here`: the request only reads, and its client has said READONLY.
inline Way RouteSlot(ShardIndex owner, const Standing& here, bool reads_here) {
  if (owner != here.shard) return Way::kMoved;
  return here.is_primary || reads_here ? Way::kHere : Way::kMoved;
}

}  // namespace ringkv::cluster
