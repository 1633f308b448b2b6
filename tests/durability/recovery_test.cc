// SPDX-License-Identifier: MIT
// What is read back after a clean end, a crash, or damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::ErrorKind;
using storage::Lsn;
using storage::RecoveryOptions;
using storage::RecoverySummary;
using storage::Result;

// The contents after each group of the log.
std::vector<Model> LogSomeOfEverything(FaultyFileSystem& disk) {
  DurableStore store(disk);
  EXPECT_TRUE(store.log().Open());
  std::vector<Model> after = RunSomeOfEverything(store);
  EXPECT_TRUE(store.log().Close());
  return after;
}

TEST(Recovery, ReplaysEveryKindOfChange) {
  FaultyFileSystem disk;
  Model expected;
  {
    DurableStore store(disk);
    ASSERT_TRUE(store.log().Open());
    expected = RunSomeOfEverything(store).back();
  }
  disk.Crash();
  DurableStore again(disk);
  const Result<RecoverySummary> summary = again.Recover();
  ASSERT_TRUE(summary) << summary.error().text;
  EXPECT_EQ(summary->groups_replayed, 17u);
  EXPECT_EQ(again.Contents(), expected);
}

TEST(Recovery, ProgressEndsWithTheBytesOfAllFiles) {
  FaultyFileSystem disk;
  LogSomeOfEverything(disk);
  storage::RecoveryProgress progress;
  RecoveryOptions options;
  options.loaded = &progress;
  DurableStore again(disk);
  ASSERT_TRUE(again.Recover(options));
  EXPECT_EQ(progress.total_bytes, disk.Bytes("log/" + storage::NameOfLogFile(1)).size());
  EXPECT_EQ(progress.loaded_bytes, progress.total_bytes);
}

TEST(Recovery, AnUnsyncedTailIsCutAtEveryByteAndSaid) {
  FaultyFileSystem whole;
  const std::vector<Model> after = LogSomeOfEverything(whole);
  const std::string path = "log/" + storage::NameOfLogFile(1);
  const std::string bytes = whole.Bytes(path);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    FaultyFileSystem disk;
    ASSERT_TRUE((*disk.Open(path, storage::OpenMode::kReplace))->Append(bytes.substr(0, size)));
    DurableStore store(disk);
    const Result<RecoverySummary> summary = store.Recover();
    ASSERT_TRUE(summary) << size << ": " << summary.error().text;
    EXPECT_EQ(store.Contents(), after[summary->last]);
    if (size == 0) continue;  // nothing to cut
    EXPECT_EQ(summary->cut_bytes > 0, !disk.Exists(path) || disk.Bytes(path).size() != size);
  }
}

TEST(Recovery, EveryFlippedBitOfALogIsFoundOrHarmless) {
  FaultyFileSystem whole;
  const std::vector<Model> after = LogSomeOfEverything(whole);
  const std::string path = "log/" + storage::NameOfLogFile(1);
  const std::string bytes = whole.Bytes(path);
  size_t found = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    FaultyFileSystem disk;
    ASSERT_TRUE((*disk.Open(path, storage::OpenMode::kReplace))->Append(flipped));
    DurableStore store(disk);
    const Result<RecoverySummary> summary = store.Recover();
    if (!summary) {
      ++found;
      EXPECT_NE(summary.error().text.find(path), std::string::npos) << summary.error().text;
      continue;
    }
    // Only what no sync had confirmed to a later frame can look like a torn tail.
    EXPECT_GE(summary->last, after.size() - 2);
    EXPECT_EQ(store.Contents(), after[summary->last]);
  }
  EXPECT_GT(found, bytes.size() * 4);
}

TEST(Recovery, EveryFlippedBitOfASnapshotIsFound) {
  FaultyFileSystem whole;
  {
    DurableStore store(whole);
    ASSERT_TRUE(store.log().Open());
    RunSomeOfEverything(store);
    bool changed = false;
    ASSERT_TRUE(store.Snapshot([&] {
      if (!changed) store.Put("meanwhile", "logged");
      changed = true;
    }));
    ASSERT_TRUE(store.log().Close());
  }
  const std::string bytes = whole.Bytes("snapshot");
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    FaultyFileSystem disk;
    ASSERT_TRUE((*disk.Open("snapshot", storage::OpenMode::kReplace))->Append(flipped));
    DurableStore store(disk);
    const Result<RecoverySummary> summary = store.Recover();
    ASSERT_FALSE(summary) << "bit " << bit;
    EXPECT_NE(summary.error().text.find("'snapshot'"), std::string::npos) << summary.error().text;
  }
}

