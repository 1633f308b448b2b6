// SPDX-License-Identifier: MIT
// The state of a cluster, as reported by its nodes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/migration/owned_slots.h"
#include "cluster/topology.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {

// A slot migration, as reported by the importing shard.
struct MoveUnderWay {
  std::string from;
  std::string to;
  size_t slots_left = 0;
  size_t slots = 0;
  size_t keys = 0;  // imported so far
  std::string failure;
};

// The slot migrations that the node knows of.
storage::Result<std::vector<MoveUnderWay>> AskForMoves(NodeClient& client);
// "s1 -> s4  [#########---------------------]  30%  369 of 1230 slots, 12345 keys".
std::string DrawProgress(const MoveUnderWay& move);

// Installs this topology on the node.
storage::Status Reload(NodeClient& client, const cluster::Topology& topology);

// The slots that a shard owns, as reported by its primary.
storage::Result<cluster::OwnedSlots> AskWhatItOwns(NodeClient& client);

// The functions of the node, for GiveFunctions; empty: it has none.
storage::Result<std::string> TakeFunctions(NodeClient& client);
// A shard that joins gets the functions of the others before it gets slots, which move without them. One that has
// functions keeps these. `who`, as "node", and `name` are for messages.
storage::Status GiveFunctions(NodeClient& client, const std::string& functions, const std::string& who,
                              const std::string& name);

}  // namespace ringkv::cluster_admin
