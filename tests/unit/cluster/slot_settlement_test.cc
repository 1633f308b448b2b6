// SPDX-License-Identifier: MIT
// What a node concludes from what others say of their slots.
#include "cluster/migration/slot_settlement.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace ringkv::cluster {
namespace {

// The node is the primary of shard a. The topology gives slots 0 to 9 to a, 10 to 19 to b, the rest to c.
class SlotSettlementTest : public testing::Test {
 protected:
  SlotSettlementTest() { Become(5, "0-9", "10-19", "20-16383"); }

  void Become(uint64_t epoch, const std::string& a, const std::string& b, const std::string& c) {
    std::string text = "epoch " + std::to_string(epoch) + "\n";
    int port = 0;
    for (const auto& [name, slots] : {std::pair{"a", a}, {"b", b}, {"c", c}}) {
      const std::string shard(name);
      text += "shard " + shard + " weight 1 slots " + slots + "\n";
      text += "node n" + shard + " shard " + shard + " host h port " + std::to_string(++port) + " role primary\n";
    }
    topology_ = *Topology::Parse(text);
    slots_ = ledger_.OwnersIn(topology_);
  }
  void Own(const std::string& shard, size_t first, size_t last) {
    ledger_.Give(Slots(first, last), shard);
    slots_ = ledger_.OwnersIn(topology_);
  }
  static SlotSet Slots(size_t first, size_t last) {
    SlotSet slots;
    for (size_t slot = first; slot <= last; ++slot) slots.set(slot);
    return slots;
  }
  KnownSlots known() const { return {topology_, here_, slots_, ledger_}; }
  void Write(const std::optional<SlotSettlement::Conclusion>& conclusion) {
    if (conclusion) conclusion->change(ledger_);
    slots_ = ledger_.OwnersIn(topology_);
  }
  // The shard, which has this epoch, is asked, and says that it owns these slots.
  std::optional<SlotSettlement::Conclusion> Answer(ShardIndex shard, uint64_t epoch, const SlotSet& owned) {
    settlement_.ShardsToAsk(known(), 0);
    return settlement_.TakeAnswer(known(), shard, epoch, owned, nobody_, 0);
  }
  void AnswerNothing(ShardIndex shard, uint64_t epoch) { Write(Answer(shard, epoch, {})); }

  Topology topology_;
  ShardRole here_{.shard = 0, .is_primary = true};
  SlotLedger ledger_;
  SlotMap slots_;
  SlotSettlement settlement_;
  const SlotSettlement::IsExporting nobody_ = [](const std::string&) { return false; };
};

TEST_F(SlotSettlementTest, SlotsThatNobodyOwnsAreTakenWhenAllHaveSaidSo) {
  AnswerNothing(1, 5);
  EXPECT_FALSE(settlement_.TakeUnclaimed(known()));
  AnswerNothing(2, 5);
  Write(settlement_.TakeUnclaimed(known()));
  EXPECT_EQ(ledger_.OwnedBy("a"), Slots(0, 9));
}

TEST_F(SlotSettlementTest, WhatAnotherShardOwnsIsNotUnclaimedWhereTheLedgerCouldNotBeWritten) {
  EXPECT_TRUE(settlement_.TakeAnswer(known(), 1, 5, Slots(0, 4), nobody_, 0));
  AnswerNothing(2, 5);
  Write(settlement_.TakeUnclaimed(known()));
  EXPECT_EQ(ledger_.OwnedBy("a"), Slots(5, 9));
}

TEST_F(SlotSettlementTest, OfAnotherEpochAShardMayTakeSlotsAfterItsAnswer) {
  for (const uint64_t epoch : {4, 6}) {
    AnswerNothing(1, 5);
    AnswerNothing(2, epoch);
    EXPECT_FALSE(settlement_.TakeUnclaimed(known())) << epoch;
  }
}

TEST_F(SlotSettlementTest, WhatWasOfferedGoesToNobodyElse) {
  Own("a", 0, 19);
  Own("b", 20, 29);
  Own("c", 30, storage::kSlots - 1);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  EXPECT_EQ(known().MovableTo(1), SlotSet()) << "until it is known what became of the first ones";
  // Another topology, which b may not know yet.
  Become(6, "0-9", "20-29", "10-19 30-16383");
  EXPECT_EQ(known().MovableTo(2), Slots(15, 19));
  EXPECT_EQ(known().MovableTo(kNoShard), SlotSet());
}

TEST_F(SlotSettlementTest, WhileALinkIsAtWorkItKnowsBest) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  const auto b = [](const std::string& shard) { return shard == "b"; };
  settlement_.ShardsToAsk(known(), 0);
  EXPECT_FALSE(settlement_.TakeAnswer(known(), 1, 5, Slots(10, 14), b, 0));
}

