// SPDX-License-Identifier: MIT
// The feed of a Redis replica without sockets: what the replica loads and executes leads to the primary's data, at the
// primary's offset, whatever happens meanwhile.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "resp/request_parser.h"
#include "server/loading/load_rdb.h"
#include "server/redis_feed/padding.h"
#include "server/redis_feed/redis_feeds.h"
#include "storage/log/backlog.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

using storage::Lsn;
using test::Model;

const std::string kHistory(40, 'a');
const std::string kEndMark(40, 'e');

// --- padding --------------------------------------------------------------------------------------------------------

TEST(Padding, HasTheSizeThatItIsToHave) {
  EXPECT_TRUE(IsPadding(0));
  for (const int64_t none : {-1, 1, 13, 15, 19, 30}) EXPECT_FALSE(IsPadding(none)) << none;
  for (int64_t bytes = 31; bytes < 3000; ++bytes) {
    ASSERT_TRUE(IsPadding(bytes)) << bytes;
    std::string out;
    for (int64_t left = bytes; left > 0;) left = AppendPadding(&out, left, 64);
    ASSERT_EQ(static_cast<int64_t>(out.size()), bytes);
    resp::RequestParser parser;
    for (std::string_view rest = out; !rest.empty(); rest.remove_prefix(parser.consumed())) {
      ASSERT_EQ(parser.Parse(rest, {}, true), resp::ParseStatus::kRequest) << bytes;
      ASSERT_EQ(parser.arguments()[0], "PING");
    }
  }
}

// The sizes of a row of commands, without the commands.
void ExpectPaddingOf(int64_t bytes, int64_t most) {
  ASSERT_TRUE(IsPadding(bytes)) << bytes;
  for (int64_t left = bytes; left > 0;) {
    const int64_t first = FirstPadding(left, most);
    const std::optional<int64_t> size = padding::MessageSize(first);
    ASSERT_EQ(first, size ? 19 + std::to_string(*size).size() + *size : kPing.size()) << left << " of " << bytes;
    ASSERT_LE(first, std::max(left, int64_t{0})) << bytes;
    ASSERT_LE(first, 2 * most + 1) << bytes;
    left -= first;
    ASSERT_TRUE(IsPadding(left)) << left << " of " << bytes;
  }
}

TEST(Padding, IsThereInAllSizesButAFewSmallOnes) {
  for (int64_t bytes = 31; bytes <= 100 * 1024; ++bytes) ExpectPaddingOf(bytes, kPaddingAtOnce);
  for (int64_t power = 1000; power <= int64_t{1} << 40; power *= 10) {
    for (int64_t bytes = power - 100; bytes < power + 100; ++bytes) {
      ExpectPaddingOf(bytes, power);  // one or two commands
      ExpectPaddingOf(bytes, std::max(power / 100, kPaddingAtOnce));
    }
  }
  for (int exponent = 10; exponent <= 40; ++exponent) ExpectPaddingOf(int64_t{1} << exponent, int64_t{1} << 30);
}

TEST(Padding, IsReachedByPaddingBefore) {
  for (int64_t missing = -3000; missing < 3000; ++missing) {
    const int64_t before = PaddingBefore(missing);
    ASSERT_TRUE(IsPadding(before) && IsPadding(missing + before)) << missing;
    ASSERT_LE(before, std::max<int64_t>(-missing, 0) + 31);
  }
  EXPECT_EQ(PaddingBefore(5'000'000), 0);
}

// --- a window of bytes ----------------------------------------------------------------------------------------------

