// SPDX-License-Identifier: MIT
// Who owns each slot now, as a node knows it. The topology says who is to own what; where the two differ, slots are on
// their way. The ledger outlives the process (docs/formats/slots.md), so a move that a crash has cut off goes on, and
// nobody takes himself for the owner of what he has given away.
//
// Shards are named, not numbered: numbers change with the topology.
//
// Threads: a value.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/topology.h"

namespace ringkv::cluster {

class SlotLedger {
 public:
  // Nothing is known.
  SlotLedger() { owners_.fill(kUnknown); }

  // Slots that were offered to another shard for good, and no answer has come: it decides whether it owns them.
  struct Offer {
    uint64_t epoch = 0;  // at which it was made
    SlotSet slots;
  };

  void Give(const SlotSet& slots, std::string_view shard);
  // Empty if it isn't known.
  const std::string& OwnerOf(size_t slot) const { return names_[owners_[slot]]; }
  SlotSet OwnedBy(std::string_view shard) const;
  // With the topology's numbers of shards; kNoShard for who isn't in it.
  SlotMap OwnersIn(const Topology& topology) const;

  const std::map<std::string, Offer>& offers() const { return offers_; }
  SlotSet Offered() const;
  void MakeOffer(const SlotSet& slots, const std::string& shard, uint64_t epoch);
  void EndOffer(const std::string& shard) { offers_.erase(shard); }

  // Slots whose keys may still be here although they belong to others.
  const SlotSet& strays() const { return strays_; }
  void AddStrays(const SlotSet& slots) { strays_ |= slots; }
  void RemoveStrays(const SlotSet& slots) { strays_ &= ~slots; }

  std::string Print() const;
  static storage::Result<SlotLedger> Parse(std::string_view text);

 private:
  static constexpr uint16_t kUnknown = 0;

  std::array<uint16_t, storage::kSlots> owners_;
  std::vector<std::string> names_ = {""};
  std::map<std::string, Offer> offers_;  // by shard
  SlotSet strays_;
};

// Slots that go from one shard to another.
struct SlotMove {
  ShardIndex from = kNoShard;  // kNoShard: nobody knows who has them
  ShardIndex to = kNoShard;
  SlotSet slots;
};
// What has to move so that `now` becomes what the topology says.
std::vector<SlotMove> MovesTo(const Topology& topology, const SlotMap& now);

}  // namespace ringkv::cluster
