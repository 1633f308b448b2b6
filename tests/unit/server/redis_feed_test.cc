// SPDX-License-Identifier: MIT
// What a Redis replica loads and executes leads to the primary's data, at the primary's offset, whatever happens
// meanwhile.
#include "tests/support/redis_feed_fixture.h"

namespace ringkv::server {
namespace {

TEST_F(RedisFeedTest, AFullSyncUnderChangesOfEveryKindLeadsToTheData) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    storage::Random random(seed);
    for (uint64_t i = 0; i < random.Below(1000); ++i) ChangeSomething(random);
    BeginStream(static_cast<int64_t>(random.Below(100'000)));
    history_ = "?";
    ASSERT_FALSE(Connect(seed % 2 == 0));
    while (link_->state() == RedisReplica::State::kSendingFile) {
      for (uint64_t i = 0; i < random.Below(40); ++i) ChangeSomething(random);
      ASSERT_TRUE(Step(random.Below(3) == 0 ? random.Below(50'000) : SIZE_MAX));
    }
    for (int i = 0; i < 200; ++i) ChangeSomething(random);
    CatchUp();
    ExpectEqual();
    EXPECT_EQ(link_->acknowledged_lsn(), primary_.store().log().appended());
    EXPECT_FALSE(disk_.Exists("spool"));
  }
}

TEST_F(RedisFeedTest, ACutLineContinuesAtTheByte) {
  storage::Random random(3);
  BeginStream();
  Connect();
  CatchUp();
  for (int round = 0; round < 50; ++round) {
    for (uint64_t i = 0; i < random.Below(30); ++i) ChangeSomething(random);
    for (uint64_t i = 0; i < random.Below(4); ++i) ASSERT_TRUE(Step(random.Below(500)));
    ASSERT_TRUE(Connect()) << "round " << round;
  }
  CatchUp();
  ExpectEqual();
}

// Two replicas read the same bytes under the same numbers, so that one can continue where the other is.
TEST_F(RedisFeedTest, AReplicaThatContinuesAtTheOffsetOfAnotherHasTheSameData) {
  storage::Random random(5);
  for (int i = 0; i < 500; ++i) ChangeSomething(random);
  BeginStream();
  Connect();
  while (link_->state() == RedisReplica::State::kSendingFile) {
    ChangeSomething(random);
    ASSERT_TRUE(Step());
  }
  CatchUp();
  RedisStream::Reader other;
  ASSERT_TRUE(stream_->Resume(offset_ + 1, &other));
  stream_->Leave(&other);
}

// The commands that belong to the file differ from the stream: no one may continue among them.
TEST_F(RedisFeedTest, AReplicaThatLacksPartsOfItsSyncNeedsAnother) {
  storage::Random random(6);
  for (int i = 0; i < 500; ++i) ChangeSomething(random);
  BeginStream();
  Connect();
  while (link_->state() == RedisReplica::State::kSendingFile) {
    for (int i = 0; i < 5; ++i) ChangeSomething(random);
    ASSERT_TRUE(Step());
  }
  ASSERT_GT(stream_->numbers().last, offset_) << "there is something that belongs to the file";
  EXPECT_FALSE(Connect());
  CatchUp();
  ExpectEqual();
  for (int i = 0; i < 5; ++i) ChangeSomething(random);
  EXPECT_TRUE(Connect()) << "it has acknowledged all of it";
}

// Much of what the stream has meanwhile is in the file already.
TEST_F(RedisFeedTest, AFullSyncMayNeedMegabytesOfPadding) {
  for (const bool takes_end_mark : {true, false}) {
    BeginStream();
    history_ = "?";
    Connect(takes_end_mark);
    for (int i = 0; i < 30; ++i) primary_.Put("key", std::string(100'000, 'x'));
    CatchUp();
    ExpectEqual();
    EXPECT_GT(offset_, 3'000'000);
  }
}

// Under unbroken writes there is always something in the log that the stream has not read.
TEST_F(RedisFeedTest, AFullSyncJoinsAStreamThatIsBehindIt) {
  BeginStream();
  const RedisStream::Start start = stream_->BeginSync();
  for (int i = 0; i < 3; ++i) {
    primary_.Put("key", "value");
    primary_.log().Step();
  }
  const Lsn last = primary_.store().log().appended();
  primary_.Put("key", "later");
  primary_.log().Step();
  std::string messages;
  RedisStream::Reader reader;
  ASSERT_TRUE(stream_->EndSync(start, last, 0, &messages, &reader));
  EXPECT_EQ(stream_->LsnAt(stream_->numbers().last), last) << "and no further";
  stream_->Leave(&reader);
  const RedisStream::Start next = stream_->BeginSync();
  ASSERT_TRUE(stream_->Advance({.now_ms = now_ms_, .backlog_bytes = kBacklog}));
  EXPECT_FALSE(stream_->EndSync(next, last, 0, &messages, &reader)) << "the stream is ahead";
}

TEST_F(RedisFeedTest, MessagesThatArePublishedDuringAFullSyncArrive) {
  storage::Random random(8);
  for (const bool takes_end_mark : {true, false}) {
    for (int i = 0; i < 500; ++i) ChangeSomething(random);
    BeginStream();
    history_ = "?";
    said_.clear();
    Connect(takes_end_mark);
    std::ptrdiff_t published = 0;
    while (link_->state() == RedisReplica::State::kSendingFile) {
      ChangeSomething(random);
      stream_->Publish(primary_.store().log().appended(), false, "channel", "message");
      ++published;
      ASSERT_TRUE(Step());
    }
    CatchUp();
    EXPECT_EQ(std::count(said_.begin(), said_.end(), "PUBLISH"), published);
    EXPECT_GT(published, 1);
    ExpectEqual();
    ASSERT_TRUE(Connect()) << "it has the offset of the stream";
  }
}

TEST_F(RedisFeedTest, OnlyTheFirstMessageThatWaitsNeedsAWake) {
  BeginStream();
  const auto publish = [&](const std::string& message) { return stream_->Publish(0, false, "channel", message); };
  EXPECT_EQ(publish("a"), RedisStream::Queued::kFirst);
  EXPECT_EQ(publish("b"), RedisStream::Queued::kBehindOthers);
  EXPECT_EQ(publish(std::string(65 << 20, 'x')), RedisStream::Queued::kNot);
  ASSERT_TRUE(stream_->Advance({.now_ms = now_ms_, .backlog_bytes = kBacklog}));
  EXPECT_EQ(publish("c"), RedisStream::Queued::kFirst);
}

TEST_F(RedisFeedTest, OneOfAnotherHistoryOrTooFarBehindGetsAFullSync) {
  BeginStream();
  Connect();
  CatchUp();
  link_.reset();
  history_ = std::string(40, 'b');
  EXPECT_FALSE(Connect());
  link_.reset();
  history_ = kHistory;
  offset_ += 1;
  EXPECT_FALSE(Connect()) << "it is ahead";
  offset_ -= 1;
  link_.reset();
  for (int i = 0; i < 30; ++i) {
    primary_.Put("key", std::string(100'000, 'x'));
    primary_.log().Step();
    ASSERT_TRUE(stream_->Advance({.now_ms = now_ms_, .backlog_bytes = kBacklog}));
  }
  EXPECT_FALSE(Connect()) << "its next byte is gone";
}

TEST_F(RedisFeedTest, WaitsForTheEndOfTheFileBeforeItSendsCommands) {
  primary_.Put("key", "value");
  BeginStream();
  Connect();
  link_->Take({}, now_ms_);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Step());
  EXPECT_EQ(link_->state(), RedisReplica::State::kOnline) << "the receiver acknowledges by itself";
  const auto silent =
      std::make_unique<RedisReplica>(stream_, RedisSyncRequest{.acknowledges = true, .takes_end_mark = true});
  silent->BeginFullSync(
      {.store = primary_.store(), .files = disk_, .spool_path = "spool", .end_mark = kEndMark},
      [this](Lsn last) { return TailBehind(last); }, clock_.Now(), now_ms_);
  primary_.Put("key", "newer");
  std::string sent;
  for (int i = 0; i < 20; ++i) {
    primary_.log().Step();
    ASSERT_TRUE(silent->Step(now_ms_, {.output = limits_, .timeout_ms = 60'000, .ping_every_ms = 10'000}));
    sent += silent->Output();
    silent->Sent(silent->Output().size(), now_ms_);
  }
  EXPECT_TRUE(sent.ends_with(kEndMark));
  EXPECT_EQ(silent->state(), RedisReplica::State::kAwaitingLoad);
  ASSERT_TRUE(silent->Take("\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n", now_ms_));
  EXPECT_EQ(silent->state(), RedisReplica::State::kOnline);
}

TEST_F(RedisFeedTest, ASlowOneIsCutAtTheLimitOfItsOutput) {
  BeginStream();
  Connect();
  CatchUp();
  limits_.hard_bytes = 2 << 20;
  storage::Status stepped;
  for (int i = 0; i < 100 && stepped; ++i) {
    primary_.Put("key", std::string(100'000, 'x'));
    stepped = Step(0);
  }
  ASSERT_FALSE(stepped);
  EXPECT_NE(stepped.error().text.find("client-output-buffer-limit"), std::string::npos) << stepped.error().text;
}

// Whatever the log has by now: as if the writers were faster than the feed.
TEST_F(RedisFeedTest, MoreThanTheLimitOfItsOutputIsNeverCollectedForOne) {
  constexpr size_t kMuch = 40 << 20;
  backlog_.SetLimit(2 * kMuch);
  limits_.hard_bytes = 4 << 20;
  primary_.Put("key", "before");
  for (const bool is_syncing : {true, false}) {
    SCOPED_TRACE(is_syncing);
    history_ = "?";
    BeginStream();
    Connect();
    ASSERT_TRUE(Step());
    ASSERT_TRUE(Step(0));  // the key is in the file
    if (!is_syncing) CatchUp();
    for (size_t i = 0; i < kMuch / 100'000; ++i) {
      primary_.Put("key", std::string(100'000, 'x'));
      primary_.log().Step();
    }
    storage::Status stepped;
    for (int i = 0; i < 1000 && stepped; ++i) {
      stepped = Step(0);
      ASSERT_LT(link_->waiting_bytes(), 16u << 20);
    }
    EXPECT_FALSE(stepped);
  }
}

TEST_F(RedisFeedTest, ASilentOneIsCutAfterTheTimeout) {
  BeginStream();
  Connect();
  CatchUp();
  now_ms_ += 61'000;
  const storage::Status stepped = Step();
  ASSERT_FALSE(stepped);
  EXPECT_NE(stepped.error().text.find("repl-timeout"), std::string::npos) << stepped.error().text;
}

TEST_F(RedisFeedTest, HearsPingsMessagesAndQuestionsInTheirPlace) {
  BeginStream();
  Connect();
  CatchUp();
  said_.clear();
  now_ms_ += 11'000;
  Acknowledge();
  ASSERT_TRUE(Step());
  EXPECT_EQ(said_, std::vector<std::string>{"PING"});
  said_.clear();
  primary_.Put("key", "value");
  const Lsn last = primary_.store().log().appended();
  EXPECT_EQ(stream_->Publish(last, false, "channel", "message"), RedisStream::Queued::kFirst);
  stream_->AskForAck(last);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Step());
  EXPECT_EQ(said_, (std::vector<std::string>{"PUBLISH", "REPLCONF"}));
  EXPECT_EQ(Run("get key"), "$5\r\nvalue\r\n");
  EXPECT_LT(link_->acknowledged_lsn(), last);
  Acknowledge();
  EXPECT_EQ(link_->acknowledged_lsn(), last);
}

TEST_F(RedisFeedTest, AMessageOtherThanAnAcknowledgementEndsTheLink) {
  BeginStream();
  Connect();
  for (const std::string bytes : {"*1\r\n$4\r\nPING\r\n", "*2\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n", "*1x\r\n",
                                  "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\nx\r\n"}) {
    RedisReplica link(stream_, {});
    EXPECT_FALSE(link.Take(bytes, now_ms_)) << bytes;
  }
  RedisReplica link(stream_, {});
  EXPECT_FALSE(link.Take(std::string(5000, 'x'), now_ms_));
}

}  // namespace
}  // namespace ringkv::server
