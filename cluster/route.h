// SPDX-License-Identifier: MIT
// Where a request is to be executed, from the slot of its keys and the topology: a pure function.
#pragma once

#include <cstdint>

#include "cluster/slot_map.h"

namespace ringkv::cluster {

enum class Way : uint8_t {
  kHere,
  kMoved,     // its owner is another one
  kAsk,       // whether it has another owner by now is that one's to say
  kTryAgain,  // it will have this owner, or stay where it is
  kWait,      // for a moment: it is about to get another owner
  kDown,      // nobody is known who could serve it
};

// What this node is in the topology.
struct Standing {
  ShardIndex shard = kNoShard;  // kNoShard: none
  bool is_primary = false;
};

// What is known of a slot.
struct SlotState {
  ShardIndex owner = kNoShard;
  ShardIndex offered_to = kNoShard;
  bool is_held = false;       // requests wait
  bool arrives_here = false;  // its keys are on their way
};

struct RequestTraits {
  bool reads_here = false;  // it only reads, and its client has said READONLY
  bool asks = false;        // its client has said ASKING
};

inline Way RouteSlot(const SlotState& slot, const Standing& here, const RequestTraits& request) {
  if (slot.owner == kNoShard) return Way::kDown;
  if (slot.owner != here.shard) return request.asks && slot.arrives_here ? Way::kTryAgain : Way::kMoved;
  if (!here.is_primary) return request.reads_here ? Way::kHere : Way::kMoved;
  if (slot.is_held) return Way::kWait;
  return slot.offered_to == kNoShard ? Way::kHere : Way::kAsk;
}

}  // namespace ringkv::cluster
