// SPDX-License-Identifier: MIT
// Which topology may follow another, and what a node does then in which order.
#include "cluster/migration/topology_change.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

Topology TopologyOf(const std::string& text) {
  storage::Result<Topology> topology = Topology::Parse(text);
  EXPECT_TRUE(topology) << topology.error().text;
  return *topology;
}

const std::string kTwoShards =
    "shard a\nshard b\n"
    "node a1 shard a host h port 1 role primary\nnode a2 shard a host h port 2 role replica\n"
    "node b1 shard b host h port 3 role primary\nnode b2 shard b host i port 3 role replica\n";

SlotLedger LedgerOf(const Topology& topology) {
  SlotLedger ledger;
  for (const Shard& shard : topology.shards()) {
    ledger.Give(topology.slots().SlotsOf(topology.FindShard(shard.name)), shard.name);
  }
  return ledger;
}

class NotingTaker final : public PlaceTaker {
 public:
  void RaiseEpoch(uint64_t epoch) override { steps_.push_back("epoch " + std::to_string(epoch)); }
  void BeginMoves() override { steps_.emplace_back("moves"); }
  void Lead() override { steps_.emplace_back("lead"); }
  void Follow(const Node& primary) override { steps_.push_back("follow " + primary.id); }

  std::vector<std::string> steps_;
};

std::string WhyNot(const Topology& now, const SlotLedger& ledger, const std::string& text, const std::string& id) {
  const Topology next = TopologyOf(text);
  const std::string shard = now.shards()[now.FindNode(id)->shard].name;
  const storage::Status may = CheckNext({now, shard, ledger}, next, id);
  return may ? "" : may.error().text;
}

TEST(TopologyChangeTest, ANodeIsFoundByItsNameOrItsPort) {
  const Topology topology = TopologyOf("epoch 1\n" + kTwoShards);
  EXPECT_EQ(*FindOwnId(topology, "a2", 9), "a2");
  EXPECT_EQ(*FindOwnId(topology, topology.FindNode("b1")->public_id, 9), "b1");
  EXPECT_EQ(*FindOwnId(topology, "", 2), "a2");
  EXPECT_EQ(FindOwnId(topology, "x", 2).error().text, "has no node 'x' (cluster-node-id)");
  EXPECT_TRUE(FindOwnId(topology, "", 3).error().text.starts_with("has several nodes with this port"));
  EXPECT_TRUE(FindOwnId(topology, "", 9).error().text.starts_with("has no node with this port"));
}

TEST(TopologyChangeTest, ANextOneHasAHigherEpochTheSameShardAndLosesNoSlots) {
  const Topology now = TopologyOf("epoch 4\n" + kTwoShards);
  const SlotLedger ledger = LedgerOf(now);
  EXPECT_EQ(WhyNot(now, ledger, "epoch 5\n" + kTwoShards, "a1"), "");
  for (const std::string epoch : {"3", "4"}) {
    EXPECT_EQ(WhyNot(now, ledger, "epoch " + epoch + "\n" + kTwoShards, "a1"),
              "its epoch is " + epoch + ", and this node is at 4: a change needs a higher one");
  }
  const std::string exchanged =
      "epoch 5\nshard a\nshard b\nnode b1 shard a host h port 3 role primary\nnode a1 shard b host h port 1 role "
      "primary\n";
  EXPECT_TRUE(WhyNot(now, ledger, exchanged, "a1").starts_with("it puts this node into another shard"));
  const std::string without_b = "epoch 5\nshard a\nnode a1 shard a host h port 1 role primary\n";
  EXPECT_TRUE(WhyNot(now, ledger, without_b, "a1").starts_with("shard 'b' isn't in it and owns "));
  SlotLedger moved = ledger;
  moved.Give(ledger.OwnedBy("b"), "a");
  EXPECT_EQ(WhyNot(now, moved, without_b, "a1"), "");
}

// The other shard alone knows whether it has taken them.
TEST(TopologyChangeTest, NoShardVanishesThatWasOfferedSlots) {
  const Topology now = TopologyOf("epoch 4\n" + kTwoShards);
  SlotLedger ledger;
  ledger.Give(~SlotSet(), "a");
  const std::string without_b = "epoch 5\nshard a\nnode a1 shard a host h port 1 role primary\n";
  ledger.MakeOffer(SlotSet().set(7), "b", 4);
  EXPECT_TRUE(WhyNot(now, ledger, without_b, "a1").starts_with("shard 'b' isn't in it and was offered slots"));
  ledger.EndOffer("b");
  EXPECT_EQ(WhyNot(now, ledger, without_b, "a1"), "");
}

// Whatever topologies come in whatever order, the epoch only grows, no node changes its shard, and no shard vanishes
// that owns slots.
TEST(TopologyChangeTest, NoOrderOfTopologiesTakesANodeBack) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    storage::Random random(seed);
    Topology now = TopologyOf("epoch 1\n" + kTwoShards);
    SlotLedger ledger = LedgerOf(now);
    for (int step = 0; step < 30; ++step) {
      std::string text = "epoch " + std::to_string(1 + random.Below(20)) + "\nshard a\n";
      const bool has_b = random.Below(3) != 0;
      const bool leads = random.Below(2) == 0;
      const std::string others_role = leads ? "replica" : "primary";
      const std::string shard = has_b && random.Below(4) == 0 ? "b" : "a";
      if (has_b) text += "shard b\nnode b1 shard b host h port 3 role primary\n";
      text += "node a2 shard a host h port 2 role " + (shard == "a" ? others_role : "primary") + "\n";
      const std::string own_role = leads && shard == "a" ? "primary" : "replica";
      text += "node a1 shard " + shard + " host h port 1 role " + own_role + "\n";
      const Topology next = TopologyOf(text);
      if (random.Below(3) == 0) ledger.Give(ledger.OwnedBy("b"), "a");  // they have moved
      const storage::Status may = CheckNext({now, "a", ledger}, next, "a1");
      const bool keeps_slots = next.FindShard("b") != kNoShard || ledger.OwnedBy("b").none();
      EXPECT_EQ(may.has_value(), next.epoch() > now.epoch() && shard == "a" && keeps_slots) << "seed " << seed;
      if (may) now = next;
    }
  }
}

TEST(TopologyChangeTest, TheEpochIsRaisedBeforeTheRoleChanges) {
  const Topology topology = TopologyOf("epoch 4\n" + kTwoShards);
  NotingTaker primary;
  TakePlace(topology, "b1", primary);
  EXPECT_EQ(primary.steps_, (std::vector<std::string>{"epoch 4", "moves", "lead"}));
  NotingTaker replica;
  TakePlace(topology, "b2", replica);
  EXPECT_EQ(replica.steps_, (std::vector<std::string>{"epoch 4", "moves", "follow b1"}));
}

}  // namespace
}  // namespace ringkv::cluster
