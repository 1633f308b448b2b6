// SPDX-License-Identifier: MIT
// Slots that go from one store to another arrive whole, whatever happens to their keys meanwhile.
#include <gtest/gtest.h>

#include "storage/log/log_tail.h"
#include "storage/transaction/search.h"
#include "storage/transaction/sweep.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"
#include "storage/transfer/slot_arrival.h"
#include "storage/transfer/slot_stream.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/heard_events.h"

namespace ringkv::test {
namespace {

using storage::PositionRange;

constexpr size_t kFirstMoved = 3000;
constexpr size_t kEndMoved = 9001;

bool Moves(const std::string& key) {
  const size_t slot = storage::KeySlot(key);
  return slot >= kFirstMoved && slot < kEndMoved;
}

class SlotMoveTest : public testing::Test {
 protected:
  SlotMoveTest() {
    source_.log().Attach(&backlog_);
    target_.log().Attach(&targets_backlog_);
    std::bitset<storage::kSlots> foreign;
    for (size_t slot = kFirstMoved; slot < kEndMoved; ++slot) foreign.set(slot);
    SetForeign(foreign);
  }
  ~SlotMoveTest() override {
    [[maybe_unused]] const auto last = source_.log().Detach(&backlog_);
    [[maybe_unused]] const auto other = target_.log().Detach(&targets_backlog_);
  }

  void SetForeign(const std::bitset<storage::kSlots>& slots) {
    storage::Random random(1);
    storage::Txn txn(target_.store(), 1, random);
    txn.LockAll();
    txn.SetForeignSlots(slots);
  }

