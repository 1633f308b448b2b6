// SPDX-License-Identifier: MIT
// What the nodes of a cluster say of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/migration/slot_ledger.h"
#include "cluster/topology.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {

// Slots on their way from a shard to another one, as the shard that gets them tells.
struct MoveUnderWay {
  std::string from;
  std::string to;
  size_t slots_left = 0;
  size_t slots = 0;
  size_t keys = 0;  // that have come
  std::string failure;
};

// What is on its way to or from the node's shard, or between others as far as it knows.
storage::Result<std::vector<MoveUnderWay>> AskForMoves(NodeClient& client);
// "s1 -> s4  [#########---------------------]  30%  369 of 1230 slots, 12345 keys".
std::string DrawProgress(const MoveUnderWay& move);

// Has the node take over this topology.
storage::Status Reload(NodeClient& client, const cluster::Topology& topology);

// What a primary says that its shard owns.
struct Owned {
  uint64_t epoch = 0;
  std::string shard;
  cluster::SlotSet slots;
};
storage::Result<Owned> AskWhatItOwns(NodeClient& client);

}  // namespace ringkv::cluster_admin
