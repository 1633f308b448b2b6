// SPDX-License-Identifier: MIT
// A log that is switched on and off while the server runs: what is recovered is a state that there was.
#include <gtest/gtest.h>

#include <optional>

#include "storage/durability/durability.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::Durability;
using storage::SnapshotReason;

// One process that keeps its data.
struct KeptStore : ChangingStore {
  explicit KeptStore(FaultyFileSystem& disk)
      : ChangingStore(kSeed), durability(store(), disk, clock(), {.data = kTestFiles, .has_threads = false}) {
    durability.SetSyncPolicy(storage::SyncPolicy::kAlways);
  }

  void Open(bool with_log) {
    const storage::Status opened = durability.Open({}, with_log, [] { return storage::Status(); });
    ASSERT_TRUE(opened) << opened.error().text;
  }
  void SwitchLogOn() {
    durability.SwitchLog(true);
    durability.Tick();
    ASSERT_TRUE(durability.log().is_open());
  }

  Durability durability;
};

// What a start finds now.
std::optional<Model> Recovered(FaultyFileSystem& disk, std::string* error = nullptr) {
  DurableStore again(disk);
  const auto recovered = again.Recover({.read_only = true});
  if (!recovered && error != nullptr) *error = recovered.error().text;
  return recovered ? std::optional(again.Contents()) : std::nullopt;
}

void SetAndAppend(KeptStore& store, FaultyFileSystem& disk, const std::function<void()>& while_switching) {
  store.Open(false);
  ASSERT_TRUE(store.durability.Save());
  store.Put("unlogged", "yes");
  while_switching();
  store.Patch("unlogged", 3, "!");
  [[maybe_unused]] const auto written = store.durability.log().Flush();
  disk.Revive();
  disk.Heal();
}

TEST(LogSwitch, ACrashAnywhereWhileTheLogIsSwitchedOnLeavesAStateThatThereWas) {
  for (const bool machine_crashes : {false, true}) {
    for (size_t n = 0;; ++n) {
      FaultyFileSystem disk;
      KeptStore store(disk);
      size_t operations = 0;
      SetAndAppend(store, disk, [&] {
        const size_t before = disk.operations();
        disk.KillFrom(n);
        store.durability.SwitchLog(true);
        store.durability.Tick();
        operations = disk.operations() - before;
        if (n < operations) return;
        EXPECT_TRUE(store.durability.log().is_open());
      });
      if (machine_crashes) disk.Crash();
      std::string error;
      const std::optional<Model> found = Recovered(disk, &error);
      ASSERT_TRUE(found) << "operation " << n << ": " << error;
      if (!found->empty()) {
        const std::string value = found->at({0, "unlogged"}).first;
        EXPECT_TRUE(value == "yes" || value == "yes!") << "operation " << n << ": '" << value << "'";
      }
      if (n > operations) break;
    }
  }
}

TEST(LogSwitch, AFailureAnywhereLeavesNoLogBehindThatAStartWouldTake) {
  for (size_t n = 0;; ++n) {
    FaultyFileSystem disk;
    KeptStore store(disk);
    bool is_on = false;
    SetAndAppend(store, disk, [&] {
      disk.FailFrom(n, 1);
      store.durability.SwitchLog(true);
      store.durability.Tick();
      is_on = store.durability.log().is_open();
      // What nobody records from here on must not seem to be missing from a log.
      if (!is_on) store.Put("unlogged", "and later");
    });
    const std::optional<Model> found = Recovered(disk);
    ASSERT_TRUE(found) << "operation " << n;
    if (!found->empty()) {
      const std::string value = found->at({0, "unlogged"}).first;
      EXPECT_TRUE(value == "yes" || (is_on && value == "yes!")) << "operation " << n << ": '" << value << "'";
    }
    if (is_on) break;
  }
}

TEST(LogSwitch, AFailedSwitchOnIsTriedAgain) {
  FaultyFileSystem disk;
  KeptStore store(disk);
  store.Open(false);
  store.Put("a", "1");
  disk.FailFrom(0, 1'000'000);
  store.durability.SwitchLog(true);
  store.durability.Tick();
  EXPECT_FALSE(store.durability.log().is_open());
  disk.Heal();
  store.clock().Advance(1000);
  store.durability.Tick();
  EXPECT_FALSE(store.durability.log().is_open());
  store.clock().Advance(5000);
  store.durability.Tick();
  EXPECT_TRUE(store.durability.log().is_open());
}

TEST(LogSwitch, ALogThatIsAskedForLateInAnotherSaveBeginsAtOnceBehindIt) {
  FaultyFileSystem disk;
  KeptStore store(disk);
  store.Open(false);
  store.Put("a", "1");
  size_t operations = 0;
  disk.set_before_operation([&] { ++operations; });
  ASSERT_TRUE(store.durability.Save());
  const size_t last = 2 * operations - 1;
  disk.set_before_operation([&] {
    if (++operations > last) store.durability.SwitchLog(true);
  });
  ASSERT_TRUE(store.durability.Save());
  disk.set_before_operation(nullptr);
  ASSERT_FALSE(store.durability.log().is_open());
  store.durability.Tick();
  EXPECT_TRUE(store.durability.log().is_open());
}

