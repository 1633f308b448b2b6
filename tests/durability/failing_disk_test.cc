// SPDX-License-Identifier: MIT
// Whatever operation of the disk fails, nothing that was said to be safe is lost, and it heals.
#include <gtest/gtest.h>

#include "storage/durability/durability.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

constexpr int kWrites = 40;

// Writes numbered values, rolls the log, makes two snapshots. Returns how many values were said to be safe.
int WriteAndSnapshot(DurableStore& store) {
  int safe = 0;
  for (int i = 1; i <= kWrites; ++i) {
    store.Put("counter", std::to_string(i));
    store.Put("key:" + std::to_string(i), std::string(200, 'v'));
    if (store.log().Flush()) safe = i;
    if (i % 15 == 0) [[maybe_unused]]
      const auto ignored = store.Snapshot();
  }
  return safe;
}

int CounterIn(DurableStore& store) {
  const Model contents = store.Contents();
  const auto found = contents.find({0, "counter"});
  return found == contents.end() ? 0 : std::stoi(found->second.first);
}

void ExpectNothingSafeIsLost(FaultyFileSystem& disk, int safe, const std::string& what) {
  DurableStore again(disk);
  const auto recovered = again.Recover();
  ASSERT_TRUE(recovered) << what << ": " << recovered.error().text;
  const int counter = CounterIn(again);
  EXPECT_GE(counter, safe) << what;
  const Model contents = again.Contents();
  for (int i = 1; i <= safe; ++i) {
    ASSERT_TRUE(contents.count({0, "key:" + std::to_string(i)})) << what << ", key " << i;
  }
}

size_t OperationsOfACleanRun() {
  FaultyFileSystem disk;
  DurableStore store(disk, 4096);
  EXPECT_TRUE(store.log().Open());
  const size_t before = disk.operations();
  EXPECT_EQ(WriteAndSnapshot(store), kWrites);
  return disk.operations() - before;
}

// A file that names the history of the data set which was replaced, where it could not be removed at once.
TEST(FailingDisk, AReplacedDataSetLeavesNoNameOfItsHistoryBesideTheNewOne) {
  bool has_saved = false;
  for (size_t n = 0; !has_saved; ++n) {
    FaultyFileSystem disk;
    DurableStore store(disk);
    storage::Durability durability(store.store(), disk, store.clock(), {.data = kTestFiles, .has_threads = false});
    ASSERT_TRUE(durability.Open({}, false, [] { return storage::Status(); }));
    ASSERT_TRUE(ReplaceWhole(disk, kTestFiles.HistoryPath(), "of the old one"));
    ASSERT_TRUE(durability.BeginReplacement());
    store.Put("new", "1");
    durability.EndReplacement(0, false);
    const auto expect_no_mixture = [&] {
      EXPECT_FALSE(disk.Exists(kTestFiles.SnapshotPath()) && disk.Exists(kTestFiles.HistoryPath())) << n;
    };
    disk.FailFrom(n, 1);
    has_saved = durability.Save().has_value();
    disk.Heal();
    expect_no_mixture();
    EXPECT_TRUE(durability.Save());
    expect_no_mixture();
    disk.Crash();
    EXPECT_TRUE(disk.Exists(kTestFiles.SnapshotPath()));
    expect_no_mixture();
  }
}

// The old data set may have its only snapshot under the previous one's name: something failed between the two renames.
TEST(FailingDisk, AReplacedDataSetKeepsItsOnlySnapshotUntilTheNewOneIsInPlace) {
  for (const bool machine_crashes : {false, true}) {
    bool has_saved = false;
    for (size_t n = 0; !has_saved; ++n) {
      FaultyFileSystem disk;
      {
        DurableStore store(disk);
        storage::Durability durability(store.store(), disk, store.clock(), {.data = kTestFiles, .has_threads = false});
        ASSERT_TRUE(durability.Open({}, true, [] { return storage::Status(); }));
        store.Put("old", "1");
        ASSERT_TRUE(durability.Save());
        disk.set_on_operation([&](std::string_view operation, const std::string& path, size_t) {
          if (operation == "rename to" && path == kTestFiles.SnapshotPath()) disk.FailFrom(0, 1);
        });
        ASSERT_FALSE(durability.Save());
        disk.set_on_operation(nullptr);
        ASSERT_FALSE(disk.Exists(kTestFiles.SnapshotPath()));
        ASSERT_TRUE(durability.BeginReplacement());
        store.Put("new", "1");
        durability.EndReplacement(0, false);
        disk.KillFrom(n);
        has_saved = durability.Save().has_value();
        disk.KillFrom(0);
      }
      disk.Revive();
      if (machine_crashes) disk.Crash();
      DurableStore again(disk);
      const auto recovered = again.Recover({.read_only = true});
      ASSERT_TRUE(recovered) << n << ": " << recovered.error().text;
      EXPECT_TRUE(again.Contents().contains({0, "old"})) << "operation " << n;
      EXPECT_TRUE(!has_saved || again.Contents().contains({0, "new"}));
    }
  }
}