TEST_F(SlotSettlementTest, AnAnswerSaysNothingOfOffersThatWereMadeAfterTheQuestion) {
  Own("a", 0, 19);
  settlement_.ShardsToAsk(known(), 0);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  // It owned them then, before this shard did.
  EXPECT_FALSE(settlement_.TakeAnswer(known(), 1, 5, Slots(10, 14), nobody_, 0));
  EXPECT_TRUE(Answer(1, 5, Slots(10, 14)));
}

TEST_F(SlotSettlementTest, AConclusionChangesTheLedgerThatItWasDrawnFrom) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  const auto conclusion = Answer(1, 5, Slots(10, 14));
  ASSERT_TRUE(conclusion);
  // The offer was ended meanwhile, which is not shown yet.
  SlotLedger newer = ledger_;
  newer.EndOffer("b");
  newer.Renew(5);
  conclusion->change(newer);
  EXPECT_EQ(newer.OwnedBy("a"), Slots(0, 19));
  conclusion->change(ledger_);
  EXPECT_EQ(ledger_.OwnedBy("b"), Slots(10, 14));
}

TEST_F(SlotSettlementTest, AnOfferIsOverWhenItsReceiverHasLeftTheEpochBehindAndNobodyElseHasTheSlots) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  Become(6, "0-9", "10-19", "20-16383");
  AnswerNothing(2, 6);
  EXPECT_FALSE(Answer(1, 5, {})) << "it may still take them";
  AnswerNothing(1, 6);
  EXPECT_TRUE(ledger_.offers().empty());
  EXPECT_EQ(ledger_.OwnedBy("a"), Slots(0, 19));
}

TEST_F(SlotSettlementTest, WhatTheReceiverHasHandedOnIsNotTakenBack) {
  Own("a", 0, 19);
  Own("c", 20, storage::kSlots - 1);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  // b has taken slots 10 to 14, and given 12 to 14 to c.
  Become(6, "0-9", "10-11 15-19", "12-14 20-16383");
  Write(Answer(1, 6, Slots(10, 11)));
  EXPECT_EQ(ledger_.Offered(), Slots(10, 14));
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 5000), (std::vector<ShardIndex>{1, 2}));
  Write(settlement_.TakeAnswer(known(), 2, 6, Slots(12, 14) | Slots(20, storage::kSlots - 1), nobody_, 0));
  EXPECT_EQ(ledger_.Offered(), Slots(10, 11)) << "b has answered before c";
  Write(Answer(1, 6, Slots(10, 11)));
  EXPECT_TRUE(ledger_.offers().empty());
  EXPECT_EQ(ledger_.OwnedBy("a"), Slots(0, 9) | Slots(15, 19));
  EXPECT_EQ(ledger_.OwnedBy("b"), Slots(10, 11));
  EXPECT_EQ(ledger_.OwnerOf(13), "c");
  EXPECT_EQ(ledger_.strays(), Slots(10, 14));
}

// Between two answers slots may go from whoever is asked later to whoever was asked before.
TEST_F(SlotSettlementTest, WhoeverIsToGetTheSlotsIsAskedAfterAllOthers) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  // c has them since, and is giving them back.
  Become(6, "0-9", "10-19", "20-16383");
  AnswerNothing(1, 6);
  AnswerNothing(2, 6);
  EXPECT_EQ(ledger_.Offered(), Slots(10, 14)) << "b may have got them after its answer";
  Write(Answer(1, 6, Slots(10, 14)));
  EXPECT_TRUE(ledger_.offers().empty());
  EXPECT_EQ(ledger_.OwnedBy("b"), Slots(10, 14));
}

TEST_F(SlotSettlementTest, WhatTheReceiverOwnsHasBeenTaken) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  Write(Answer(1, 5, Slots(10, 14)));
  EXPECT_TRUE(ledger_.offers().empty());
  EXPECT_EQ(ledger_.OwnedBy("b"), Slots(10, 14));
  EXPECT_EQ(ledger_.strays(), Slots(10, 14));
}