TEST(Recovery, ASnapshotContainsChangesDuringItsCreation) {
  for (const bool with_log : {false, true}) {
    FaultyFileSystem disk;
    Model expected;
    {
      DurableStore store(disk);
      if (with_log) {
        ASSERT_TRUE(store.log().Open());
      }
      // Enough keys for several blocks, in two databases.
      const std::string filler(600, 'x');
      for (int i = 0; i < 3000; ++i) store.Put("key:" + std::to_string(i), filler + std::to_string(i), i % 2 ? 0 : 1);
      int step = 0;
      const auto summary = store.Snapshot([&] {
        ++step;
        for (int i = 0; i < 50; ++i) {
          store.Put("key:" + std::to_string((step * 131 + i * 7) % 3000), "new" + std::to_string(step), 0);
          store.Rename("key:" + std::to_string((step * 17 + i) % 3000), "renamed:" + std::to_string(i));
          store.Patch("patched:" + std::to_string(i), static_cast<uint64_t>(step), "p");
          store.Delete("key:" + std::to_string((step * 13 + i * 3) % 3000));
        }
        if (step == 3) store.Swap(0, 1);
        if (step == 4) store.Put("in one", "after the swap", 1);
        if (step == 5) store.Flush(3);
        if (step == 6) store.Flush(1);
      });
      ASSERT_TRUE(summary);
      EXPECT_GT(step, 6);
      expected = store.Contents();
      ASSERT_TRUE(store.log().Flush());
    }
    disk.Crash();
    DurableStore again(disk);
    const Result<RecoverySummary> recovered = again.Recover();
    ASSERT_TRUE(recovered) << recovered.error().text;
    EXPECT_EQ(again.Contents(), expected) << (with_log ? "with" : "without") << " a log";
  }
}

TEST(Recovery, ADamagedSnapshotFallsBackToThePreviousOneAndTheLog) {
  FaultyFileSystem disk;
  Model expected;
  {
    DurableStore store(disk, 4096);
    ASSERT_TRUE(store.log().Open());
    for (int i = 0; i < 100; ++i) store.Put("a" + std::to_string(i), "1");
    ASSERT_TRUE(store.Snapshot());
    for (int i = 0; i < 100; ++i) store.Put("b" + std::to_string(i), "2");
    ASSERT_TRUE(store.Snapshot());
    store.Put("c", "3");
    ASSERT_TRUE(store.log().Flush());
    expected = store.Contents();
  }
  disk.Bytes("snapshot")[200] ^= 1;
  DurableStore again(disk);
  const Result<RecoverySummary> summary = again.Recover();
  ASSERT_TRUE(summary) << summary.error().text;
  EXPECT_EQ(again.Contents(), expected);
  EXPECT_TRUE(summary->needs_snapshot);
  ASSERT_EQ(summary->warnings.size(), 1u);
  EXPECT_TRUE(summary->snapshot_is_damaged);
}

TEST(Recovery, DamageInTheMiddleStopsTheStartWithItsOffset) {
  FaultyFileSystem disk;
  std::vector<Model> after;
  {
    DurableStore store(disk);
    ASSERT_TRUE(store.log().Open());
    after = RunSomeOfEverything(store);
  }
  const std::string path = "log/" + storage::NameOfLogFile(1);
  disk.Bytes(path)[storage::kFileHeaderBytes + 10] ^= 1;
  {
    DurableStore again(disk);
    const Result<RecoverySummary> summary = again.Recover();
    ASSERT_FALSE(summary);
    EXPECT_EQ(summary.error().kind, ErrorKind::kDamaged);
    EXPECT_NE(summary.error().text.find("offset 64"), std::string::npos) << summary.error().text;
    EXPECT_NE(summary.error().text.find("--recover-up-to-damage yes"), std::string::npos);
  }
  DurableStore again(disk);
  RecoveryOptions options;
  options.up_to_damage = true;
  const Result<RecoverySummary> summary = again.Recover(options);
  ASSERT_TRUE(summary);
  EXPECT_EQ(again.Contents(), after[0]);
  EXPECT_TRUE(summary->needs_snapshot);
  EXPECT_GT(summary->last, after.size());
  EXPECT_EQ(summary->damaged_logs, std::vector<std::string>{storage::NameOfLogFile(1)});
}

