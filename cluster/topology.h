// SPDX-License-Identifier: MIT
// The cluster at one epoch: its shards, their slots, their nodes. Read from and printed as lines of text
// (docs/formats/cluster.md).
//
// Threads: immutable once parsed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/ring.h"
#include "cluster/slot_map.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

struct Node {
  std::string id;         // its name in the file
  std::string public_id;  // its id for clients: forty hexadecimal digits, derived from `id`
  std::string host;
  int port = 0;
  int http_port = 0;  // 0: the HTTP port of the node that redirects to it
  ShardIndex shard = 0;
  bool is_primary = false;
};

struct Shard {
  std::string name;
  double weight = 1;
  std::vector<size_t> members = {};  // indexes of all its nodes, the primary first

  size_t primary() const { return members[0]; }
};

class Topology {
 public:
  // An error names the line and the expected syntax.
  static storage::Result<Topology> Parse(std::string_view text);
  // Prints the slots of each shard, whether they were given or assigned by the ring.
  std::string Print() const;
  // A draft of the next topology: a higher epoch, and no slots, which the ring assigns anew from their current owners.
  std::string PrintNext() const;

  uint64_t epoch() const { return epoch_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const SlotMap& slots() const { return slots_; }
  // Whether the text gave the slots; else the ring assigned them.
  bool has_given_slots() const { return has_given_slots_; }
  Topology WithSlots(const SlotMap& slots) const;
  // The next topology, in which this replica is the primary of its shard and the old primary its replica.
  Topology WithPrimary(std::string_view id) const;
  // Finds a node by either of its ids; null if there is none.
  const Node* FindNode(std::string_view id) const;
  // The shards as the ring needs them, in the order of their numbers.
  std::vector<RingShard> RingShards() const;
  // Finds a shard by name; kNoShard if there is none.
  ShardIndex FindShard(std::string_view name) const;
  // The primary of the shard that owns the slot.
  const Node& PrimaryOf(size_t slot) const { return nodes_[shards_[slots_.owner(slot)].primary()]; }

 private:
  class Reader;

  std::string PrintAs(uint64_t epoch, bool with_slots) const;

  uint64_t epoch_ = 0;
  std::vector<Shard> shards_;
  std::vector<Node> nodes_;
  SlotMap slots_;
  bool has_given_slots_ = false;
};

}  // namespace ringkv::cluster