TEST(ByteWindow, KeepsTheNewestBytesAndThoseThatAReaderNeeds) {
  ByteWindow window(100);
  EXPECT_EQ(window.first(), 101);
  for (const char* block : {"one", "three", "four"}) window.Append(block);
  EXPECT_EQ(window.last(), 112);
  size_t offset = 9;
  EXPECT_EQ(*window.Find(104, &offset), "three");
  EXPECT_EQ(offset, 0u);
  EXPECT_EQ(*window.Find(108, &offset), "three");
  EXPECT_EQ(offset, 4u);
  window.Trim(4, 103);
  EXPECT_EQ(window.first(), 101) << "a reader needs the first block";
  window.Trim(9, 113);
  EXPECT_EQ(window.first(), 104);
  window.Trim(5, 113);
  EXPECT_EQ(window.first(), 104) << "less than five bytes would be left";
  window.Trim(0, 113);
  EXPECT_EQ(window.bytes(), 0u);
  EXPECT_EQ(window.first(), 113);
}

// --- a replica ------------------------------------------------------------------------------------------------------

// A server that is fed as a redis-server would be: it loads the file and executes the commands.
class RedisFeedTest : public SessionFixture {
 protected:
  RedisFeedTest() {
    primary_.log().Attach(&backlog_);
    limits_.hard_bytes = 256 << 20;
  }
  ~RedisFeedTest() override { [[maybe_unused]] const auto last = primary_.log().Detach(&backlog_); }

  std::unique_ptr<storage::LogTail> TailBehind(Lsn last) {
    return std::make_unique<storage::LogTail>(backlog_, disk_, "", last + 1);
  }

  void BeginStream(int64_t offset = 1000) {
    const Lsn begun = primary_.store().log().appended();
    stream_ = std::make_shared<RedisStream>(kHistory, begun, offset, TailBehind(begun));
  }

  // A new link, which continues if the receiver has a history. False for a full sync.
  bool Connect(bool takes_end_mark = true) {
    link_.reset();
    input_.clear();
    phase_ = Phase::kVerdict;
    RedisSyncRequest request{.acknowledges = true,
                             .history = history_,
                             .next = history_ == "?" ? -1 : offset_ + 1,
                             .takes_end_mark = takes_end_mark,
                             .takes_new_history = true};
    link_ = std::make_unique<RedisReplica>(stream_, request);
    if (link_->Continue(now_ms_)) return true;
    link_->BeginFullSync(
        {.store = primary_.store(), .files = disk_, .spool_path = "spool", .end_mark = kEndMark},
        [this](Lsn last) { return TailBehind(last); }, clock_.Now(), now_ms_);
    return false;
  }

  // One step of the feed; at most so many bytes reach the receiver.
  storage::Status Step(size_t most = SIZE_MAX) {
    primary_.log().Step();
    bool has_copied = false;
    const storage::Status stepped = link_->Step(
        now_ms_, {.output = limits_, .backlog_bytes = kBacklog, .timeout_ms = 60'000, .ping_every_ms = 10'000},
        &has_copied);
    if (!stepped) return stepped;
    const std::string_view some = link_->Output().substr(0, most);
    input_ += some;
    link_->Sent(some.size(), now_ms_);
    Receive();
    return {};
  }

