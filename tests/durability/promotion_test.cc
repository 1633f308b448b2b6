// SPDX-License-Identifier: MIT
// A replica that its clients may write to, and that becomes a primary: what they wrote stands in no log, and nothing
// that comes later is recorded as if it did.
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "storage/durability/durability.h"
#include "storage/log/backlog.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::Authority;
using storage::ErrorKind;

void LetClientsWrite(ChangingStore& store) {
  store.txn().LockAll();
  store.store().SetAuthority(Authority::kWritableFollower);
  store.txn().Unlock();
}

// A replica with a log, whose clients have set `own`.
struct WritableReplica : ChangingStore {
  explicit WritableReplica(FaultyFileSystem& disk)
      : ChangingStore(kSeed), durability(store(), disk, clock(), {.data = kTestFiles, .has_threads = false}) {
    durability.SetSyncPolicy(storage::SyncPolicy::kAlways);
    EXPECT_TRUE(durability.Open({}, true, [] { return storage::Status(); }));
    durability.log().Attach(&backlog);
    Put("replicated", "1");
    EXPECT_TRUE(durability.log().Flush());
    LetClientsWrite(*this);
    Put("own", "x");
  }
  ~WritableReplica() { [[maybe_unused]] const auto last = durability.log().Detach(&backlog); }

  storage::Backlog backlog{store().buffers()};
  storage::Durability durability;
};

// For the end of a promotion by another thread, within an operation of the disk: some operations it has to wait for.
void WaitUnlessBlocked(WritableReplica& replica) {
  for (int i = 0; i < 1000 && replica.store().authority() != Authority::kOwner; ++i) std::this_thread::yield();
}

// What a start finds of it.
std::optional<std::string> RecoveredOwn(FaultyFileSystem& disk) {
  DurableStore again(disk);
  const auto recovered = again.Recover({.read_only = true});
  EXPECT_TRUE(recovered) << recovered.error().text;
  const Model contents = again.Contents();
  const auto found = contents.find({0, "own"});
  return found == contents.end() ? std::nullopt : std::optional(found->second.first);
}

TEST(Promotion, ChangesAfterAWritableReplicasUnrecordedOnesGetHigherNumbers) {
  FaultyFileSystem disk;
  WritableReplica replica(disk);
  const storage::Durability::Promotion promotion = replica.durability.BecomeOwner();
  EXPECT_TRUE(promotion.has_unrecorded);
  EXPECT_EQ(promotion.last, 1u);
  EXPECT_FALSE(replica.durability.log().is_open());
  replica.Patch("own", 1, "!");
  EXPECT_EQ(replica.store().log().appended(), 3u);
  replica.durability.log().Step();
  storage::FrameList frames;
  storage::Lsn behind = 0;
  EXPECT_EQ(replica.backlog.Read(2, 1000, &frames, &behind), storage::Backlog::ReadResult::kGone);
  EXPECT_EQ(replica.backlog.Read(3, 1000, &frames, &behind), storage::Backlog::ReadResult::kFrames);
}

TEST(Promotion, ClosingTheLogIsAnnouncedWithoutLocks) {
  FaultyFileSystem disk;
  WritableReplica replica(disk);
  int announcements = 0;
  replica.durability.log().set_on_durable([&] {
    replica.Put("own", "y");  // takes a partition's lock
    ++announcements;
  });
  replica.durability.BecomeOwner();
  ASSERT_FALSE(replica.durability.log().is_open());
  EXPECT_EQ(announcements, 1);
  replica.durability.log().set_on_durable(nullptr);
}

TEST(Promotion, WithoutOwnChangesTheLogGoesOn) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  storage::Durability durability(store.store(), disk, store.clock(), {.data = kTestFiles, .has_threads = false});
  ASSERT_TRUE(durability.Open({}, true, [] { return storage::Status(); }));
  store.txn().LockAll();
  store.store().SetAuthority(Authority::kFollower);
  store.txn().Unlock();
  EXPECT_FALSE(durability.BecomeOwner().has_unrecorded);
  EXPECT_TRUE(durability.log().is_open());
  EXPECT_EQ(store.store().authority(), Authority::kOwner);
}

TEST(Promotion, ACrashAnywhereBehindItLeavesAStateThatThereWas) {
  for (size_t n = 0;; ++n) {
    FaultyFileSystem disk;
    bool is_done = false;
    {
      WritableReplica replica(disk);
      disk.KillFrom(n);
      replica.durability.BecomeOwner();
      replica.Patch("own", 1, "!");
      replica.durability.log().Step();
      replica.durability.Tick();  // makes the snapshot that the log continues
      replica.Patch("own", 2, "?");
      is_done = replica.durability.log().is_open() && replica.durability.log().Flush();
      disk.KillFrom(0);
    }
    disk.Revive();
    const std::optional<std::string> own = RecoveredOwn(disk);
    if (is_done) {
      EXPECT_EQ(own, "x!?");
      break;
    }
    EXPECT_TRUE(!own || own == "x!" || own == "x!?") << "operation " << n << ": '" << *own << "'";
  }
}