TEST(FailingDisk, OneDiskErrorAnywhereLosesNoDurableData) {
  const size_t operations = OperationsOfACleanRun();
  ASSERT_GT(operations, 100u);
  for (size_t n = 0; n < operations; ++n) {
    FaultyFileSystem disk;
    int safe = 0;
    {
      DurableStore store(disk, 4096);
      ASSERT_TRUE(store.log().Open());
      disk.FailFrom(n, 1);
      safe = WriteAndSnapshot(store);
      EXPECT_TRUE(store.log().Flush()) << "operation " << n;
      safe = kWrites;
    }
    disk.Crash();
    ExpectNothingSafeIsLost(disk, safe, "operation " + std::to_string(n));
  }
}

TEST(FailingDisk, FailuresThatLastLoseNothingThatWasSafe) {
  const size_t operations = OperationsOfACleanRun();
  for (size_t n = 0; n < operations; n += 3) {
    FaultyFileSystem disk;
    int safe = 0;
    {
      DurableStore store(disk, 4096);
      ASSERT_TRUE(store.log().Open());
      disk.FailFrom(n, 1'000'000);
      safe = WriteAndSnapshot(store);
    }
    disk.Crash();
    disk.Heal();
    ExpectNothingSafeIsLost(disk, safe, "from operation " + std::to_string(n));
  }
}

TEST(FailingDisk, AfterAFailedSyncAllIsWrittenAgain) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  ASSERT_TRUE(store.log().Open());
  store.Put("a", "1");
  disk.FailFrom(2, 1);  // the sync behind reserving and writing
  EXPECT_FALSE(store.log().Flush());
  EXPECT_TRUE(store.log().has_failed());
  EXPECT_NE(store.log().failure().find("cannot sync"), std::string::npos);
  EXPECT_EQ(store.log().durable(), 0u);
  store.clock().Advance(2000);
  store.log().Step();
  EXPECT_FALSE(store.log().has_failed());
  EXPECT_EQ(store.log().durable(), 1u);
  disk.Crash();
  DurableStore again(disk);
  ASSERT_TRUE(again.Recover());
  EXPECT_EQ(again.Contents().size(), 1u);
}

TEST(FailingDisk, HealsByItselfOnceThereIsRoom) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  ASSERT_TRUE(store.log().Open());
  disk.SetCapacity(20'000);
  int i = 0;
  while (!store.log().has_failed()) {
    store.Put("key:" + std::to_string(i++), std::string(100, 'x'));
    store.log().Step();
    ASSERT_LT(i, 10'000);
  }
  EXPECT_NE(store.log().failure().find("no space left"), std::string::npos);
  store.clock().Advance(2000);
  store.log().Step();
  EXPECT_TRUE(store.log().has_failed());
  disk.SetCapacity(1'000'000);
  store.clock().Advance(2000);
  store.log().Step();
  EXPECT_FALSE(store.log().has_failed());
  EXPECT_EQ(store.log().durable(), store.store().log().appended());
  const Model expected = store.Contents();
  disk.Crash();
  DurableStore again(disk);
  ASSERT_TRUE(again.Recover());
  EXPECT_EQ(again.Contents(), expected);
}

TEST(FailingDisk, AFailedSnapshotKeepsThePreviousOne) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  store.Put("a", "1");
  ASSERT_TRUE(store.Snapshot());
  store.Put("a", "2");
  for (size_t n = 0;; ++n) {
    const size_t before = disk.operations();
    disk.FailFrom(n, 1);
    const bool saved = store.Snapshot().has_value();
    EXPECT_EQ(saved, disk.operations() - before <= n) << n;
    DurableStore again(disk);
    ASSERT_TRUE(again.Recover()) << n;
    EXPECT_EQ(again.Contents().size(), 1u) << n;
    if (saved) break;
  }
}

