// SPDX-License-Identifier: MIT
// In which order a change of the ledger reaches the file, the shard's log and a majority, and which ledger a node acts
// by when its role changes.
#include "cluster/migration/kept_ledger.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::Lsn;
using storage::Status;

SlotSet Slots(size_t first, size_t last) {
  SlotSet slots;
  for (size_t slot = first; slot <= last; ++slot) slots.set(slot);
  return slots;
}

LedgerChange Taking(size_t first, size_t last) {
  return [=](SlotLedger& ledger) { ledger.TakeOver(Slots(first, last), "a"); };
}

SlotLedger Owning(size_t first, size_t last, uint64_t epoch = 0) {
  SlotLedger ledger;
  Taking(first, last)(ledger);
  if (epoch != 0) ledger.Renew(epoch);
  return ledger;
}

// Which slots of a are known where.
std::string OwnedIn(const std::optional<SlotLedger>& ledger) {
  return ledger ? PrintRanges(RangesIn(ledger->OwnedBy("a"))) : "none";
}

// A node of shard a.
class KeptLedgerTest : public testing::Test, private LedgerKeeper {
 protected:
  Status Write(const SlotLedger& ledger) override {
    if (!can_write_) return Fail("the disk is full");
    steps_.push_back("write " + OwnedIn(ledger));
    file_ = ledger;
    return {};
  }
  std::optional<Lsn> Append(const SlotLedger& ledger, std::optional<uint64_t> flushes) override {
    if (!is_primary_ || (flushes && *flushes != flushes_)) return std::nullopt;
    steps_.push_back("append " + OwnedIn(ledger));
    data_ = ledger;
    return ++last_;
  }
  Lsn appended() override { return last_; }
  bool IsSafe(Lsn last) override { return last <= safe_; }
  void Show(const SlotLedger& ledger) override {
    steps_.push_back("show " + OwnedIn(ledger));
    shown_ = ledger;
  }
  std::vector<std::string> TakeSteps() { return std::exchange(steps_, {}); }

  KeptLedger kept_{*this};
  std::optional<SlotLedger> file_;
  std::optional<SlotLedger> data_;
  std::optional<SlotLedger> shown_;
  bool can_write_ = true;
  bool is_primary_ = true;
  uint64_t flushes_ = 0;
  Lsn last_ = 0;
  Lsn safe_ = UINT64_MAX;
  std::vector<std::string> steps_;
};

using Steps = std::vector<std::string>;

TEST_F(KeptLedgerTest, AChangeIsInTheFileAndInTheLogBeforeTheNodeActsByIt) {
  EXPECT_TRUE(kept_.Lead(3, std::nullopt));
  TakeSteps();
  EXPECT_TRUE(kept_.Change(3, Taking(1, 5), std::nullopt));
  EXPECT_EQ(TakeSteps(), (Steps{"write 1-5", "append 1-5", "show 1-5"}));
}

TEST_F(KeptLedgerTest, AChangeIsShownWhenAMajorityHasIt) {
  EXPECT_TRUE(kept_.Lead(3, std::nullopt));
  safe_ = last_;
  EXPECT_TRUE(kept_.Change(3, Taking(1, 5), std::nullopt));
  EXPECT_FALSE(kept_.Settle());
  EXPECT_FALSE(kept_.is_safe());
  EXPECT_EQ(OwnedIn(shown_), "");
  EXPECT_TRUE(kept_.Change(3, Taking(7, 7), std::nullopt));
  safe_ = last_ - 1;
  EXPECT_FALSE(kept_.Settle());
  safe_ = last_;
  EXPECT_TRUE(kept_.Settle());
  EXPECT_TRUE(kept_.is_safe());
  EXPECT_EQ(OwnedIn(shown_), "1-5 7");
}

TEST_F(KeptLedgerTest, NothingHasChangedAfterAnError) {
  EXPECT_TRUE(kept_.Lead(3, std::nullopt));
  TakeSteps();
  can_write_ = false;
  EXPECT_FALSE(kept_.Change(3, Taking(1, 5), std::nullopt));
  EXPECT_EQ(TakeSteps(), Steps{});
  can_write_ = true;
  flushes_ = 2;
  EXPECT_FALSE(kept_.Change(3, Taking(1, 5), 1));
  EXPECT_EQ(TakeSteps(), (Steps{"write 1-5", "write "}));
  EXPECT_TRUE(kept_.Change(3, Taking(1, 5), 2));
  EXPECT_EQ(OwnedIn(shown_), "1-5");
}

