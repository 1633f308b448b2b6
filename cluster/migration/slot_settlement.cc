// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_settlement.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {
namespace {

constexpr int64_t kAskEveryMs = 200;
constexpr int64_t kAskAgainMs = 1000;  // retry of an unreachable shard
// Others may need so long to learn that slots have moved; until then their clients may be sent here for a look.
constexpr int64_t kKeepStraysMs = 2000;

// By shard: whether it is to get or to lose slots.
std::vector<bool> FindMoving(const KnownSlots& known) {
  std::vector<bool> moving(known.topology.shards().size());
  for (const SlotMove& move : MovesTo(known.topology, known.slots)) {
    for (const ShardIndex shard : {move.from, move.to}) {
      if (shard != kNoShard) moving[shard] = true;
    }
  }
  return moving;
}

SlotSettlement::Conclusion Conclude(const KnownSlots& known, LedgerChange change, std::string note) {
  return {[version = known.ledger.version(), change = std::move(change)](SlotLedger& ledger) {
            if (ledger.version() == version) change(ledger);
          },
          std::move(note)};
}

}  // namespace

bool KnownSlots::IsSettled() const {
  return slots == topology.slots() && ledger.offers().empty() && ledger.strays().none();
}

SlotSet KnownSlots::MovableTo(ShardIndex to) const {
  // One offer to a shard is open at a time.
  if (to == kNoShard || ledger.offers().contains(NameOf(to))) return {};
  return slots.SlotsOf(here.shard) & topology.slots().SlotsOf(to) & ~ledger.Offered();
}

SlotSet KnownSlots::BatchFor(ShardIndex to, size_t most, bool keeps_one) const {
  SlotSet batch = MovableTo(to);
  if (keeps_one && topology.slots().CountOf(here.shard) == 0) {
    const size_t first = slots.SlotsOf(here.shard)._Find_first();
    if (first < batch.size()) batch.reset(first);
  }
  size_t left = most;
  for (const SlotRange& range : RangesIn(batch)) {
    if (range.size() > left) return batch & ~(~SlotSet() << (range.first + left));
    left -= range.size();
  }
  return batch;
}

// --- what others know -----------------------------------------------------------------------------------------------

bool SlotSettlement::IsAnyDenied(const KnownSlots& known) const {
  return std::any_of(answers_.begin(), answers_.end(), [&](const auto& each) {
    const ShardIndex shard = known.topology.FindShard(each.first);
    if (shard == kNoShard || shard == known.here.shard) return false;
    return (known.slots.SlotsOf(shard) & ~each.second.owned).any();
  });
}

std::vector<ShardIndex> SlotSettlement::ShardsToAsk(const KnownSlots& known, int64_t now) {
  const bool is_open = std::any_of(known.ledger.offers().begin(), known.ledger.offers().end(), [&](const auto& each) {
    return each.second.epoch < known.topology.epoch() && HasAnswered(known, each.first);
  });
  const bool asks_all = is_open || known.slots.SlotsOf(kNoShard).any() || IsAnyDenied(known);
  const std::vector<bool> moving = FindMoving(known);
  asked_for_ = known.ledger.offers();
  std::vector<ShardIndex> asked;
  for (ShardIndex shard = 0; shard < known.topology.shards().size(); ++shard) {
    if (shard == known.here.shard && known.here.is_primary) continue;
    // It is the one to know, or anybody may.
    const bool is_asked = asks_all || known.ledger.offers().contains(known.NameOf(shard)) || moving[shard];
    int64_t& next = next_question_ms_[known.NameOf(shard)];
    if (!is_asked || now < next) continue;
    next = now + kAskAgainMs;
    asked.push_back(shard);
  }
  return asked;
}

std::optional<SlotSettlement::Conclusion> SlotSettlement::TakeAnswer(const KnownSlots& known, ShardIndex shard,
                                                                     uint64_t epoch, const SlotSet& owned,
                                                                     const IsExporting& is_exporting, int64_t now) {
  const std::string& name = known.NameOf(shard);
  next_question_ms_[name] = now + kAskEveryMs;
  answers_[name] = {epoch, owned};
  for (const auto& [receiver, offer] : known.ledger.offers()) {
    const auto asked = asked_for_.find(receiver);
    if (asked == asked_for_.end() || asked->second != offer) continue;
    if (offer.epoch == known.topology.epoch() && is_exporting(receiver)) continue;
    if (receiver == name && (offer.slots & ~owned).none()) {
      return Conclude(
          known, [slots = offer.slots, name](SlotLedger& ledger) { ledger.GiveAway(slots, name); },
          "shard '" + name + "' took the slots that were offered to it");
    }
    if (std::optional<Conclusion> settled = Settle(known, receiver, shard)) return settled;
  }
  // Slots that the other shard has taken over since. About its own slots this node knows best.
  const SlotSet news = owned & ~known.slots.SlotsOf(shard) &
                       (known.here.is_primary ? ~known.slots.SlotsOf(known.here.shard) : SlotSet().set());
  if (news.none()) return std::nullopt;
  return Conclude(
      known, [news, name](SlotLedger& ledger) { ledger.Give(news, name); }, "");
}