// It has copied `own` before the clients wrote it, or not at all.
TEST(Promotion, ASnapshotUnderWayIsBegunAgain) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  LetClientsWrite(store);
  for (int i = 0; i < 2000; ++i) store.Put("key:" + std::to_string(i), std::string(100, 'v'));
  bool has_changed = false;
  const auto made = store.Snapshot([&] {
    if (std::exchange(has_changed, true)) return;
    store.txn().LockAll();
    ASSERT_TRUE(store.log().NumberUnrecorded());
    store.store().SetAuthority(Authority::kOwner);
    store.txn().Unlock();
    store.Patch("own", 1, "!");
  });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kOvertaken);
  EXPECT_FALSE(disk.Exists("snapshot"));
}

TEST(Promotion, ALogThatIsHeldForASnapshotFromBeforeItDoesNotBegin) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  store.log().BeginHeld();
  store.Put("held", "1");
  LetClientsWrite(store);
  store.Put("own", "x");
  store.txn().LockAll();
  ASSERT_TRUE(store.log().NumberUnrecorded());
  store.store().SetAuthority(Authority::kOwner);
  store.txn().Unlock();
  store.Patch("own", 1, "!");
  const storage::Status opened = store.log().OpenHeld();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kOvertaken);
  store.log().BeginHeld();
  store.Put("later", "1");
  EXPECT_TRUE(store.log().OpenHeld());
}

// A snapshot that was begun while the log was open knows nothing of the changes that closed it.
TEST(Promotion, AtAnyMomentOfASnapshotTheLogIsAwaitedThatItCloses) {
  bool was_awaited = false;
  for (size_t n = 0;; ++n) {
    FaultyFileSystem disk;
    WritableReplica replica(disk);
    size_t operations = 0;
    std::thread promotion;
    disk.set_before_operation([&] {
      if (operations++ != n) return;
      promotion = std::thread([&] { replica.durability.BecomeOwner(); });
      WaitUnlessBlocked(replica);
    });
    ASSERT_TRUE(replica.durability.Save());
    disk.set_before_operation(nullptr);
    if (!promotion.joinable()) break;
    promotion.join();
    // It may have begun behind this snapshot, which was made anew.
    const bool awaits_log = replica.durability.awaits_log();
    EXPECT_NE(replica.durability.log().is_open(), awaits_log) << "operation " << n;
    was_awaited |= awaits_log;
    replica.durability.Tick();
    EXPECT_TRUE(replica.durability.log().is_open()) << "operation " << n;
    EXPECT_FALSE(replica.durability.awaits_log()) << "operation " << n;
  }
  EXPECT_TRUE(was_awaited);
}

// At each place in the making of a snapshot that a log begins with.
TEST(Promotion, AtAnyMomentOfASwitchOnTheLogBeginsWithAllThatThereIs) {
  for (size_t n = 0;; ++n) {
    FaultyFileSystem disk;
    Model expected;
    bool has_begun = false;
    {
      WritableReplica replica(disk);
      replica.durability.SwitchLog(false);
      replica.durability.SwitchLog(true);
      size_t operations = 0;
      std::thread promotion;
      disk.set_before_operation([&] {
        if (operations++ != n) return;
        has_begun = true;
        replica.Put("own", "xyz");  // which the snapshot may have copied already
        promotion = std::thread([&] { replica.durability.BecomeOwner(); });
        WaitUnlessBlocked(replica);
      });
      replica.durability.Tick();
      disk.set_before_operation(nullptr);
      if (promotion.joinable()) promotion.join();
      EXPECT_TRUE(replica.durability.log().is_open() || replica.durability.awaits_log()) << "operation " << n;
      replica.Patch("own", 1, "!");
      replica.durability.Tick();
      EXPECT_EQ(replica.durability.log().is_open(), true) << "operation " << n;
      EXPECT_TRUE(replica.durability.log().Flush());
      expected = replica.Contents();
      disk.KillFrom(0);
    }
    disk.Revive();
    if (!has_begun) break;
    DurableStore again(disk);
    ASSERT_TRUE(again.Recover({.read_only = true})) << "operation " << n;
    EXPECT_EQ(again.Contents(), expected) << "operation " << n;
  }
}

}  // namespace
}  // namespace ringkv::test
