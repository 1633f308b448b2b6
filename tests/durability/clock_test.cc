// SPDX-License-Identifier: MIT
// Somebody sets the wall clock an hour forwards or back while the server works: what happens every so often goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "storage/durability/durability.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

constexpr int64_t kHour = 3'600'000;

bool Soon(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// A store that a thread writes to without end.
class BusyStore : public ChangingStore {
 public:
  explicit BusyStore(FaultyFileSystem& disk)
      : ChangingStore(kSeed), durability(store(), disk, clock(), {.data = kTestFiles}) {
    durability.SetSyncPolicy(storage::SyncPolicy::kEverySecond);
    EXPECT_TRUE(durability.Open({}, true, [] { return storage::Status(); }));
    writer_ = std::thread([this] {
      for (int i = 0; !stops_; ++i) {
        Put("key:" + std::to_string(i % 100), std::to_string(i));
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
  }
  ~BusyStore() {
    stops_ = true;
    writer_.join();
  }

  storage::Durability durability;

 private:
  std::atomic<bool> stops_{false};
  std::thread writer_;
};

TEST(WallClock, SyncsEachSecondGoOnWhenItIsSet) {
  FaultyFileSystem disk;
  BusyStore store(disk);
  for (const int64_t by : {int64_t{0}, -kHour, kHour, kHour, -kHour}) {
    store.clock().SetForward(by);
    const uint64_t syncs = store.durability.log().syncs();
    store.clock().Advance(1000);
    EXPECT_TRUE(Soon([&] { return store.durability.log().syncs() > syncs; })) << by;
  }
}

TEST(WallClock, AFailedLogHealsWhenItIsSet) {
  FaultyFileSystem disk;
  BusyStore store(disk);
  for (const int64_t by : {-kHour, kHour}) {
    disk.FailFrom(0, 1'000'000);
    store.clock().Advance(1000);
    ASSERT_TRUE(Soon([&] { return store.durability.log().has_failed(); }));
    store.clock().SetForward(by);
    disk.Heal();
    store.clock().Advance(1000);
    EXPECT_TRUE(Soon([&] { return !store.durability.log().has_failed(); })) << by;
  }
}

TEST(WallClock, AFailedSwitchOnIsTriedAgainWhenItIsSet) {
  for (const int64_t by : {-kHour, kHour}) {
    FaultyFileSystem disk;
    BusyStore store(disk);
    store.durability.SwitchLog(false);
    disk.FailFrom(0, 1'000'000);
    store.durability.SwitchLog(true);
    store.durability.Tick();
    ASSERT_TRUE(Soon([&] { return !store.durability.snapshot_state().failure.empty(); }));
    store.clock().SetForward(by);
    disk.Heal();
    store.durability.Tick();
    EXPECT_FALSE(store.durability.snapshot_state().is_running);
    store.clock().Advance(5000);
    store.durability.Tick();
    EXPECT_TRUE(Soon([&] { return store.durability.log().is_open(); })) << by;
  }
}

}  // namespace
}  // namespace ringkv::test
