// SPDX-License-Identifier: MIT
// The current owner of each slot, as a node knows it. Slots whose owner differs from the topology are migrating. The
// ledger is stored on disk (docs/formats/slots.md), so a migration continues after a crash, and no node serves slots
// that it has handed over.
//
// The ledger refers to shards by name, because their numbers change with the topology.
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
  // No owner is known.
  SlotLedger() { owners_.fill(kUnknown); }

  // Slots that were offered to another shard, which has not answered yet: that shard's ledger decides who owns them.
  struct Offer {
    uint64_t epoch = 0;  // of the topology, when the offer was made
    SlotSet slots;
  };

  void Give(const SlotSet& slots, std::string_view shard);
  // Empty if the owner is unknown.
  const std::string& OwnerOf(size_t slot) const { return names_[owners_[slot]]; }
  SlotSet OwnedBy(std::string_view shard) const;
  // Owners as shard numbers of the topology; kNoShard for shards that it does not have.
  SlotMap OwnersIn(const Topology& topology) const;

  const std::map<std::string, Offer>& offers() const { return offers_; }
  SlotSet Offered() const;
  void MakeOffer(const SlotSet& slots, const std::string& shard, uint64_t epoch);
  void EndOffer(const std::string& shard) { offers_.erase(shard); }

  // Slots of other shards whose keys may still be in this store.
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

// Slots that migrate from one shard to another.
struct SlotMove {
  ShardIndex from = kNoShard;  // kNoShard: unknown
  ShardIndex to = kNoShard;
  SlotSet slots;
};
// The moves that lead from `now` to the topology.
std::vector<SlotMove> MovesTo(const Topology& topology, const SlotMap& now);

}  // namespace ringkv::cluster