// A store with one change, on a disk that fails until it is healed.
class FailedSnapshot : public testing::Test {
 protected:
  FailedSnapshot() {
    EXPECT_TRUE(durability_.Open({}, false, [] { return storage::Status(); }));
    store_.Put("a", "1");
    disk_.FailFrom(0, 1'000'000);
  }

  FaultyFileSystem disk_;
  ChangingStore store_{1};
  storage::Durability durability_{store_.store(), disk_, store_.clock(), {.data = kTestFiles, .has_threads = false}};
};

// As in redis-server: the caller of SAVE or SHUTDOWN gets the error.
TEST_F(FailedSnapshot, RefusesWritesOnlyIfItWasInTheBackground) {
  EXPECT_FALSE(durability_.SaveAtEnd());
  EXPECT_FALSE(durability_.Save());
  EXPECT_TRUE(durability_.snapshot_state().last_ok);
  EXPECT_NE(durability_.snapshot_state().failure, "");
  EXPECT_TRUE(durability_.StartSave(storage::SnapshotReason::kSave));
  EXPECT_FALSE(durability_.snapshot_state().last_ok);
  disk_.Heal();
  EXPECT_TRUE(durability_.Save());
  EXPECT_TRUE(durability_.snapshot_state().last_ok);
}

TEST_F(FailedSnapshot, IsForgottenAfterAnySnapshotThatSucceeds) {
  EXPECT_TRUE(durability_.StartSave(storage::SnapshotReason::kSave));
  EXPECT_FALSE(durability_.snapshot_state().last_ok);
  disk_.Heal();
  EXPECT_TRUE(durability_.StartSave(storage::SnapshotReason::kLogRewrite));
  EXPECT_TRUE(durability_.snapshot_state().last_ok) << "nothing else would clear it: no change can come meanwhile";
}

class AnnouncedLog : public testing::Test {
 protected:
  AnnouncedLog() {
    store_.log().set_on_durable([this] { ++releases_; });
    store_.log().set_on_health([this] { was_healthy_.push_back(store_.log().failure().empty()); });
    EXPECT_TRUE(store_.log().Open());
    disk_.FailFrom(0, 1'000'000);
    store_.Put("a", "1");
    EXPECT_FALSE(store_.log().Flush());
    releases_ = 0;
  }
  ~AnnouncedLog() override { disk_.Heal(); }

  int releases_ = 0;
  std::vector<bool> was_healthy_;
  FaultyFileSystem disk_;
  DurableStore store_{disk_};
};

TEST_F(AnnouncedLog, ClosingAFailedLogReleasesRepliesAndEndsTheFailure) {
  EXPECT_FALSE(store_.log().Close());
  EXPECT_EQ(releases_, 1);
  EXPECT_EQ(was_healthy_, (std::vector<bool>{false, true}));
}

TEST_F(AnnouncedLog, APolicyThatWaitsForNoSyncReleasesReplies) {
  store_.log().SetPolicy(storage::SyncPolicy::kEverySecond);
  EXPECT_EQ(releases_, 1);
  EXPECT_EQ(was_healthy_, std::vector<bool>{false});
}

TEST_F(AnnouncedLog, RecoveryReleasesReplies) {
  disk_.Heal();
  EXPECT_TRUE(store_.log().Flush());
  EXPECT_EQ(releases_, 1);
  EXPECT_EQ(was_healthy_, (std::vector<bool>{false, true}));
}

TEST(GroupCommit, OneSyncCoversAllWaitingClients) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  ASSERT_TRUE(store.log().Open());
  const uint64_t syncs = store.log().syncs();
  for (int i = 0; i < 100; ++i) store.Put("key:" + std::to_string(i), "x");
  EXPECT_EQ(store.log().durable(), 0u);
  store.log().Step();
  EXPECT_EQ(store.log().durable(), 100u);
  EXPECT_EQ(store.log().syncs(), syncs + 1);
}

TEST(GroupCommit, EverySecondSyncsOnceASecond) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  store.log().SetPolicy(storage::SyncPolicy::kEverySecond);
  ASSERT_TRUE(store.log().Open());
  const uint64_t syncs = store.log().syncs();
  for (int i = 0; i < 30; ++i) {
    store.Put("key", std::to_string(i));
    store.clock().Advance(100);
    store.log().Step();
  }
  EXPECT_EQ(store.log().syncs(), syncs + 3);
}

}  // namespace
}  // namespace ringkv::test