TEST(LogSwitch, NothingThatHappensWhileTheLogIsSwitchedOnIsMissing) {
  FaultyFileSystem disk;
  KeptStore store(disk);
  store.Open(false);
  store.Put("before", "1");
  int changes = 0;
  store.durability.SwitchLog(true);
  disk.set_before_operation([&] {
    store.Put("key:" + std::to_string(++changes), "meanwhile");
    store.Patch("before", static_cast<uint64_t>(changes), "x");
  });
  store.durability.Tick();
  disk.set_before_operation(nullptr);
  ASSERT_GT(changes, 5);
  ASSERT_TRUE(store.durability.log().Flush());
  const Model expected = store.Contents();
  disk.Crash();
  EXPECT_EQ(Recovered(disk), expected);
}

// The snapshot and the log from before the pause, together with the log from behind it, would be a state that there
// never was.
TEST(LogSwitch, ALogDoesNotLeadOverAPauseInWhichNothingWasRecorded) {
  FaultyFileSystem disk;
  std::string older;
  {
    KeptStore store(disk);
    store.Open(true);
    store.Put("a", "1");
    ASSERT_TRUE(store.durability.Save());
    older = disk.Bytes("snapshot");
    store.durability.SwitchLog(false);
    store.Put("a", "unlogged");
    store.SwitchLogOn();
    store.Patch("a", 8, "!");
    ASSERT_TRUE(store.durability.log().Flush());
  }
  ASSERT_EQ(Recovered(disk)->at({0, "a"}).first, "unlogged!");
  disk.Bytes("snapshot") = older;
  std::string error;
  EXPECT_FALSE(Recovered(disk, &error));
  EXPECT_NE(error.find("a snapshot or a log file is missing"), std::string::npos) << error;
}

TEST(LogSwitch, ALogReenabledWithoutChangesHasNoGap) {
  FaultyFileSystem disk;
  {
    KeptStore store(disk);
    store.Open(true);
    store.Put("a", "1");
  }
  {
    KeptStore store(disk);
    store.Open(false);
    store.SwitchLogOn();
    store.Put("b", "2");
  }
  KeptStore store(disk);
  store.Open(true);
  EXPECT_EQ(store.Contents().size(), 2u);
  EXPECT_EQ(store.store().log().appended(), 2u);
}

TEST(LogSwitch, DisablingTheLogWhileItStartsDisablesIt) {
  FaultyFileSystem disk;
  KeptStore store(disk);
  store.Open(false);
  store.Put("a", "1");
  store.durability.SwitchLog(true);
  disk.set_before_operation([&] { store.durability.SwitchLog(false); });
  store.durability.Tick();
  disk.set_before_operation(nullptr);
  store.durability.Tick();
  EXPECT_FALSE(store.durability.log().is_open());
  EXPECT_FALSE(store.store().log().is_recording());
}

TEST(LogSwitch, DataLoadedIntoAnEmptyStoreComesAfterExistingLogs) {
  FaultyFileSystem disk;
  {
    KeptStore store(disk);
    store.Open(true);
    store.Put("a", "1");
    ASSERT_TRUE(store.durability.Save());
    store.Delete("a");
  }
  const std::string older = disk.Bytes("snapshot");
  {
    KeptStore store(disk);
    ASSERT_TRUE(store.durability.Open({}, true, [&]() -> storage::Status {
      store.Put("a", "filled");
      return {};
    }));
    store.Patch("a", 6, "!");
  }
  EXPECT_EQ(Recovered(disk)->at({0, "a"}).first, "filled!");
  disk.Bytes("snapshot") = older;
  EXPECT_FALSE(Recovered(disk));
}

// Until the state that was recovered is in a snapshot, the good part of a damaged file is needed.
TEST(Damage, ACrashDuringRecoveryFromDamageLosesNoGoodData) {
  Model good;
  for (size_t n = 0;; ++n) {
    FaultyFileSystem disk;
    {
      KeptStore store(disk);
      store.Open(true);
      store.Put("a", "1");
      ASSERT_TRUE(store.durability.log().Flush());
      good = store.Contents();
      store.Put("b", "2");
      ASSERT_TRUE(store.durability.log().Flush());
      store.Put("c", "3");
    }
    std::string& log = disk.Bytes("log/" + storage::NameOfLogFile(1));
    log[log.rfind("RKVF", log.rfind("RKVF") - 1) + 50] ^= 1;
    size_t operations = 0;
    {
      KeptStore store(disk);
      const size_t before = disk.operations();
      disk.KillFrom(n);
      [[maybe_unused]] const auto opened =
          store.durability.Open({.up_to_damage = true}, true, [] { return storage::Status(); });
      operations = disk.operations() - before;
      disk.KillFrom(0);
    }
    disk.Revive();
    KeptStore store(disk);
    const auto opened = store.durability.Open({.up_to_damage = true}, true, [] { return storage::Status(); });
    ASSERT_TRUE(opened) << "operation " << n << ": " << opened.error().text;
    EXPECT_EQ(store.Contents(), good) << "operation " << n;
    if (n <= operations) continue;
    EXPECT_TRUE(disk.Exists("log/" + storage::NameOfLogFile(1) + ".damaged"));
    break;
  }
}

}  // namespace
}  // namespace ringkv::test
