// SPDX-License-Identifier: MIT
// What a node concludes from what others say of their slots: whom it asks when, whether slots that it offered were
// taken, who owns slots that move between others, which slots nobody owns; and when it erases the keys of slots that
// have left. Each conclusion is a change of the ledger that it was drawn from; a newer one, which is not known to be
// safe yet, it leaves as it is. Rules without sockets, data or files.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/migration/slot_ledger.h"
#include "cluster/route.h"
#include "cluster/slot_map.h"
#include "cluster/topology.h"

namespace ringkv::cluster {

// What a node knows at one moment. All of it outlives the object.
struct KnownSlots {
  const Topology& topology;
  const ShardRole& here;
  const SlotMap& slots;  // the owners in the ledger, as numbers of the topology
  const SlotLedger& ledger;

  const std::string& NameOf(ShardIndex shard) const { return topology.shards()[shard].name; }
  // Nothing is to be asked, erased or moved.
  bool IsSettled() const;
  // Slots of this node's shard that are to go to the other one. Not those that were offered to anybody: who owns them
  // is open.
  SlotSet MovableTo(ShardIndex to) const;
  // So many of these at most. `keeps_one`: not the first slot of a shard that is to have none.
  SlotSet BatchFor(ShardIndex to, size_t most, bool keeps_one) const;
};

class SlotSettlement {
 public:
  struct Conclusion {
    LedgerChange change;
    std::string note;  // for the operator, when it has been written; may be empty
  };

  // Those whose primaries are to be asked now which slots they own: all if an owner is unknown or denies it, else those
  // with an open offer, and those that get or lose slots. They are asked again later, sooner if they answer.
  std::vector<ShardIndex> ShardsToAsk(const KnownSlots& known, int64_t now);
  // The shard's primary, which has this epoch, owns these slots. It says so since the last call of ShardsToAsk: nothing
  // of offers that were made later. `is_exporting(shard)`: a link to it is at work, which knows best what becomes of
  // its offer.
  using IsExporting = std::function<bool(const std::string& shard)>;
  std::optional<Conclusion> TakeAnswer(const KnownSlots& known, ShardIndex shard, uint64_t epoch, const SlotSet& owned,
                                       const IsExporting& is_exporting, int64_t now);
  // Likewise, of a shard that asks for slots again: it has forgotten offers of this epoch that it has not taken.
  std::optional<Conclusion> TakePull(const KnownSlots& known, const std::string& shard, const SlotSet& owned);
  // The slots that no shard owns, once all others have said so, and none of them can take any.
  std::optional<Conclusion> TakeUnclaimed(const KnownSlots& known) const;

  // What to do about keys of slots that have left. Slots that are to come back may begin to come after this look, and
  // not before: then it begins anew without them. So it does at another epoch: in between another primary may have led
  // the shard, and have brought keys to where this one had been already.
  enum class Erasure : uint8_t { kNothing, kBegin, kGoOn };
  Erasure NextErasure(const KnownSlots& known, int64_t now);
  const SlotSet& erasing() const { return erasing_; }
  // All their keys are gone.
  LedgerChange EndErasure();

 private:
  struct Answer {
    uint64_t epoch = 0;
    SlotSet owned;
  };
  // What has become of slots of the offer to the shard, which has left its epoch behind; none: that is still open.
  // `last` is whoever has answered last. At one epoch slots move to one shard only, that which the topology gives them
  // to: if it does not have them after none of the others had, nobody has them, whatever moved in between.
  std::optional<Conclusion> Settle(const KnownSlots& known, const std::string& shard, ShardIndex last) const;
  bool HasAnswered(const KnownSlots& known, const std::string& shard) const;
  // Whether a shard that is taken for the owner of a slot has said that it is not: another one has it since.
  bool IsAnyDenied(const KnownSlots& known) const;

  std::map<std::string, int64_t> next_question_ms_;     // by shard
  std::map<std::string, Answer> answers_;               // by shard: the last one
  std::map<std::string, SlotLedger::Offer> asked_for_;  // the offers that were open when others were asked last
  SlotSet erasing_;
  uint64_t erasing_at_ = 0;  // the epoch
  int64_t strays_since_ms_ = 0;
};

}  // namespace ringkv::cluster