  void ChangeSomething(storage::Random& random) {
    const std::string key = "key:" + std::to_string(random.Below(2000));
    switch (random.Below(40)) {
      case 0: return random.Below(30) == 0 ? source_.Flush(0) : source_.Delete(key);
      case 1:
      case 2: return source_.Rename(key, "key:" + std::to_string(random.Below(2000)));
      case 3: return source_.PutBoth(key, "key:" + std::to_string(random.Below(2000)), "both");
      case 4:
      case 5: return source_.Patch(key, random.Below(50), "patch");
      case 6: return source_.Expire(key, 1'900'000'000'000);
      case 7: return source_.Put(key, std::string(400'000, 'x'));
      case 8: return source_.ChangeLibraries(random);  // which don't migrate
      default: break;
    }
    switch (random.Below(2)) {
      case 0: return source_.Change("key:" + std::to_string(random.Below(100)), random);
      default: return source_.Put(key, std::to_string(random.Next()));
    }
  }

  void SendFrames(storage::LogTail& tail, storage::SlotStream& stream) {
    source_.log().Step();
    storage::FrameList frames;
    std::string changes;
    while (tail.Read(1 << 20, &frames) == storage::Backlog::ReadResult::kFrames) {
      for (const auto& frame : frames) ASSERT_TRUE(stream.Filter(*frame, &changes));
    }
    const storage::Status taken = arrival_->TakeChanges(changes);
    ASSERT_TRUE(taken) << taken.error().text;
  }

  void Move(const std::function<void()>& between) {
    storage::SlotStream stream(source_.store(), kRanges, 1);
    arrival_ = std::make_unique<storage::SlotArrival>(target_.store(), kRanges, source_.store().placement());
    storage::LogTail tail(backlog_, disk_, "", source_.store().log().appended() + 1);
    std::string section;
    for (;;) {
      between();
      SendFrames(tail, stream);
      if (!stream.NextBlock(&section)) break;
      const storage::Status taken = arrival_->TakeSection(section);
      ASSERT_TRUE(taken) << taken.error().text;
    }
    between();
    SendFrames(tail, stream);
  }

  Model MovedContents() {
    Model moved;
    for (const auto& [place, value] : source_.Contents()) {
      if (place.first == 0 && Moves(place.second)) moved[place] = value;
    }
    return moved;
  }

  inline static const std::vector<PositionRange> kRanges = {
      {storage::FirstPositionOf(kFirstMoved), storage::FirstPositionOf(5000)},
      {storage::FirstPositionOf(5000), storage::FirstPositionOf(kEndMoved)}};

  FaultyFileSystem disk_;
  FaultyFileSystem targets_disk_;
  DurableStore source_{disk_, 1 << 20, 5, true};
  DurableStore target_{targets_disk_, 1 << 20, 7, true};
  storage::Backlog backlog_{source_.store().buffers()};
  storage::Backlog targets_backlog_{target_.store().buffers()};
  std::unique_ptr<storage::SlotArrival> arrival_;
};

TEST_F(SlotMoveTest, KeysArriveIntactDuringChangesOfEveryKind) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    storage::Random random(seed);
    for (uint64_t i = 0; i < random.Below(4000); ++i) ChangeSomething(random);
    storage::SlotEraser eraser(target_.store(), kRanges);
    while (eraser.Step()) {
    }
    Move([&] {
      for (uint64_t i = 0; i < random.Below(200); ++i) ChangeSomething(random);
    });
    EXPECT_EQ(target_.Contents(), Model()) << "foreign keys are shown";
    SetForeign({});
    ASSERT_EQ(target_.Contents(), MovedContents());
    std::bitset<storage::kSlots> foreign;
    SetForeign(foreign.set());
  }
}

TEST_F(SlotMoveTest, AStoreThatFollowsAnotherMeanwhileIsNotChanged) {
  storage::Random random(1);
  for (int i = 0; i < 1000; ++i) ChangeSomething(random);
  storage::SlotStream stream(source_.store(), kRanges, 1);
  std::string section;
  ASSERT_TRUE(stream.NextBlock(&section));
  SetForeign({});
  const Model before = target_.Contents();
  target_.store().SetAuthority(storage::Authority::kFollower);
  EXPECT_FALSE(storage::SlotArrival(target_.store(), kRanges, source_.store().placement()).TakeSection(section));
  EXPECT_EQ(target_.Contents(), before);
  source_.store().SetAuthority(storage::Authority::kFollower);
  storage::SlotEraser eraser(source_.store(), kRanges);
  EXPECT_FALSE(eraser.Step());
  EXPECT_EQ(eraser.erased(), 0u);
  source_.store().SetAuthority(storage::Authority::kOwner);
  EXPECT_FALSE(MovedContents().empty());
}

TEST_F(SlotMoveTest, NeitherSideTellsSubscribersOfKeysThatMove) {
  HeardEvents source_heard;
  HeardEvents target_heard;
  source_.store().set_observer(&source_heard);
  target_.store().set_observer(&target_heard);
  storage::Random random(1);
  for (int i = 0; i < 1000; ++i) ChangeSomething(random);
  source_heard.Take();
  Move([] {});
  Move([&] { ChangeSomething(random); });  // their owner tells of these
  EXPECT_EQ(target_heard.Take(), "");
  source_heard.Take();
  storage::SlotEraser eraser(source_.store(), kRanges);
  while (eraser.Step()) {
  }
  EXPECT_GT(eraser.erased(), 0u);
  EXPECT_EQ(source_heard.Take(), "");
  source_.store().set_observer(nullptr);
  target_.store().set_observer(nullptr);
}

TEST_F(SlotMoveTest, ForeignKeysAreNotCountedSampledExpiredOrFound) {
  DurableStore& store = target_;
  SetForeign({});
  std::bitset<storage::kSlots> foreign;
  size_t own = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    store.Put(key, "v", 0, i % 2 == 0 ? 1'600'000'000'000 : storage::kNoExpiry);
    own += Moves(key) ? 0 : 1;
    if (Moves(key)) foreign.set(storage::KeySlot(key));
  }
  SetForeign(foreign);
  storage::Random random(1);
  storage::Txn txn(store.store(), 1'500'000'000'000, random);
  EXPECT_EQ(SizeOf(txn, 0).keys, own);
  for (int i = 0; i < 200; ++i) {
    Sample(txn, 0, 5, false,
           [](storage::Position, const storage::Entry& entry) { EXPECT_FALSE(Moves(std::string(entry.key()))); });
  }
  size_t found = 0;
  const storage::KeyPattern pattern = storage::ParseKeyPattern("key:*");
  for (uint64_t cursor = Search(txn, 0, pattern, 0, 100, [&](const storage::Entry&) { ++found; }); cursor != 0;) {
    cursor = Search(txn, 0, pattern, cursor, 100, [&](const storage::Entry&) { ++found; });
  }
  EXPECT_EQ(found, own);
  // Those whose time is over stay as long as they are foreign.
  storage::Txn later(store.store(), 1'700'000'000'000, random);
  for (size_t partition = 0; partition < storage::kPartitions; ++partition) SweepExpired(later, partition, 100'000);
  EXPECT_EQ(SizeOf(later, 0).volatile_keys, 0u);
  SetForeign({});
  EXPECT_GT(SizeOf(later, 0).volatile_keys, 0u);
  later.set_now(1'700'000'060'000);
  for (size_t partition = 0; partition < storage::kPartitions; ++partition) SweepExpired(later, partition, 100'000);
  EXPECT_EQ(SizeOf(later, 0).volatile_keys, 0u);
}

TEST_F(SlotMoveTest, ImportedKeysAreRecordedByTheTarget) {
  storage::Random random(3);
  for (int i = 0; i < 1000; ++i) ChangeSomething(random);
  const storage::Lsn before = target_.store().log().appended();
  Move([] {});
  EXPECT_GT(target_.store().log().appended(), before);
}

TEST_F(SlotMoveTest, UnexpectedMessagesAreRefused) {
  source_.Put("key", "value");
  const size_t slot = storage::KeySlot("key");
  const std::vector<PositionRange> there = {{storage::FirstPositionOf(slot), storage::FirstPositionOf(slot + 1)}};
  const std::vector<PositionRange> elsewhere = {
      {storage::FirstPositionOf(slot + 1), storage::FirstPositionOf(slot + 2)}};
  storage::SlotStream stream(source_.store(), there, 1);
  std::string section;
  ASSERT_TRUE(stream.NextBlock(&section));
  storage::SlotArrival arrival(target_.store(), elsewhere, source_.store().placement());
  EXPECT_FALSE(arrival.TakeSection(section));
  std::string damaged = section;
  damaged.back() ^= 1;
  EXPECT_FALSE(storage::SlotArrival(target_.store(), there, source_.store().placement()).TakeSection(damaged));
  for (const std::string& bytes : {std::string("\x01\x05"), std::string("\x03"), std::string("\x02short"),
                                   std::string("\x01\x02\x07\x00", 4), std::string("\x01\x00", 2)}) {
    EXPECT_FALSE(arrival.TakeChanges(bytes));
  }
}

}  // namespace
}  // namespace ringkv::test
