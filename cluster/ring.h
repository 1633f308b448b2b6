// SPDX-License-Identifier: MIT
// Lays the slots on a ring of weighted virtual nodes, with bounded load.
//
// A shard owns arcs of the ring of slots: each of its virtual nodes stands at a slot, which a hash of the shard's name
// proposes, and owns the slots from there on. Who joins takes one arc after the other, each from the shard that is
// loaded most then, near where the next virtual node falls into what that shard owns, and aligned to the end of one of
// its arcs, so that no arc is cut in three. So a joining shard moves its own share and no slot between two others, and
// nobody is far above the mean. (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads", 2016, is
// where the bound comes from.)
//
// The result is stored with the topology, not computed by each node, so this may change without moving data.
#pragma once

#include <string>
#include <vector>

#include "cluster/slot_map.h"

namespace ringkv::cluster {

// How many arcs a shard of full load takes when it joins.
constexpr size_t kVirtualNodes = 10;
// No shard is given more than so much of its share by weight.
constexpr double kLoadBound = 1.10;

struct RingShard {
  std::string name;
  double weight = 1;  // above 0, unless it is to own nothing
};

// The map that follows `before`, whose numbers of shards count here too: slots of kNoShard, and of shards with weight
// 0, are given away; shards that have far too little are filled up. Nothing else moves.
SlotMap LayOut(const SlotMap& before, const std::vector<RingShard>& shards);

// The map from nothing: as if the shards had joined one after the other, so that a further one at the end moves
// nothing between those before it.
SlotMap LayOut(const std::vector<RingShard>& shards);

}  // namespace ringkv::cluster
