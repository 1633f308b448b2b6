// SPDX-License-Identifier: MIT
#include "cluster/migration/slot_ledger.h"

#include <gtest/gtest.h>

#include "cluster/checked_lines.h"
#include "tests/support/document.h"

namespace ringkv::cluster {
namespace {

SlotSet Slots(size_t first, size_t last) {
  SlotSet slots;
  for (size_t slot = first; slot <= last; ++slot) slots.set(slot);
  return slots;
}

SlotLedger Example() {
  SlotLedger ledger;
  ledger.Give(Slots(0, 4095) | Slots(8192, 8192), "s1");
  ledger.Give(Slots(4096, 8191) | Slots(8193, 16383), "s2");
  ledger.MakeOffer(Slots(100, 163), "s2", 4);
  ledger.AddStrays(Slots(4096, 4159));
  for (int i = 0; i < 17; ++i) ledger.Renew(4);
  return ledger;
}

TEST(SlotLedger, KnowsNoOwnersAtFirst) {
  EXPECT_EQ(SlotLedger().OwnerOf(7), "");
  EXPECT_TRUE(SlotLedger().OwnedBy("s1").none());
}

TEST(SlotLedger, GivesSlotsAway) {
  SlotLedger ledger = Example();
  ledger.Give(Slots(100, 163), "s2");
  EXPECT_EQ(ledger.OwnerOf(99), "s1");
  EXPECT_EQ(ledger.OwnerOf(100), "s2");
  EXPECT_EQ(ledger.OwnedBy("s1").count(), 4097u - 64);
}

TEST(SlotLedger, IsReadAsItWasPrinted) {
  const storage::Result<SlotLedger> read = SlotLedger::Parse(Example().Print());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->Print(), Example().Print());
  EXPECT_EQ(read->Offered(), Slots(100, 163));
  EXPECT_EQ(read->offers().at("s2").epoch, 4u);
  EXPECT_EQ(read->strays(), Slots(4096, 4159));
  EXPECT_EQ(SlotLedger::Parse(SlotLedger().Print())->Print(), SlotLedger().Print());
}

TEST(SlotLedger, ThatOfALaterPrimaryIsNewer) {
  const auto version = [](uint64_t epoch, int changes) {
    SlotLedger ledger;
    for (int i = 0; i < changes; ++i) ledger.Renew(epoch);
    return SlotLedger::Parse(ledger.Print())->version();
  };
  EXPECT_LT(version(3, 1), version(3, 2));
  EXPECT_LT(version(3, 9), version(4, 1));
  EXPECT_EQ(version(3, 2), version(3, 2));
  EXPECT_LT(SlotLedger().version(), version(1, 1));
}

TEST(SlotLedger, ThatOfTheFirstVersionIsReadAndIsOlderThanAnyOther) {
  const auto read = SlotLedger::Parse(WithChecksum("RingKV slots 1\nowner s1 0-9\noffer s2 4 3-5\nstray 20\n"));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->OwnedBy("s1"), Slots(0, 9));
  EXPECT_EQ(read->Offered(), Slots(3, 5));
  EXPECT_EQ(read->strays(), Slots(20, 20));
  EXPECT_EQ(read->version(), SlotLedger::Version());
}

TEST(SlotLedger, IsRefusedWithAnyByteChanged) {
  const std::string text = Example().Print();
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(SlotLedger::Parse(damaged)) << at;
    EXPECT_FALSE(SlotLedger::Parse(text.substr(0, at))) << at;
  }
}

TEST(SlotLedger, TheExampleOfTheDocumentIsReadable) {
  const std::string text = test::ReadText(RINGKV_SOURCE "/docs/formats/slots.md");
  const size_t start = text.find("```\n") + 4;
  EXPECT_EQ(text.substr(start, text.find("```", start) - start), Example().Print());
}

TEST(SlotLedger, ListsTheSlotsToMove) {
  const auto topology = Topology::Parse(
      "epoch 2\nshard s2 slots 0-99 4096-16383\nshard s1 slots 100-4095\n"
      "node a shard s2 host h port 1 role primary\nnode b shard s1 host h port 2 role primary\n");
  ASSERT_TRUE(topology) << topology.error().text;
  const std::vector<SlotMove> moves = MovesTo(*topology, Example().OwnersIn(*topology));
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].from, 1);
  EXPECT_EQ(moves[0].to, 0);
  EXPECT_EQ(moves[0].slots, Slots(0, 99) | Slots(8192, 8192));
  const std::vector<SlotMove> from_nobody = MovesTo(*topology, SlotLedger().OwnersIn(*topology));
  ASSERT_EQ(from_nobody.size(), 2u);
  EXPECT_EQ(from_nobody[0].from, kNoShard);
}

}  // namespace
}  // namespace ringkv::cluster
