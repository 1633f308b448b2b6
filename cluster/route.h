// SPDX-License-Identifier: MIT
// Routing: whether this node serves a slot, and the redirect if it does not. Pure functions.
#pragma once

#include <cstdint>

#include "cluster/slot_map.h"

namespace ringkv::cluster {

enum class SlotRoute : uint8_t {
  kHere,
  kMoved,     // another shard owns the slot
  kAsk,       // the slot is offered to another shard, which knows whether it owns it
  kTryAgain,  // this shard imports the slot but does not own it yet
  kWait,      // the slot is held for some milliseconds before its hand-over
  kDown,      // the owner of the slot is unknown
};

// This node's place in the topology.
struct ShardRole {
  ShardIndex shard = kNoShard;  // kNoShard: none
  bool is_primary = false;
};

// The state of a slot, as this node knows it.
struct SlotState {
  ShardIndex owner = kNoShard;
  ShardIndex offered_to = kNoShard;
  bool is_held = false;       // requests wait
  bool arrives_here = false;  // its keys are being imported
};

struct RequestTraits {
  bool reads_here = false;  // a read of a client that has sent READONLY
  bool asks = false;        // its client has sent ASKING
};

inline SlotRoute RouteSlot(const SlotState& slot, const ShardRole& here, const RequestTraits& request) {
  if (slot.owner == kNoShard) return SlotRoute::kDown;
  if (slot.owner != here.shard) return request.asks && slot.arrives_here ? SlotRoute::kTryAgain : SlotRoute::kMoved;
  if (!here.is_primary) return request.reads_here ? SlotRoute::kHere : SlotRoute::kMoved;
  if (slot.is_held) return SlotRoute::kWait;
  return slot.offered_to == kNoShard ? SlotRoute::kHere : SlotRoute::kAsk;
}

// The slots that every client is served here: those of which RouteSlot says kHere, all at once.
inline SlotSet ServedSlots(const ShardRole& here, const SlotMap& owners, const SlotSet& held, const SlotSet& offered) {
  if (here.shard == kNoShard || !here.is_primary) return {};
  return owners.SlotsOf(here.shard) & ~held & ~offered;
}

}  // namespace ringkv::cluster