TEST_F(SlotSettlementTest, APullEndsAnEarlierOffer) {
  Own("a", 0, 19);
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  Write(settlement_.TakePull(known(), "b", Slots(12, 14)));
  EXPECT_TRUE(ledger_.offers().empty());
  EXPECT_EQ(ledger_.OwnedBy("b"), Slots(12, 14));
}

TEST_F(SlotSettlementTest, AnOfferIsTakenBackOnlyAsItWasMade) {
  ledger_.MakeOffer(Slots(10, 14), "b", 5);
  EXPECT_TRUE(ledger_.IsOffered(Slots(10, 14), "b"));
  EXPECT_FALSE(ledger_.IsOffered({}, "b"));
  EXPECT_FALSE(ledger_.IsOffered(Slots(10, 14), "c"));
}

TEST_F(SlotSettlementTest, KeysOfSlotsThatComeBackAreErasedNoMore) {
  using Erasure = SlotSettlement::Erasure;
  Own("a", 0, 9);
  Own("b", 10, 19);
  ledger_.AddStrays(Slots(10, 19));
  EXPECT_EQ(settlement_.NextErasure(known(), 1000), Erasure::kNothing) << "others may not know yet that they have left";
  EXPECT_EQ(settlement_.NextErasure(known(), 3000), Erasure::kBegin);
  EXPECT_EQ(settlement_.NextErasure(known(), 3020), Erasure::kGoOn);
  Become(6, "0-14", "15-19", "20-16383");
  EXPECT_EQ(settlement_.NextErasure(known(), 3040), Erasure::kBegin);
  EXPECT_EQ(settlement_.erasing(), Slots(15, 19));
  settlement_.EndErasure()(ledger_);
  EXPECT_EQ(ledger_.strays(), Slots(10, 14)) << "what comes is a stray until it is here";
}

// In between another primary may have led the shard, and taken and handed over the slots.
TEST_F(SlotSettlementTest, AnErasureBeginsAnewAtAnotherEpoch) {
  using Erasure = SlotSettlement::Erasure;
  Own("a", 0, 9);
  Own("b", 10, 19);
  ledger_.AddStrays(Slots(10, 19));
  EXPECT_EQ(settlement_.NextErasure(known(), 1000), Erasure::kNothing);
  EXPECT_EQ(settlement_.NextErasure(known(), 3000), Erasure::kBegin);
  Become(7, "0-9", "10-19", "20-16383");
  EXPECT_EQ(settlement_.NextErasure(known(), 3040), Erasure::kBegin);
  EXPECT_EQ(settlement_.NextErasure(known(), 3060), Erasure::kGoOn);
}

TEST_F(SlotSettlementTest, AsksThoseWhoMayKnow) {
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 0), (std::vector<ShardIndex>{1, 2})) << "no owner is known";
  EXPECT_TRUE(settlement_.ShardsToAsk(known(), 10).empty());
  Own("a", 0, 19);
  Own("b", 20, 20);
  Own("c", 21, storage::kSlots - 1);
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 5000), (std::vector<ShardIndex>{1, 2})) << "both have new slots";
  Own("c", 20, storage::kSlots - 1);
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 9000), (std::vector<ShardIndex>{1})) << "it gets those of this node";
}

TEST_F(SlotSettlementTest, WhoeverIsTakenForAnOwnerAndDeniesItMakesAllBeAsked) {
  // Slot 9 is to come from b, as far as this node knows; c has got it in an epoch that this node has not seen.
  Own("a", 0, 8);
  Own("b", 9, 19);
  Own("c", 20, storage::kSlots - 1);
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 1000), (std::vector<ShardIndex>{1}));
  Write(settlement_.TakeAnswer(known(), 1, 5, Slots(10, 19), nobody_, 1000));
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 2000), (std::vector<ShardIndex>{1, 2}));
  Write(settlement_.TakeAnswer(known(), 2, 5, Slots(9, 9) | Slots(20, storage::kSlots - 1), nobody_, 2000));
  EXPECT_EQ(ledger_.OwnerOf(9), "c");
  EXPECT_EQ(settlement_.ShardsToAsk(known(), 5000), (std::vector<ShardIndex>{2}));
}

}  // namespace
}  // namespace ringkv::cluster
