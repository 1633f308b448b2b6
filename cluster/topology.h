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
  std::string id;         // what people call it
  std::string public_id;  // what clients see: forty hexadecimal digits, derived from it
  std::string host;
  int port = 0;
  int http_port = 0;  // 0: the same as that of whoever asks
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
  // An error names the line and says what would be right.
  static storage::Result<Topology> Parse(std::string_view text);
  // With the slots of each shard, whether they were given or laid out by the ring.
  std::string Print() const;
  // To begin the next one with: an epoch higher, and without slots, which are laid out anew from where they are.
  std::string PrintNext() const;

  uint64_t epoch() const { return epoch_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const SlotMap& slots() const { return slots_; }
  // Whether the text has said them; else the ring has laid them out.
  bool has_given_slots() const { return has_given_slots_; }
  Topology WithSlots(const SlotMap& slots) const;
  // The next epoch, in which this replica leads its shard, and who led it follows.
  Topology WithPrimary(std::string_view id) const;
  // By either of its ids; null if there is none.
  const Node* FindNode(std::string_view id) const;
  // For the ring, in the order of their numbers.
  std::vector<RingShard> RingShards() const;
  // kNoShard if there is none of this name.
  ShardIndex FindShard(std::string_view name) const;
  // Of the shard that owns it.
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