  bool IsLevel() {
    primary_.log().Step();
    return phase_ == Phase::kCommands && link_->state() == RedisReplica::State::kOnline &&
           offset_ == stream_->numbers().last && stream_->LsnAt(offset_) == primary_.store().log().appended();
  }
  void CatchUp() {
    for (int i = 0; i < 100'000 && !IsLevel(); ++i) ASSERT_TRUE(Step()) << i;
    ASSERT_TRUE(IsLevel());
    Acknowledge();
  }

  void Acknowledge() { Tell({"REPLCONF", "ACK", std::to_string(offset_)}); }
  void Tell(const std::vector<std::string>& words) {
    std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    ASSERT_TRUE(link_->Take(bytes, now_ms_));
  }

  // Without the times at which consumers were seen, which Redis doesn't replicate.
  Model Contents() {
    Model contents;
    storage::Txn& txn = server_.thread(0).txn;
    for (storage::DbIndex db = 0; db < 4; ++db) {
      uint64_t cursor = 0;
      do {
        cursor = Walk(txn, db, cursor, 100, [&](const storage::Entry& entry) {
          contents[{db, std::string(entry.key())}] = {test::ShownValue(entry), entry.expiry()};
        });
      } while (cursor != 0);
    }
    return contents;
  }

  void ExpectEqual() {
    const Model got = Contents();
    const Model wanted = primary_.Contents();
    for (const auto& [key, value] : wanted) {
      const auto found = got.find(key);
      ASSERT_NE(found, got.end()) << key.second << " in " << key.first;
      ASSERT_EQ(found->second, value) << key.second << " in " << key.first;
    }
    ASSERT_EQ(got.size(), wanted.size());
  }

  // One change of a random kind to one of few keys, so that they meet.
  void ChangeSomething(storage::Random& random) {
    const std::string key = "key:" + std::to_string(random.Below(300));
    const std::string other = "key:" + std::to_string(random.Below(300));
    const auto db = static_cast<storage::DbIndex>(random.Below(4));
    switch (random.Below(40)) {
      case 0: return primary_.Flush(db);
      case 1: return primary_.Swap(db, 1);
      case 2: return primary_.Rename(key, other);
      case 3: return primary_.PutBoth(key, other, "both");
      case 4:
      case 5: return primary_.Patch(key, random.Below(50), "patch");
      case 6:
      case 7: return primary_.Expire(key, 1'900'000'000'000);
      case 8: return primary_.Delete(key);
      case 9: return primary_.Put(key, std::string(100'000, 'x'), 2);
      default: break;
    }
    switch (random.Below(4)) {
      case 0: return ChangeCollectionAt("key:" + std::to_string(random.Below(20)), random);
      case 1: return ChangeStreamAt("stream:" + std::to_string(random.Below(5)), random);
      default: return primary_.Put(key, std::to_string(random.Next()), db);
    }
  }

  void ChangeCollectionAt(const std::string& key, storage::Random& random) {
    storage::Txn& txn = primary_.txn();
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    if (place && place.entry().type() == storage::ValueType::kString)
      txn.Do(place, storage::Erase{}, storage::events::kNone);
    if (place) {
      test::ChangeCollection(txn, place, random);
    } else if (random.Below(2) == 0) {
      txn.Do(place, storage::ListPush{"first", false}, storage::events::kNone);
    } else {
      txn.Do(place, storage::SortedSetPut{"first", 1.5}, storage::events::kNone);
    }
    txn.Unlock();
  }

  // As commands do: what is pending exists, and a group is made once.
  void ChangeStreamAt(const std::string& key, storage::Random& random) {
    storage::Txn& txn = primary_.txn();
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    const uint64_t last = place ? StreamIn(place.entry()).last_id().ms : 0;
    const storage::StreamId id{last - random.Below(last / 2 + 1), 0};
    const std::string group = "group" + std::to_string(random.Below(2));
    const bool has_group = place && StreamIn(place.entry()).FindGroup(group) != nullptr;
    const bool has_entry = place && StreamIn(place.entry()).Contains(id);
    const uint64_t what = place ? random.Below(10) : 9;
    const auto& none = storage::events::kNone;
    if (what > 5) {
      txn.Do(place, storage::StreamAppend{{last + 1, 0}, std::string_view("\1f\1v", 4)}, none);
    } else if (!has_group) {
      txn.Do(place, storage::StreamGroupPut{group, id, -1}, none);
    } else if (what == 0) {
      txn.Do(place, storage::StreamErase{id}, none);
    } else if (what == 1) {
      txn.Do(place, storage::StreamTrim{id}, none);
    } else if (what == 2) {
      txn.Do(place, storage::StreamGroupMove{group, id, static_cast<int64_t>(random.Below(5))}, none);
    } else if (what == 3) {
      txn.Do(place, storage::StreamAcknowledge{group, id}, none);
    } else if (what == 4 && random.Below(5) == 0) {
      txn.Do(place, storage::StreamGroupErase{group}, none);
    } else if (has_entry) {
      txn.Do(place, storage::StreamPend{group, "consumer", id, 1'700'000'000'000, 1 + random.Below(9)}, none);
    }
    txn.Unlock();
  }

  static constexpr int64_t kBacklog = 1 << 20;

  test::FaultyFileSystem disk_;
  test::DurableStore primary_{disk_};
  storage::Backlog backlog_;
  std::shared_ptr<RedisStream> stream_;
  std::unique_ptr<RedisReplica> link_;
  OutputLimit limits_;
  int64_t now_ms_ = 1'000'000;

  // The receiver.
  enum class Phase { kVerdict, kHead, kMarkedFile, kFile, kCommands };
  Phase phase_ = Phase::kVerdict;
  std::string input_;
  std::string history_ = "?";
  int64_t offset_ = -1;
  size_t file_bytes_ = 0;
  std::vector<std::string> said_;  // commands that are no changes
  resp::RequestParser parser_;

 private:
  void Receive() {
    while (phase_ == Phase::kVerdict || phase_ == Phase::kHead) {
      while (input_.starts_with("\n")) input_.erase(0, 1);
      const size_t end = input_.find("\r\n");
      if (end == std::string::npos) return;
      TakeLine(input_.substr(0, end));
      input_.erase(0, end + 2);
    }
    if (phase_ == Phase::kMarkedFile && input_.ends_with(kEndMark)) {
      Load(input_.substr(0, input_.size() - kEndMark.size()));
      input_.clear();
      Acknowledge();
    } else if (phase_ == Phase::kFile && input_.size() >= file_bytes_) {
      Load(input_.substr(0, file_bytes_));
      input_.erase(0, file_bytes_);
    }
    if (phase_ == Phase::kCommands) TakeCommands();
  }

  void TakeLine(const std::string& line) {
    if (line.starts_with("+FULLRESYNC ")) {
      pending_offset_ = std::stoll(line.substr(line.rfind(' ') + 1));
      EXPECT_EQ(line.substr(12, 40), kHistory);
      phase_ = Phase::kHead;
    } else if (line == "+CONTINUE " + kHistory) {
      phase_ = Phase::kCommands;
    } else if (line == "$EOF:" + kEndMark) {
      phase_ = Phase::kMarkedFile;
    } else {
      ASSERT_TRUE(line.starts_with("$")) << line;
      file_bytes_ = std::stoull(line.substr(1));
      phase_ = Phase::kFile;
    }
  }

  void Load(const std::string& file) {
    phase_ = Phase::kCommands;
    Run("flushall");
    Run("select 0");
    session_->queue.Close();
    {
      auto opened = files_.Open("received.rdb", storage::OpenMode::kReplace);
      ASSERT_TRUE(opened && (*opened)->Append(file));
    }
    const auto loaded = LoadRdb(files_, "received.rdb", {}, server_.thread(0).txn);
    ASSERT_TRUE(loaded) << loaded.error().text;
    history_ = kHistory;
    offset_ = pending_offset_;
  }

  void TakeCommands() {
    size_t used = 0;
    for (;;) {
      const resp::ParseStatus status = parser_.Parse(std::string_view(input_).substr(used), {}, true);
      if (status == resp::ParseStatus::kNeedMore) break;
      ASSERT_EQ(status, resp::ParseStatus::kRequest) << parser_.error();
      Obey({parser_.arguments().begin(), parser_.arguments().end()});
      used += parser_.consumed();
      offset_ += static_cast<int64_t>(parser_.consumed());
    }
    parser_.Restart();
    input_.erase(0, used);
  }

  void Obey(const std::vector<std::string>& argv) {
    if (argv[0] == "PING" || argv[0] == "REPLCONF" || argv[0] == "PUBLISH") {
      said_.push_back(argv[0]);
      return;
    }
    const std::string reply = RunOn(*session_, argv);
    EXPECT_FALSE(reply.starts_with("-") || reply.find("\r\n-") != std::string::npos)
        << argv[0] << ' ' << (argv.size() > 1 ? argv[1] : "") << ' ' << reply;
  }

  int64_t pending_offset_ = -1;
};

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
TEST_F(RedisFeedTest, WhoContinuesWithAnothersOffsetHasItsData) {
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
    bool has_copied = false;
    ASSERT_TRUE(silent->Step(now_ms_, {.output = limits_, .timeout_ms = 60'000, .ping_every_ms = 10'000}, &has_copied));
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

TEST_F(RedisFeedTest, WhatIsNoAcknowledgementEndsTheLink) {
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

// --- all replicas and their stream ----------------------------------------------------------------------------------

class RedisFeedsTest : public RedisFeedTest, protected FeedOwner {
 protected:
  // Before the destructor: the threads of the feeds call the owner, which is this object.
  void TearDown() override { feeds_.CloseAll(); }

  void Admit() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    far_ends_.push_back(std::make_unique<PeerSocket>(ends[1]));
    auto card = std::make_shared<ClientCard>();
    clients_.Add(card);
    feeds_.Admit(ends[0], "", card, {.acknowledges = true, .takes_end_mark = true});
  }

  // Of the owner. What happens in between happens while a thread asks for the history.
  std::string history_id() override {
    if (in_between_) std::exchange(in_between_, nullptr)();
    return owners_history_;
  }
  std::unique_ptr<storage::LogTail> TailFrom(Lsn next) override { return TailBehind(next - 1); }
  void NoteSync(bool, bool) override {}
  void NoteAck() override {}
  void NoteFeedChange() override {}
  void NoteBytesOut(size_t) override {}

  std::function<void()> in_between_;
  std::string owners_history_ = kHistory;
  std::vector<std::unique_ptr<PeerSocket>> far_ends_;
  ClientDirectory clients_;
  Log log_;
  test::SeededChance stream_ids_{7};
  RedisFeeds feeds_{{*this, primary_.store(), backlog_, options_, {clock_, files_, stream_ids_}, log_, clients_}};
};

// Its bytes have the same numbers as others of the stream before, and of other nodes with this history.
TEST_F(RedisFeedsTest, AStreamAfterAGapHasAnotherId) {
  Admit();
  const std::string first = feeds_.stream()->id();
  EXPECT_NE(first, kHistory);
  EXPECT_EQ(first.size(), kHistory.size());
  feeds_.Tick();
  Admit();
  EXPECT_EQ(feeds_.stream()->id(), first) << "they read the same stream";
  feeds_.Forget(feeds_.stream());
  EXPECT_EQ(feeds_.stream(), nullptr);
  EXPECT_EQ(feeds_.size(), 0u);
  Admit();
  EXPECT_NE(feeds_.stream()->id(), first);
}

TEST_F(RedisFeedsTest, AnotherHistoryBeginsAnotherStream) {
  Admit();
  const std::string first = feeds_.stream()->id();
  owners_history_ = std::string(40, 'b');
  feeds_.Tick();
  EXPECT_EQ(feeds_.stream(), nullptr);
  Admit();
  EXPECT_NE(feeds_.stream()->id(), first);
}

TEST_F(RedisFeedsTest, AStreamThatBeganMeanwhileIsNotDroppedInPlaceOfTheOldOne) {
  Admit();
  in_between_ = [this] {
    feeds_.Forget(feeds_.stream());
    owners_history_ = std::string(40, 'b');
    Admit();
  };
  feeds_.Tick();
  ASSERT_NE(feeds_.stream(), nullptr);
  EXPECT_EQ(feeds_.size(), 1u);
}

}  // namespace
}  // namespace ringkv::server
