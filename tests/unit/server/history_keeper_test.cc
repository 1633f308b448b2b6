// SPDX-License-Identifier: MIT
// The file that names a replication history, on a disk that fails.
#include "server/replication/history_keeper.h"

#include <gtest/gtest.h>

#include <string>

#include "server/replication/history_file.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/seeded_chance.h"

namespace ringkv::server {
namespace {

const std::string kPrimaryId(40, 'a');

class HistoryKeeperTest : public testing::Test, public HistoryKeeper::DataSet {
 protected:
  std::string IdAfterPowerLoss() {
    disk_.Crash();
    HistoryKeeper keeper(disk_, chance_, *this);
    keeper.Load(false, 0);
    return keeper.id();
  }

  test::FaultyFileSystem disk_;
  test::SeededChance chance_{1};
  bool is_in_files_ = true;

 private:
  const storage::LogBuffer& log() override { return log_; }
  bool IsInFiles() const override { return is_in_files_; }
  storage::Status LockDirectory() override { return {}; }
  bool HasGivenEpochs() const override { return true; }
  void Warn(const std::string&) override {}

  storage::LogBuffer log_;
};

TEST_F(HistoryKeeperTest, AFileThatCannotBeReplacedDoesNotNameAnEarlierHistory) {
  HistoryKeeper keeper(disk_, chance_, *this);
  keeper.NoteShared();
  ASSERT_TRUE(keeper.Save());
  const std::string earlier = keeper.id();
  ASSERT_EQ(IdAfterPowerLoss(), earlier);
  keeper.Continue(kPrimaryId, 1, 5);
  disk_.FailFrom(0, 1);
  EXPECT_FALSE(keeper.Save());
  EXPECT_FALSE(keeper.IsNamed());
  EXPECT_NE(IdAfterPowerLoss(), earlier);
  EXPECT_TRUE(keeper.Save());
  EXPECT_TRUE(keeper.IsNamed());
  EXPECT_EQ(IdAfterPowerLoss(), kPrimaryId);
}

TEST_F(HistoryKeeperTest, ANewEpochOfTheSameHistoryIsInTheFileBeforeItCounts) {
  HistoryKeeper keeper(disk_, chance_, *this);
  keeper.Continue(kPrimaryId, 1, 5);
  ASSERT_TRUE(keeper.Save());
  ASSERT_TRUE(keeper.IsNamed());
  keeper.Continue(kPrimaryId, 2, 5);
  EXPECT_FALSE(keeper.IsNamed());
  ASSERT_TRUE(keeper.Save());
  HistoryKeeper restarted(disk_, chance_, *this);
  restarted.Load(false, 5);
  EXPECT_EQ(restarted.epoch(), 2u);
}

// A node that has lost its files begins anew, and may end again before it has what the others have.
TEST_F(HistoryKeeperTest, AHistoryThatANodeBeginsByItselfNamesNoDataOfBefore) {
  HistoryKeeper keeper(disk_, chance_, *this);
  keeper.NoteShared();
  ASSERT_TRUE(keeper.Save());
  EXPECT_FALSE(NamesHistory(disk_));
  keeper.RaiseEpoch(1);
  ASSERT_TRUE(keeper.Save());
  EXPECT_TRUE(NamesHistory(disk_));
}

TEST_F(HistoryKeeperTest, APromotionIsAwaitedUntilTheFileNamesIt) {
  HistoryKeeper keeper(disk_, chance_, *this);
  EXPECT_FALSE(keeper.awaits_name());
  keeper.Continue(kPrimaryId, 1, 5);
  ASSERT_TRUE(keeper.Save());
  EXPECT_FALSE(keeper.awaits_name());
  keeper.Fork();
  is_in_files_ = false;  // the data set that was loaded
  EXPECT_TRUE(keeper.Save());
  EXPECT_TRUE(keeper.awaits_name());
  is_in_files_ = true;
  disk_.FailFrom(0, 1);
  EXPECT_FALSE(keeper.Save());
  EXPECT_TRUE(keeper.awaits_name());
  EXPECT_TRUE(keeper.Save());
  EXPECT_FALSE(keeper.awaits_name());
  EXPECT_EQ(IdAfterPowerLoss(), keeper.id());
}

TEST_F(HistoryKeeperTest, ARemovalThatFailsIsToldAndCanBeRepeated) {
  HistoryKeeper keeper(disk_, chance_, *this);
  keeper.NoteShared();
  ASSERT_TRUE(keeper.Save());
  disk_.FailFrom(0, 1);
  EXPECT_FALSE(keeper.RemoveFile());
  EXPECT_EQ(IdAfterPowerLoss(), keeper.id());
  EXPECT_TRUE(keeper.RemoveFile());
  EXPECT_NE(IdAfterPowerLoss(), keeper.id());
}

}  // namespace
}  // namespace ringkv::server
