// SPDX-License-Identifier: MIT
// Assigns slots to shards by a consistent-hash ring of weighted virtual nodes with bounded load.
//
// A shard owns arcs of the ring of slots: a hash of the shard's name proposes a slot for each of its virtual nodes,
// which owns the slots from there on. A joining shard takes one arc after the other. It takes each from the shard with
// the highest load at that moment, near the position of its next virtual node among that shard's slots, aligned to the
// end of an arc so that no arc is split in three. So a joining shard moves only its own share, and no shard is far
// above the mean. The bound comes from Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads", 2016.
//
// The result is stored with the topology and not computed by each node, so the algorithm may change without moving
// data.
#pragma once

#include <string>
#include <vector>

#include "cluster/slot_map.h"

namespace ringkv::cluster {

// Number of arcs that a joining shard takes for a full share.
constexpr size_t kVirtualNodes = 10;
// No shard gets more than this multiple of its share by weight.
constexpr double kLoadBound = 1.10;

struct RingShard {
  std::string name;
  double weight = 1;  // 0: owns no slots
};

// The map after `before`, with the same shard numbers: slots of kNoShard and of shards with weight 0 are reassigned,
// and shards far below their share are filled up. No other slot moves.
SlotMap LayOut(const SlotMap& before, const std::vector<RingShard>& shards);

// The initial map, as if the shards had joined one after the other. So another shard at the end moves no slot between
// the shards before it.
SlotMap LayOut(const std::vector<RingShard>& shards);

}  // namespace ringkv::cluster
