// SPDX-License-Identifier: MIT
// The primary's side of the log stream: what it sends, and what it takes.
#include "cluster/replication/log_sender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ringkv::cluster {
namespace {

using storage::Backlog;
using storage::FrameList;
using storage::Lsn;
using storage::Result;
using storage::Status;

const std::string kSendersId(40, 'a');
const std::string kEarlierId(40, 'e');
constexpr Lsn kEarlierEnd = 7;
constexpr int64_t kSenderTimeoutMs = 60'000;

// A log whose frames hold one group each, from `first_` on.
class ListedSource final : public LogSender::Source {
 public:
  int64_t timeout_ms() const override { return kSenderTimeoutMs; }
  storage::UnixMs wall_time() const override { return 1'700'000'000'000; }
  uint64_t epoch() override { return epoch_; }
  std::string history_id() override { return kSendersId; }
  std::optional<Lsn> EndOf(const std::string& history) override {
    return history == kEarlierId ? std::optional<Lsn>(kEarlierEnd) : std::nullopt;
  }
  bool Holds(const std::string& history, Lsn last) override { return history == kSendersId && last <= appended(); }
  Lsn appended() override { return framed_ + unframed_; }
  void Seek(Lsn next) override { next_ = next; }
  Backlog::ReadResult Read(size_t most, FrameList* frames) override {
    frames->clear();
    if (next_ < first_ || next_ >= gone_from_) return Backlog::ReadResult::kGone;
    for (size_t bytes = 0; next_ <= framed_ && next_ < gone_from_ && bytes < most; ++next_) {
      frames->push_back(std::make_shared<const std::string>(std::to_string(next_) + std::string(padding_, '.')));
      bytes += frames->back()->size();
    }
    return frames->empty() ? Backlog::ReadResult::kNothingYet : Backlog::ReadResult::kFrames;
  }
  Lsn next() const override { return next_; }
  void HurryFrames() override {
    framed_ += std::exchange(unframed_, 0);
    ++hurried_;
  }
  std::string BeginSnapshot() override {
    Seek(appended() + 1);
    return "header";
  }
  bool NextBlock(std::string* section) override {
    if (blocks_ == 0) return false;
    *section = "block";
    framed_ += grows_;  // while the next one is made
    return blocks_-- > 0;
  }
  std::string EndSnapshot(Lsn last) override { return "end " + std::to_string(last); }
  std::shared_ptr<const std::string> NextPublished(Lsn next) override {
    if (published_.empty() || published_.front().first >= next) return nullptr;
    auto body = std::make_shared<const std::string>(std::move(published_.front().second));
    published_.pop_front();
    return body;
  }
  void NoteSync(bool is_partial) override { is_partial_ = is_partial; }
  void NoteOnline() override { is_online_ = true; }
  void NoteAcknowledged(Lsn last) override { acknowledged_.push_back(last); }
  void NoteSent(size_t bytes) override { sent_ += bytes; }

  Lsn first_ = 1;
  Lsn gone_from_ = UINT64_MAX;
  Lsn framed_ = 10;
  Lsn unframed_ = 0;
  Lsn next_ = 0;
  uint64_t epoch_ = 3;
  size_t padding_ = 0;
  int blocks_ = 0;
  Lsn grows_ = 0;
  int hurried_ = 0;
  bool is_partial_ = false;
  bool is_online_ = false;
  size_t sent_ = 0;
  std::deque<std::pair<Lsn, std::string>> published_;
  std::vector<Lsn> acknowledged_;
};

class LogSenderTest : public testing::Test {
 protected:
  LogSender& Open(Lsn next, const std::string& unread = "") {
    link_ = std::make_unique<LogSender>(source_, FeedRequest{{std::string(40, 'x'), asked_}, next, "", true}, unread);
    EXPECT_TRUE(link_->Open(now_));
    return *link_;
  }
  // Works and sends until it waits.
  void Run() {
    for (;;) {
      const Result<Link::Next> next = link_->Work(now_);
      ASSERT_TRUE(next) << next.error().text;
      const bool had_bytes = !link_->ToSend().empty();
      while (!link_->ToSend().empty()) {
        sent_ += link_->ToSend();
        link_->Sent(link_->ToSend().size(), now_);
      }
      if (*next == Link::Next::kWait && !had_bytes) return;
    }
  }
  Status Give(std::string_view bytes) {
    const std::span<char> room = link_->Room();
    EXPECT_LE(bytes.size(), room.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    return link_->Received(bytes.size(), now_);
  }
  static std::string Ack(Lsn last, uint64_t epoch = 3) {
    return EncodeMessage(MessageKind::kAck, epoch, EncodeAck(last));
  }
  // What was sent: the line, then each message as a word of its kind and its body.
  std::vector<std::string> Sent() {
    std::vector<std::string> said;
    std::string_view rest = sent_;
    const size_t end = rest.find("\r\n");
    said.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 2);
    NodeMessage message;
    size_t size = 0;
    while (DecodeMessage(rest, &message, &size) == Decoded::kMessage) {
      const bool is_heartbeat = message.kind == MessageKind::kHeartbeat;
      said.emplace_back(is_heartbeat ? "heartbeat" : std::string(message.body.substr(0, message.body.find('.'))));
      rest.remove_prefix(size);
    }
    EXPECT_TRUE(rest.empty());
    return said;
  }

