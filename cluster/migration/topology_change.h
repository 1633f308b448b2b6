// SPDX-License-Identifier: MIT
// A node's place in a topology, which topology may follow another, and what a node does when one does.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/migration/slot_ledger.h"
#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

// The name of this node: the given one, else that of the only node with this port. An error says what is wrong with the
// topology.
storage::Result<std::string> FindOwnId(const Topology& topology, const std::string& given, int64_t port);

// Whether the node may go on with `next`, in which it is the node `id`. An error says why not.
struct CurrentPlace {
  const Topology& topology;
  const std::string& shard;  // of this node
  const SlotLedger& ledger;
};
storage::Status CheckNext(const CurrentPlace& now, const Topology& next, const std::string& id);

// What a node's place means for its data and links.
class PlaceTaker {
 public:
  // What is of a lower epoch is refused from now on.
  virtual void RaiseEpoch(uint64_t epoch) = 0;
  // Slots that have new owners begin to move.
  virtual void BeginMoves() = 0;
  // Becomes the primary of the shard, or stays it.
  virtual void Lead() = 0;
  // Follows this primary, or goes on to.
  virtual void Follow(const Node& primary) = 0;

 protected:
  ~PlaceTaker() = default;
};
// The topology has been installed: requests are routed by it. May be repeated.
void TakePlace(const Topology& topology, const std::string& id, PlaceTaker& taker);

}  // namespace ringkv::cluster
