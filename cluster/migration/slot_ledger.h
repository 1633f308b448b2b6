// SPDX-License-Identifier: MIT
// The current owner of each slot, as a shard knows it. Slots whose owner differs from the topology are migrating. The
// ledger is in a file of each node and in the shard's data (docs/formats/slots.md), so a migration continues after a
// crash and after a promotion, and no node serves slots that its shard has handed over.
//
// The ledger refers to shards by name, because their numbers change with the topology.
//
// Threads: a value.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class SlotLedger {
 public:
  // No owner is known.
  SlotLedger() = default;

  // Slots that were offered to another shard, which has not answered yet: that shard's ledger decides who owns them.
  struct Offer {
    uint64_t epoch = 0;  // of the topology, when the offer was made
    SlotSet slots;
    bool operator==(const Offer&) const = default;
  };

  // Which of two ledgers of a shard is the newer one. A primary counts its changes; a later one has a higher epoch.
  struct Version {
    uint64_t epoch = 0;
    uint64_t number = 0;
    auto operator<=>(const Version&) const = default;
  };
  const Version& version() const { return version_; }
  // It is a primary's of this epoch, and newer than before.
  void Renew(uint64_t epoch) { version_ = {epoch, version_.number + 1}; }

  void Give(const SlotSet& slots, std::string_view shard);
  // Empty if the owner is unknown.
  const std::string& OwnerOf(size_t slot) const { return names_[owners_.owner(slot)]; }
  SlotSet OwnedBy(std::string_view shard) const;
  // Owners as shard numbers of the topology; kNoShard for shards that it does not have.
  SlotMap OwnersIn(const Topology& topology) const;

  const std::map<std::string, Offer>& offers() const { return offers_; }
  SlotSet Offered() const;
  void MakeOffer(const SlotSet& slots, const std::string& shard, uint64_t epoch);
  void EndOffer(const std::string& shard) { offers_.erase(shard); }
  // The open offer to the shard is of exactly these slots.
  bool IsOffered(const SlotSet& slots, const std::string& shard) const {
    const auto offer = offers_.find(shard);
    return offer != offers_.end() && offer->second.slots == slots;
  }
  // The shard has taken these slots of the offer, and will take no others.
  void GiveAway(const SlotSet& slots, const std::string& shard);
  // The shard of this node owns the slots, whose keys have come.
  void TakeOver(const SlotSet& slots, std::string_view own);

  // Slots of other shards whose keys may still be in this store.
  const SlotSet& strays() const { return strays_; }
  void AddStrays(const SlotSet& slots) { strays_ |= slots; }
  void RemoveStrays(const SlotSet& slots) { strays_ &= ~slots; }

  std::string Print() const;
  static storage::Result<SlotLedger> Parse(std::string_view text);

 private:
  static constexpr ShardIndex kUnknown = 0;

  Version version_;
  SlotMap owners_{kUnknown};  // as indexes of `names_`
  std::vector<std::string> names_ = {""};
  std::map<std::string, Offer> offers_;  // by shard
  SlotSet strays_;
};

using LedgerChange = std::function<void(SlotLedger&)>;

// Slots that migrate from one shard to another.
struct SlotMove {
  ShardIndex from = kNoShard;  // kNoShard: unknown
  ShardIndex to = kNoShard;
  SlotSet slots;
};
// The moves that lead from `now` to the topology.
std::vector<SlotMove> MovesTo(const Topology& topology, const SlotMap& now);

}  // namespace ringkv::cluster