TEST(Recovery, AMissingLogFileIsAHoleAndNotSilent) {
  FaultyFileSystem disk;
  {
    DurableStore store(disk, 4096);
    ASSERT_TRUE(store.log().Open());
    for (int i = 0; i < 300; ++i) {
      store.Put("key" + std::to_string(i), std::string(100, 'x'));
      ASSERT_TRUE(store.log().Flush());
    }
  }
  const auto files = *storage::ListLogFiles(disk, "log");
  ASSERT_GT(files.size(), 3u);
  ASSERT_TRUE(disk.Remove("log/" + files[1].name));
  DurableStore again(disk);
  const Result<RecoverySummary> summary = again.Recover();
  ASSERT_FALSE(summary);
  EXPECT_NE(summary.error().text.find(files[2].name), std::string::npos) << summary.error().text;
}

TEST(Recovery, AFileOfANewerVersionIsRefusedAsSuch) {
  for (const std::string& path : {std::string("snapshot"), "log/" + storage::NameOfLogFile(1)}) {
    FaultyFileSystem disk;
    storage::FileHeader header{.version = 9, .hash_seed = DurableStore::kSeed, .lsn = 1};
    std::string bytes = storage::EncodeFileHeader(storage::kLogMagic, header);
    if (path == "snapshot") {
      bytes = storage::EncodeFileHeader(storage::kSnapshotMagic, {.version = 9, .hash_seed = DurableStore::kSeed});
    }
    ASSERT_TRUE((*disk.Open(path, storage::OpenMode::kReplace))->Append(bytes));
    DurableStore store(disk);
    const Result<RecoverySummary> summary = store.Recover();
    ASSERT_FALSE(summary);
    EXPECT_EQ(summary.error().kind, ErrorKind::kNewerFormat);
    EXPECT_NE(summary.error().text.find("version 9"), std::string::npos) << summary.error().text;
  }
}

TEST(Recovery, StopsAtAnLsnOrATimeIfAsked) {
  FaultyFileSystem disk;
  std::vector<Model> after;
  std::vector<storage::UnixMs> times;
  {
    DurableStore store(disk);
    ASSERT_TRUE(store.log().Open());
    after.push_back(store.Contents());
    for (int i = 0; i < 10; ++i) {
      store.clock().Advance(1000);
      times.push_back(store.clock().Now());
      store.Put("key" + std::to_string(i), "x");
      ASSERT_TRUE(store.log().Flush());
      after.push_back(store.Contents());
    }
  }
  DurableStore by_lsn(disk);
  RecoveryOptions options;
  options.read_only = true;
  options.last_lsn = 4;
  ASSERT_TRUE(by_lsn.Recover(options));
  EXPECT_EQ(by_lsn.Contents(), after[4]);
  DurableStore by_time(disk);
  options.last_lsn = UINT64_MAX;
  options.last_time = times[6];
  ASSERT_TRUE(by_time.Recover(options));
  EXPECT_EQ(by_time.Contents(), after[7]);
}

// Its middle is compressed in memory, and stands in blocks of its own among those of other keys.
TEST(Recovery, ALongListSurvivesCompressedAndStoredBlocks) {
  for (const int level : {0, 1, 6}) {
    FaultyFileSystem disk;
    Model expected;
    {
      DurableStore store(disk);
      for (int i = 0; i < 6000; ++i) {
        store.Put("key:" + std::to_string(i), "value");
        store.Push(i % 3 == 0 ? "a list" : "a longer list", std::string(500, 'e') + std::to_string(i));
      }
      ASSERT_TRUE(store.Snapshot([] {}, level));
      expected = store.Contents();
    }
    DurableStore again(disk);
    ASSERT_TRUE(again.Recover());
    EXPECT_EQ(again.Contents(), expected) << "level " << level;
  }
}

TEST(Recovery, SeveralThreadsLoadASnapshotOfSeveralThreads) {
  FaultyFileSystem disk;
  Model expected;
  {
    DurableStore store(disk);
    for (int i = 0; i < 20000; ++i) store.Put("key:" + std::to_string(i), std::string(80, 'v') + std::to_string(i));
    storage::SnapshotWriter writer(store.store(), store.log(), disk, store.clock(),
                                   {.directory = "", .name = "snapshot", .name_of_previous = ""});
    ASSERT_TRUE(writer.Begin());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        storage::SnapshotWriter::Worker worker(writer);
        while (writer.Step(worker)) {
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(writer.Finish());
    expected = store.Contents();
  }
  DurableStore again(disk);
  RecoveryOptions options;
  options.threads = 4;
  ASSERT_TRUE(again.Recover(options));
  EXPECT_EQ(again.Contents(), expected);
}

}  // namespace
}  // namespace ringkv::test