  ListedSource source_;
  std::string asked_ = kSendersId;  // the receiver's history
  std::unique_ptr<LogSender> link_;
  std::string sent_;
  int64_t now_ = 5000;
};

TEST_F(LogSenderTest, SendsWhatItHasReadBeforeAGap) {
  source_.gone_from_ = 8;
  LogSender& link = Open(6);
  for (bool goes_on = true; goes_on;) {
    goes_on = link.Work(now_).has_value();
    sent_ += link.ToSend();
    if (goes_on) link.Sent(link.ToSend().size(), now_);
  }
  // The replica asks for group 8 next, and gets a snapshot.
  EXPECT_NE(sent_.find("7", sent_.find("6")), std::string::npos);
  EXPECT_TRUE(link.ToSend().empty());
}

TEST_F(LogSenderTest, ResumesBehindWhatTheReplicaHas) {
  Open(9);
  Run();
  EXPECT_EQ(Sent(), (std::vector<std::string>{"+RINGKV CONTINUE " + kSendersId + " 3", "9", "10", "heartbeat"}));
  EXPECT_TRUE(source_.is_partial_);
  EXPECT_TRUE(source_.is_online_);
  EXPECT_EQ(source_.sent_, sent_.size());
}

TEST_F(LogSenderTest, SendsASnapshotIfTheLogIsGoneOrOfAnotherHistory) {
  source_.first_ = 5;
  for (const Lsn next : {Lsn{0}, Lsn{4}, Lsn{12}}) {
    sent_.clear();
    Open(next);
    Run();
    EXPECT_EQ(Sent(),
              (std::vector<std::string>{"+RINGKV SNAPSHOT " + kSendersId + " 3", "header", "end 10", "heartbeat"}));
  }
}

TEST_F(LogSenderTest, SaysWhereAFormerPrimaryPartedFromIt) {
  const auto verdict = [&](Lsn next) {
    sent_.clear();
    asked_ = kEarlierId;
    Open(next);
    Run();
    return Sent().front();
  };
  EXPECT_EQ(verdict(10), "+RINGKV SNAPSHOT " + kSendersId + " 3 7");
  EXPECT_EQ(verdict(8), "+RINGKV SNAPSHOT " + kSendersId + " 3") << "nothing is dropped";
}

TEST_F(LogSenderTest, SendsAllFramesBeforeItCopiesABlock) {
  source_.blocks_ = 3;
  source_.grows_ = 1;
  Open(0);
  Run();
  EXPECT_EQ(Sent(), (std::vector<std::string>{"+RINGKV SNAPSHOT " + kSendersId + " 3", "header", "block", "11", "block",
                                              "12", "block", "13", "end 13", "heartbeat"}));
}

TEST_F(LogSenderTest, EndsTheSnapshotOnlyWithTheFramesOfAllThatWasCopied) {
  source_.blocks_ = 1;
  Open(0);
  source_.unframed_ = 2;
  const Result<Link::Next> copied = link_->Work(now_);
  ASSERT_TRUE(copied);
  EXPECT_EQ(*copied, Link::Next::kRest);
  Run();
  EXPECT_GT(source_.hurried_, 0);
  EXPECT_FALSE(source_.is_online_);
  EXPECT_EQ(link_->wake_at(), now_ + 10);
  now_ = link_->wake_at();
  Run();
  EXPECT_TRUE(source_.is_online_);
  EXPECT_EQ(Sent(), (std::vector<std::string>{"+RINGKV SNAPSHOT " + kSendersId + " 3", "header", "block", "11", "12",
                                              "end 12", "heartbeat"}));
}

TEST_F(LogSenderTest, ProducesNoMoreThanABatchWhileNothingIsSent) {
  source_.padding_ = 1000;
  source_.framed_ = 100'000;
  Open(1);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(link_->Work(now_));
  EXPECT_LT(source_.next_, 1000u);
  for (int i = 0; i < 10'000; ++i) source_.published_.emplace_back(0, std::string(1000, 'p'));
  Run();
  EXPECT_TRUE(source_.published_.empty());
  EXPECT_EQ(Sent().size(), 1u + 100'000 + 10'000 + 1);
}

TEST_F(LogSenderTest, SendsAFrameLargerThanABatch) {
  source_.padding_ = 1 << 20;
  Open(10);
  Run();
  EXPECT_EQ(Sent(), (std::vector<std::string>{"+RINGKV CONTINUE " + kSendersId + " 3", "10", "heartbeat"}));
}

TEST_F(LogSenderTest, SendsAPublishedMessageAfterTheChangesThatPrecedeIt) {
  Open(10);
  source_.published_ = {{10, "early"}, {12, "late"}};
  Run();
  source_.framed_ = 12;
  Run();
  EXPECT_EQ(Sent(), (std::vector<std::string>{"+RINGKV CONTINUE " + kSendersId + " 3", "10", "early", "heartbeat", "11",
                                              "12", "late"}));
}

TEST_F(LogSenderTest, SendsAHeartbeatEachSecond) {
  Open(11);
  Run();
  EXPECT_EQ(link_->wake_at(), now_ + 1000);
  now_ += 999;
  Run();
  EXPECT_EQ(Sent().size(), 2u);
  now_ += 1;
  Run();
  EXPECT_EQ(Sent().size(), 3u);
}

TEST_F(LogSenderTest, TakesAcknowledgementsHoweverTheyAreCut) {
  const std::string bytes = Ack(7) + Ack(9);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Open(9, bytes.substr(0, cut));
    ASSERT_TRUE(Give(bytes.substr(cut)));
    EXPECT_EQ(link_->acknowledged(), 9u);
    EXPECT_EQ(source_.acknowledged_.back(), 9u);
  }
}

TEST_F(LogSenderTest, LooksAtWhatCameWithTheRequest) {
  Open(9, Ack(10));
  Run();
  EXPECT_EQ(link_->acknowledged(), 10u);
  Open(9, Ack(11));
  EXPECT_TRUE(link_->ToSend().starts_with("+RINGKV CONTINUE")) << "the answer goes first";
  EXPECT_FALSE(link_->Work(now_));
}

TEST_F(LogSenderTest, RefusesWhatIsNoAcknowledgementOfThisEpoch) {
  for (const std::string& bytes :
       {Ack(11), Ack(9, 2), EncodeMessage(MessageKind::kHeartbeat, 3, EncodeHeartbeat({})),
        EncodeMessage(MessageKind::kAck, 3, "short"), std::string("QUIT\r\n") + std::string(40, ' '),
        EncodeMessageHead(MessageKind::kAck, 3, std::string(5000, 'x'))}) {
    Open(9);
    EXPECT_FALSE(Give(bytes));
    EXPECT_EQ(link_->acknowledged(), 0u);
  }
}

TEST_F(LogSenderTest, EndsWhenTheReplicaIsTooFarBehind) {
  Open(9);
  source_.first_ = 50;
  source_.framed_ = 60;
  EXPECT_TRUE(link_->Work(now_)) << "what was read before goes first";
  while (!link_->ToSend().empty()) link_->Sent(link_->ToSend().size(), now_);
  EXPECT_FALSE(link_->Work(now_));
}

TEST_F(LogSenderTest, GivesAReplicaUpThatReadsNothing) {
  Open(1);
  ASSERT_TRUE(link_->Work(now_));
  EXPECT_EQ(link_->wake_at(), now_ + kSenderTimeoutMs);
  link_->Sent(1, now_ + 5000);
  EXPECT_TRUE(link_->Work(now_ + kSenderTimeoutMs));
  EXPECT_TRUE(link_->Work(now_ + 5000 + kSenderTimeoutMs));
  EXPECT_FALSE(link_->Work(link_->wake_at()));
}

// What takes long to send is no silence.
TEST_F(LogSenderTest, GivesAReplicaUpThatAcknowledgesNothing) {
  Open(1);
  ASSERT_TRUE(link_->Work(now_));
  for (int64_t sent_at = 0; sent_at < 2 * kSenderTimeoutMs;
       sent_at += kSenderTimeoutMs / 2, now_ += kSenderTimeoutMs / 2) {
    ASSERT_TRUE(link_->Work(now_));
    link_->Sent(1, now_);
  }
  ASSERT_TRUE(link_->Work(now_));
  Run();
  const int64_t heard = now_;
  while (now_ < heard + kSenderTimeoutMs) {
    Run();
    now_ = link_->wake_at();
    if (now_ == heard + 30'000) {
      ASSERT_TRUE(Give(Ack(10)));
    }
  }
  Run();
  now_ = heard + 30'000 + kSenderTimeoutMs;
  Run();
  EXPECT_FALSE(link_->Work(now_ + Silence::kLastLookMs));
}

// While its disk, or the process, stood still, a replica had nothing to acknowledge, or could not be heard.
TEST_F(LogSenderTest, ItsOwnStallIsNoSilenceOfTheReplica) {
  Open(9);
  Run();
  now_ += 5 * kSenderTimeoutMs;
  Run();
  EXPECT_EQ(Sent().back(), "heartbeat");
  now_ += 100;
  ASSERT_TRUE(Give(Ack(9)));
  now_ += kSenderTimeoutMs - 1;
  Run();
}

}  // namespace
}  // namespace ringkv::cluster