TEST_F(KeptLedgerTest, ANodeThatIsThePrimaryNoMoreDoesNotLead) {
  is_primary_ = false;
  EXPECT_FALSE(kept_.Lead(1, std::nullopt));
  EXPECT_FALSE(kept_.leads());
  EXPECT_FALSE(kept_.Settle());
  EXPECT_EQ(shown_, std::nullopt);
  is_primary_ = true;
  EXPECT_TRUE(kept_.Lead(2, std::nullopt));
  EXPECT_TRUE(kept_.leads());
}

TEST_F(KeptLedgerTest, TheLedgerOfAnOlderVersionGetsIntoTheData) {
  kept_.Open(Owning(0, 9));
  EXPECT_TRUE(kept_.Lead(3, std::nullopt));
  EXPECT_EQ(TakeSteps(), (Steps{"write 0-9", "append 0-9", "show 0-9"}));
}

TEST_F(KeptLedgerTest, AfterARestartThePrimaryGoesOnWithoutAGroup) {
  const SlotLedger before = Owning(0, 9, 3);
  kept_.Open(before);
  EXPECT_TRUE(kept_.Lead(3, before));
  EXPECT_EQ(TakeSteps(), (Steps{"show 0-9"}));
  EXPECT_TRUE(kept_.is_safe());
}

TEST_F(KeptLedgerTest, TheNewerOneOfFileAndDataCounts) {
  SlotLedger older = Owning(0, 9, 3);
  SlotLedger newer = older;
  Taking(20, 29)(newer);
  newer.Renew(3);
  kept_.Open(older);
  EXPECT_TRUE(kept_.Lead(3, newer));  // the file was written before the last word of the primary came
  EXPECT_EQ(TakeSteps(), (Steps{"write 0-9 20-29", "show 0-9 20-29"}));
  kept_.Open(newer);
  EXPECT_TRUE(kept_.Lead(3, older));  // the log had not been synced, or there is none
  EXPECT_EQ(TakeSteps(), (Steps{"append 0-9 20-29", "show 0-9 20-29"}));
}

TEST_F(KeptLedgerTest, APromotedReplicaActsByWhatItsPrimaryHasWritten) {
  kept_.Open(Owning(0, 9));
  EXPECT_TRUE(kept_.Follow(Owning(0, 9, 3)));
  SlotLedger last = Owning(0, 4, 3);
  last.Renew(3);
  kept_.Await();
  EXPECT_FALSE(kept_.Settle());
  safe_ = 0;
  EXPECT_TRUE(kept_.Lead(4, last));
  EXPECT_EQ(OwnedIn(shown_), "0-4");
  EXPECT_FALSE(kept_.is_safe()) << "no other shard is told before a majority has it";
  safe_ = last_;
  EXPECT_TRUE(kept_.Settle());
}

// It has written more, of which nobody has heard, and follows the new primary.
TEST_F(KeptLedgerTest, WhatAnOldPrimaryHasWrittenAloneIsOlder) {
  SlotLedger alone = Owning(0, 9, 3);
  for (int i = 0; i < 5; ++i) alone.Renew(3);
  const SlotLedger of_shard = Owning(0, 4, 4);
  kept_.Open(alone);
  EXPECT_TRUE(kept_.Follow(of_shard));
  EXPECT_EQ(OwnedIn(shown_), "0-4");
  kept_.Open(alone);  // it was killed before its file was written
  EXPECT_TRUE(kept_.Lead(5, of_shard));
  EXPECT_EQ(OwnedIn(shown_), "0-4");
}

TEST_F(KeptLedgerTest, AReplicaOfAPrimaryWithoutOneGoesByWhatItHears) {
  kept_.Open(Owning(0, 9));
  safe_ = 0;
  EXPECT_TRUE(kept_.Change(3, Taking(20, 29), std::nullopt));
  EXPECT_EQ(OwnedIn(shown_), "0-9 20-29");
  EXPECT_EQ(file_->version(), SlotLedger::Version()) << "that of its primary will count";
}

}  // namespace
}  // namespace ringkv::cluster
