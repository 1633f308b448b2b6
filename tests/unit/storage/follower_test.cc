// SPDX-License-Identifier: MIT
// A store that follows another one ends up equal to it, whenever it begins and whatever happens meanwhile.
#include "storage/transfer/follower.h"

#include <gtest/gtest.h>

#include "storage/base/checksum.h"
#include "storage/edit/mutable_entry.h"
#include "storage/effects/effect_codec.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"
#include "storage/transaction/totals.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/heard_events.h"

namespace ringkv::test {
namespace {

using storage::Backlog;
using storage::Follower;
using storage::FrameList;
using storage::Lsn;

// A primary whose log's frames are kept in memory, and a replica with another seed, so that it has to take over the
// primary's.
class FollowerTest : public testing::Test {
 protected:
  FollowerTest() {
    primary_.log().Attach(&backlog_);
    replica_.store().SetAuthority(storage::Authority::kFollower);
    replica_.log().Attach(&replicas_backlog_);
  }
  ~FollowerTest() override {
    [[maybe_unused]] const auto last = primary_.log().Detach(&backlog_);
    [[maybe_unused]] const auto other = replica_.log().Detach(&replicas_backlog_);
  }

  // One change of a random kind to one of few keys, so that they meet.
  void ChangeSomething(storage::Random& random) {
    const std::string key = "key:" + std::to_string(random.Below(300));
    const std::string other = "key:" + std::to_string(random.Below(300));
    switch (random.Below(42)) {
      case 40:
      case 41: return primary_.ChangeLibraries(random);
      case 0: return primary_.Flush(static_cast<storage::DbIndex>(random.Below(4)));
      case 1: return primary_.Swap(static_cast<storage::DbIndex>(random.Below(4)), 1);
      case 2:
      case 3: return primary_.Rename(key, other);
      case 4:
      case 5: return primary_.PutBoth(key, other, "both");
      case 6:
      case 7: return primary_.Patch(key, random.Below(50), "patch");
      case 8:
      case 9: return primary_.Expire(key, 1'900'000'000'000);
      case 10:
      case 11:
      case 12: return primary_.Delete(key);
      case 13: return primary_.Put(key, std::string(400'000, 'x'), 2);
      default: break;
    }
    switch (random.Below(2)) {
      case 0: return primary_.Change("key:" + std::to_string(random.Below(20)), random);
      default: return primary_.Put(key, std::to_string(random.Next()), static_cast<storage::DbIndex>(random.Below(3)));
    }
  }

  void Send(storage::LogTail& tail) {
    primary_.log().Step();
    FrameList frames;
    while (tail.Read(1 << 20, &frames) == Backlog::ReadResult::kFrames) {
      for (const auto& frame : frames) ASSERT_TRUE(follower_.TakeFrame(*frame));
    }
  }

  // The whole data by a snapshot, with changes before each block.
  std::unique_ptr<storage::LogTail> Synchronise(const std::function<void()>& between) {
    storage::SnapshotStream stream(primary_.store(), 1);
    const Lsn begun = primary_.store().log().appended();
    auto tail = std::make_unique<storage::LogTail>(backlog_, disk_, "", begun + 1);
    EXPECT_TRUE(follower_.Begin(stream.Header(1, begun)));
    std::string section;
    for (;;) {
      between();
      Send(*tail);
      if (!stream.NextBlock(&section)) break;
      EXPECT_TRUE(follower_.TakeSection(section));
    }
    Send(*tail);
    EXPECT_TRUE(follower_.TakeSection(stream.End(tail->next() - 1)));
    replica_.log().StartAnew(replica_.store().placement().seed, follower_.last());
    return tail;
  }

  FaultyFileSystem disk_;
  FaultyFileSystem replicas_disk_;
  DurableStore primary_{disk_};
  DurableStore replica_{replicas_disk_, 1 << 20, 7};
  Backlog backlog_{primary_.store().buffers()};
  Backlog replicas_backlog_{replica_.store().buffers()};
  Follower follower_{replica_.store()};
};

TEST_F(FollowerTest, EqualsItsPrimaryAfterASnapshotUnderChangesOfEveryKind) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    storage::Random random(seed);
    for (uint64_t i = 0; i < random.Below(2000); ++i) ChangeSomething(random);
    const auto tail = Synchronise([&] {
      for (uint64_t i = 0; i < random.Below(60); ++i) ChangeSomething(random);
    });
    ASSERT_EQ(replica_.Contents(), primary_.Contents());
    for (int i = 0; i < 500; ++i) ChangeSomething(random);
    Send(*tail);
    ASSERT_EQ(replica_.Contents(), primary_.Contents());
    EXPECT_EQ(replica_.store().log().appended(), primary_.store().log().appended());
    EXPECT_EQ(replica_.store().placement(), primary_.store().placement());
  }
}

TEST_F(FollowerTest, ResumesFromLogFilesWhenTheBacklogIsTooShort) {
  ASSERT_TRUE(primary_.log().Open());
  const auto begun = Synchronise([] {});
  backlog_.SetLimit(1);
  for (int i = 0; i < 3000; ++i) {
    primary_.Put("key:" + std::to_string(i), std::string(1000, 'v'));
    primary_.log().Step();
  }
  storage::LogTail from_memory(backlog_, disk_, "", follower_.last() + 1);
  FrameList frames;
  EXPECT_EQ(from_memory.Read(1 << 20, &frames), Backlog::ReadResult::kGone);
  storage::LogTail from_files(backlog_, disk_, "log", follower_.last() + 1);
  follower_.Resume(follower_.last());
  Send(from_files);
  EXPECT_EQ(replica_.Contents(), primary_.Contents());
}

TEST_F(FollowerTest, RefusesADamagedFrameAndAHoleAndChangesNothing) {
  const auto tail = Synchronise([] {});
  primary_.Put("a", "1");
  primary_.log().Step();
  primary_.Put("b", "2");
  primary_.log().Step();
  FrameList frames;
  ASSERT_EQ(tail->Read(1 << 20, &frames), Backlog::ReadResult::kFrames);
  ASSERT_EQ(frames.size(), 2u);
  for (size_t at = 0; at < frames[0]->size(); ++at) {
    std::string damaged = *frames[0];
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    EXPECT_FALSE(follower_.TakeFrame(damaged));
  }
  EXPECT_FALSE(follower_.TakeFrame(*frames[1]));
  EXPECT_TRUE(replica_.Contents().empty());
  EXPECT_TRUE(follower_.TakeFrame(*frames[0]));
  EXPECT_TRUE(follower_.TakeFrame(*frames[0]));  // again: it counts for nothing
  EXPECT_TRUE(follower_.TakeFrame(*frames[1]));
  EXPECT_EQ(replica_.Contents(), primary_.Contents());
}

TEST_F(FollowerTest, RefusesAFewBytesThatAskForALongString) {
  Synchronise([] {});
  const auto frame_with = [this](const storage::StringPatch& patch) {
    std::string group;
    storage::EncodeEffect(&group, 0, "key", patch);
    std::string body;
    storage::PutText(&body, group);
    std::string frame;
    storage::EncodeFrame(&frame, {.first = follower_.last() + 1, .groups = 1, .durable = 0, .time = 1, .body = body});
    return frame;
  };
  EXPECT_FALSE(follower_.TakeFrame(frame_with({DurableStore::kLongestString, "x"})));
  EXPECT_TRUE(replica_.Contents().empty());
  EXPECT_TRUE(follower_.TakeFrame(frame_with({DurableStore::kLongestString - 1, "x"})));
  EXPECT_EQ(replica_.Contents().size(), 1u);
}

TEST_F(FollowerTest, TakesNoSnapshotThatLacksASection) {
  for (int i = 0; i < 5000; ++i) primary_.Put("key:" + std::to_string(i), std::string(200, 'v'));
  storage::SnapshotStream stream(primary_.store(), 0);
  ASSERT_TRUE(follower_.Begin(stream.Header(1, primary_.store().log().appended())));
  std::string section;
  ASSERT_TRUE(stream.NextBlock(&section));
  ASSERT_TRUE(stream.NextBlock(&section));
  EXPECT_FALSE(follower_.TakeSection(section));
  EXPECT_TRUE(follower_.is_loading());
}

TEST_F(FollowerTest, RefusesABlockThatHoldsAKeyTwice) {
  ASSERT_TRUE(follower_.Begin(storage::EncodeFileHeader(storage::kSnapshotMagic, {.hash_seed = 5, .created = 1})));
  const uint64_t partition = storage::PositionOf("twice", {.seed = 5}).partition();
  storage::MutableEntry* entry =
      storage::MutableEntry::Create("twice", "v", storage::kNoExpiry, storage::StringForm::kPlain, 0);
  storage::FoldedBytes block;
  storage::EncodeRun(block.plain(), {.first = partition << 32, .end = (partition + 1) << 32, .lsn = 0});
  storage::PutVarint(block.plain(), 1);  // database 0
  storage::PutVarint(block.plain(), 2);
  storage::EncodeEntry(&block, *entry);
  storage::EncodeEntry(&block, *entry);
  storage::PutVarint(block.plain(), 0);
  storage::MutableEntry::Free(entry);
  const std::string& raw = *block.plain();
  const storage::Section section{.kind = storage::SectionKind::kBlock,
                                 .keys = 2,
                                 .stored_bytes = raw.size(),
                                 .raw_bytes = raw.size(),
                                 .body_checksum = storage::Checksum(raw)};
  const storage::Status taken = follower_.TakeSection(storage::EncodeSection(section) + raw);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().text, "a key occurs twice");
}

TEST_F(FollowerTest, HidesExpiredKeysUntilThePrimaryDeletesThem) {
  const auto tail = Synchronise([] {});
  primary_.Put("soon", "1", 0, 1'700'000'000'500);
  Send(*tail);
  storage::Random random(1);
  storage::Txn txn(replica_.store(), 1'700'000'001'000, random);
  txn.LockKey("soon");
  EXPECT_FALSE(txn.Find(0, "soon", storage::Intent::kRead));
  txn.Unlock();
  EXPECT_EQ(SizeOf(txn, 0).keys, 1u);
  primary_.Delete("soon");
  Send(*tail);
  EXPECT_EQ(SizeOf(txn, 0).keys, 0u);
}

// A replica's clock may be ahead of its primary's.
TEST_F(FollowerTest, AWritableOneKeepsWhatItReadsAsExpiredAndReplacesItWhenItIsWritten) {
  replica_.store().SetAuthority(storage::Authority::kWritableFollower);
  const auto tail = Synchronise([] {});
  primary_.Put("prolonged", "1", 0, 1'700'000'000'500);
  primary_.Put("written", "1", 0, 1'700'000'000'500);
  Send(*tail);
  storage::Random random(1);
  storage::Txn txn(replica_.store(), 1'700'000'001'000, random);
  for (const std::string key : {"prolonged", "written"}) {
    txn.LockKey(key);
    EXPECT_FALSE(txn.Find(0, key, storage::Intent::kRead));
    txn.Unlock();
  }
  txn.LockKey("written");
  storage::Place place = txn.Find(0, "written", storage::Intent::kWrite);
  txn.Do(place, storage::StringPut{"2"}, storage::events::kSet);
  EXPECT_EQ(txn.Find(0, "written", storage::Intent::kRead).value(), "2");
  txn.Unlock();
  EXPECT_EQ(SizeOf(txn, 0).keys, 2u);
  primary_.Expire("prolonged", 1'900'000'000'000);
  Send(*tail);
  txn.LockKey("prolonged");
  EXPECT_TRUE(txn.Find(0, "prolonged", storage::Intent::kRead));
}

TEST_F(FollowerTest, TellsSubscribersOnceOfAChangeMadeOfSeveralEffects) {
  for (const std::string element : {"a", "b"}) primary_.Push("before", element);
  HeardEvents heard;
  replica_.store().set_observer(&heard);
  const auto tail = Synchronise([] {});
  EXPECT_EQ(heard.Take(), "") << "of a snapshot";
  primary_.PushAll("list", {"a", "b", "c"});
  Send(*tail);
  EXPECT_EQ(heard.Take(), "new list, rpush list");
  primary_.Push("list", "d");
  primary_.Push("list", "e");
  Send(*tail);
  EXPECT_EQ(heard.Take(), "rpush list, rpush list");
  primary_.Flush(0);
  Send(*tail);
  EXPECT_EQ(heard.Take(), "");
  replica_.store().set_observer(nullptr);
}

TEST_F(FollowerTest, IsItselfFollowed) {
  const auto tail = Synchronise([] {});
  storage::LogTail next(replicas_backlog_, replicas_disk_, "", follower_.last() + 1);
  primary_.PutBoth("a", "b", "as one");
  Send(*tail);
  replica_.log().Step();
  FrameList frames;
  ASSERT_EQ(next.Read(1 << 20, &frames), Backlog::ReadResult::kFrames);
  DurableStore third(replicas_disk_, 1 << 20, 7);
  Follower follower(third.store());
  follower.Resume(follower_.last() - 1);
  for (const auto& frame : frames) EXPECT_TRUE(follower.TakeFrame(*frame));
  EXPECT_EQ(third.Contents(), primary_.Contents());
}

}  // namespace
}  // namespace ringkv::test