std::optional<SlotSettlement::Conclusion> SlotSettlement::TakePull(const KnownSlots& known, const std::string& shard,
                                                                   const SlotSet& owned) {
  const auto offer = known.ledger.offers().find(shard);
  if (offer == known.ledger.offers().end()) return std::nullopt;
  const SlotSet taken = offer->second.slots & owned;
  // At this epoch nobody but the shard is given these slots.
  if (offer->second.epoch == known.topology.epoch()) {
    return Conclude(
        known, [taken, shard](SlotLedger& ledger) { ledger.GiveAway(taken, shard); },
        "shard '" + shard + "' " + (taken.any() ? "took" : "did not take") + " the slots that were offered to it");
  }
  answers_[shard] = {known.topology.epoch(), owned};
  return Settle(known, shard, known.topology.FindShard(shard));
}

std::optional<SlotSettlement::Conclusion> SlotSettlement::Settle(const KnownSlots& known, const std::string& shard,
                                                                 ShardIndex last) const {
  const SlotLedger::Offer& offer = known.ledger.offers().at(shard);
  const SlotMap& targets = known.topology.slots();
  const SlotSet slots = offer.slots & (targets.SlotsOf(last) | targets.SlotsOf(known.here.shard));
  // The receiver takes up nothing of an epoch that it has left behind.
  if (offer.epoch >= known.topology.epoch() || slots.none()) return std::nullopt;
  std::vector<std::pair<std::string, SlotSet>> owners;
  for (const Shard& other : known.topology.shards()) {
    if (other.name == known.NameOf(known.here.shard)) continue;
    if (!HasAnswered(known, other.name)) return std::nullopt;
    owners.emplace_back(other.name, slots & answers_.at(other.name).owned);
  }
  // Who has answered last knows best.
  owners.emplace_back(known.NameOf(last), slots & answers_.at(known.NameOf(last)).owned);
  const bool is_given = std::any_of(owners.begin(), owners.end(), [](const auto& each) { return each.second.any(); });
  return Conclude(
      known,
      [owners, shard, epoch = offer.epoch, rest = offer.slots & ~slots](SlotLedger& ledger) {
        ledger.EndOffer(shard);
        if (rest.any()) ledger.MakeOffer(rest, shard, epoch);
        for (const auto& [owner, owned] : owners) {
          ledger.Give(owned, owner);
          ledger.AddStrays(owned);
        }
      },
      "shard '" + shard + "' " + (is_given ? "took" : "did not take") + " the slots that were offered to it");
}

bool SlotSettlement::HasAnswered(const KnownSlots& known, const std::string& shard) const {
  const auto answer = answers_.find(shard);
  // At an older epoch it may still take what the topology gave it then; at a newer one it may take what this node does
  // not know of.
  return answer != answers_.end() && answer->second.epoch == known.topology.epoch();
}

std::optional<SlotSettlement::Conclusion> SlotSettlement::TakeUnclaimed(const KnownSlots& known) const {
  SlotSet unclaimed = known.slots.SlotsOf(kNoShard) & known.topology.slots().SlotsOf(known.here.shard);
  if (unclaimed.none()) return std::nullopt;
  const std::string& own = known.NameOf(known.here.shard);
  for (const Shard& shard : known.topology.shards()) {
    if (shard.name == own) continue;
    if (!HasAnswered(known, shard.name)) return std::nullopt;
    unclaimed &= ~answers_.at(shard.name).owned;  // the ledger could not be written when it said so
  }
  if (unclaimed.none()) return std::nullopt;
  return Conclude(
      known, [unclaimed, own](SlotLedger& ledger) { ledger.Give(unclaimed, own); },
      "no other node owns slots " + PrintRanges(RangesIn(unclaimed)) + "; this node's shard takes them");
}

// --- what is left behind --------------------------------------------------------------------------------------------

SlotSettlement::Erasure SlotSettlement::NextErasure(const KnownSlots& known, int64_t now) {
  // An import erases incoming slots itself, before their keys arrive.
  const SlotSet strays = known.ledger.strays() & ~known.topology.slots().SlotsOf(known.here.shard) &
                         ~known.slots.SlotsOf(known.here.shard);
  const bool is_same_epoch = std::exchange(erasing_at_, known.topology.epoch()) == known.topology.epoch();
  if (!is_same_epoch || (erasing_ & ~strays).any()) erasing_.reset();
  if (erasing_.any()) return Erasure::kGoOn;
  if (strays.none()) {
    strays_since_ms_ = 0;
    return Erasure::kNothing;
  }
  if (strays_since_ms_ == 0) strays_since_ms_ = now;
  if (now - strays_since_ms_ < kKeepStraysMs) return Erasure::kNothing;
  erasing_ = strays;
  return Erasure::kBegin;
}

LedgerChange SlotSettlement::EndErasure() {
  strays_since_ms_ = 0;
  return [erased = std::exchange(erasing_, {})](SlotLedger& ledger) { ledger.RemoveStrays(erased); };
}

}  // namespace ringkv::cluster
