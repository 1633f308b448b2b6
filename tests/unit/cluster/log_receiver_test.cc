// SPDX-License-Identifier: MIT
// The replica's side of the log stream, fed with bytes.
#include "cluster/replication/log_receiver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::Lsn;
using storage::Result;
using storage::Status;

const std::string kOurs(40, 'a');
const std::string kTheirs(40, 'b');
constexpr int64_t kTimeoutMs = 60'000;

// Notes what it is told. A frame or section is text: its LSN, or "bad", or "end" and an LSN.
class NotingTarget final : public LogReceiver::Target {
 public:
  int64_t timeout_ms() const override { return kTimeoutMs; }
  Lsn appended() override { return last_; }
  History history() override { return history_; }
  uint64_t lowest_epoch() override { return lowest_epoch_; }
  void EndTakeover() override { Note("takeover ended"); }
  void RejectTakeover(const std::string& why) override { Note("takeover rejected: " + why); }
  Result<LogReceiver::Applied> Resume(const std::string& history, uint64_t epoch, Lsn last) override {
    Note("resume " + history.substr(0, 1) + " " + std::to_string(epoch) + " after " + std::to_string(last));
    return LogReceiver::Applied{last};
  }
  void WillDrop(Lsn after) override { Note("drop behind " + std::to_string(after)); }
  Status BeginSnapshot(std::string_view header) override {
    Note("begin " + std::string(header));
    return {};
  }
  Result<LogReceiver::Applied> TakeSection(std::string_view bytes) override {
    Note("section " + std::string(bytes));
    if (!bytes.starts_with("end ")) return LogReceiver::Applied{last_, 0, false};
    return LogReceiver::Applied{last_ = std::stoull(std::string(bytes.substr(4)))};
  }
  Status EndSnapshot(const std::string& history, uint64_t epoch, Lsn last) override {
    Note("whole " + history.substr(0, 1) + " " + std::to_string(epoch) + " at " + std::to_string(last));
    return {};
  }
  Result<LogReceiver::Applied> TakeFrame(std::string_view bytes) override {
    Note("frame " + std::string(bytes));
    if (bytes == "bad") return Fail("it does not apply");
    last_ = std::stoull(std::string(bytes)) + own_changes_;
    return LogReceiver::Applied{last_ - own_changes_, 77};
  }
  void Forget() override { Note("forget"); }
  Status Publish(const PublishedMessage& published) override {
    Note("publish " + std::string(published.channel));
    return {};
  }
  Lsn Secure(Lsn last) override { return std::min(last, durable_); }
  void NoteProgress(const LogReceiver::Progress& progress) override { progress_ = progress; }

  void Note(std::string what) { notes_.push_back(std::move(what)); }

  Lsn last_ = 5;
  Lsn own_changes_ = 0;
  Lsn durable_ = UINT64_MAX;
  uint64_t lowest_epoch_ = 0;
  History history_{kOurs};
  LogReceiver::Progress progress_;
  std::vector<std::string> notes_;
};

struct Heard {
  std::vector<std::string> notes;
  std::string sent;
  std::string error;  // empty: the link stands
  LogReceiver::Progress progress;
  bool operator==(const Heard& other) const { return notes == other.notes && error == other.error; }
};

class LogReceiverTest : public testing::Test {
 protected:
  static std::string Taken(LogReceiver& link) {
    std::string sent;
    while (!link.ToSend().empty()) {
      sent += link.ToSend();
      link.Sent(link.ToSend().size(), 0);
    }
    return sent;
  }
  static Status Give(LogReceiver& link, std::string_view bytes, int64_t now = 0) {
    const std::span<char> room = link.Room();
    EXPECT_LE(bytes.size(), room.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    return link.Received(bytes.size(), now);
  }
  // The link receives these parts.
  Heard Hear(const std::vector<std::string_view>& parts) {
    NotingTarget target = target_;
    LogReceiver link(target, introduction_);
    Heard heard;
    EXPECT_TRUE(link.Open(0));
    for (const std::string_view part : parts) {
      const Status given = Give(link, part);
      if (!given) {
        heard.error = given.error().text;
        break;
      }
      heard.sent += Taken(link);
    }
    heard.notes = target.notes_;
    heard.progress = target.progress_;
    return heard;
  }
  // In one part, in two of every size and byte by byte, with the same effect.
  Heard HearHoweverItIsCut(const std::string& bytes) {
    const Heard whole = Hear({bytes});
    std::vector<std::string_view> each;
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string_view text = bytes;
      each.push_back(text.substr(cut, 1));
      EXPECT_EQ(Hear({text.substr(0, cut), text.substr(cut)}), whole) << "cut at " << cut;
    }
    EXPECT_EQ(Hear(each), whole);
    return whole;
  }

  static std::string Message(MessageKind kind, const std::string& body, uint64_t epoch = 3) {
    return EncodeMessage(kind, epoch, body);
  }
  static std::string Frame(const std::string& body, uint64_t epoch = 3) {
    return Message(MessageKind::kFrame, body, epoch);
  }
  // The last acknowledgement among the bytes.
  static std::optional<Lsn> LastAck(std::string_view sent) {
    const size_t at = sent.rfind("RKVN");
    NodeMessage message;
    size_t size = 0;
    Lsn last = 0;
    if (at == std::string_view::npos || DecodeMessage(sent.substr(at), &message, &size) != Decoded::kMessage) return {};
    return DecodeAck(message.body, &last) ? std::optional<Lsn>(last) : std::nullopt;
  }

  const std::string kAccepted = "+OK\r\n";
  const std::string kContinue = "+RINGKV CONTINUE " + kTheirs + " 3\r\n";
  const std::string kSnapshot = "+RINGKV SNAPSHOT " + kTheirs + " 3\r\n";
  NotingTarget target_;
  ReplicaIntroduction introduction_{.port = 6379, .member = std::string(40, 'c')};
};

TEST_F(LogReceiverTest, ResumesAndAcknowledgesWhatItHasApplied) {
  const Heard heard = HearHoweverItIsCut("\n" + kAccepted + "\r\n" + kContinue + Frame("6") + Frame("8"));
  EXPECT_EQ(heard.notes, (std::vector<std::string>{"takeover ended", "resume b 3 after 5", "frame 6", "frame 8"}));
  EXPECT_EQ(heard.error, "");
  EXPECT_EQ(heard.progress.state, LogReceiver::State::kStreaming);
  EXPECT_EQ(heard.progress.last, 8u);
  EXPECT_EQ(LastAck(heard.sent), 8u);
}

TEST_F(LogReceiverTest, LoadsASnapshotWithFramesBetween) {
  const Heard heard = HearHoweverItIsCut(kAccepted + kSnapshot + Message(MessageKind::kSnapshot, "header") +
                                         Message(MessageKind::kSection, "one") + Frame("9") +
                                         Message(MessageKind::kSection, "end 9") + Frame("10"));
  EXPECT_EQ(heard.notes, (std::vector<std::string>{"takeover ended", "begin header", "section one", "frame 9",
                                                   "section end 9", "whole b 3 at 9", "frame 10"}));
  EXPECT_EQ(heard.progress.state, LogReceiver::State::kStreaming);
  EXPECT_EQ(LastAck(heard.sent), 10u);
}

TEST_F(LogReceiverTest, SaysFirstWhatTheSnapshotMakesItDrop) {
  const Heard heard = HearHoweverItIsCut(kAccepted + "+RINGKV SNAPSHOT " + kTheirs + " 3 4\r\n" +
                                         Message(MessageKind::kSnapshot, "header"));
  EXPECT_EQ(heard.notes, (std::vector<std::string>{"takeover ended", "drop behind 4", "begin header"}));
}

TEST_F(LogReceiverTest, IntroducesItself) {
  introduction_.authentication = {"AUTH", "secret"};
  introduction_.host = "replica";
  const Heard heard = Hear({kAccepted, kAccepted});
  EXPECT_NE(heard.sent.find("listening-port"), std::string::npos);
  EXPECT_NE(heard.sent.find("replica"), std::string::npos);
  EXPECT_NE(heard.sent.find("PSYNC\r\n$40\r\n" + kOurs + "\r\n$1\r\n6\r\n$40\r\n" + introduction_.member),
            std::string::npos);
}

TEST_F(LogReceiverTest, NamesTheHistoriesThatItIsEqualTo) {
  target_.history_.Fork(std::string(40, 'd'), 5);
  EXPECT_NE(Hear({kAccepted}).sent.find("ALSO\r\n$40\r\n" + kOurs), std::string::npos);
  target_.last_ = 6;
  EXPECT_EQ(Hear({kAccepted}).sent.find("ALSO"), std::string::npos);
}

TEST_F(LogReceiverTest, RepeatsNoPasswordInAnError) {
  introduction_.authentication = {"AUTH", "secret"};
  EXPECT_EQ(Hear({"-ERR unknown command `AUTH`, with args beginning with: `secret`\r\n"}).error, "AUTH was refused");
  EXPECT_EQ(Hear({"-WRONGPASS no\r\n"}).error, "AUTH was answered: WRONGPASS no");
}

TEST_F(LogReceiverTest, HandsTheRoleOverAndTakesARefusal) {
  introduction_.takeover = Takeover::kAnyway;
  EXPECT_NE(Hear({kAccepted}).sent.find("FAILOVER\r\n$5\r\nFORCE"), std::string::npos);
  const Heard heard = HearHoweverItIsCut(kAccepted + "-ERR not yet\r\n");
  EXPECT_EQ(heard.notes, std::vector<std::string>{"takeover rejected: -ERR not yet"});
  EXPECT_EQ(heard.error, "FAILOVER was answered: -ERR not yet");
}

TEST_F(LogReceiverTest, KnowsARedisServer) {
  EXPECT_NE(HearHoweverItIsCut("-ERR Unrecognized REPLCONF option: node-link\r\n").error.find("migrate-from"),
            std::string::npos);
  EXPECT_NE(HearHoweverItIsCut(kAccepted + "+FULLRESYNC x 1\r\n").error.find("migrate-from"), std::string::npos);
}

TEST_F(LogReceiverTest, RefusesAVerdictThatIsNone) {
  for (const std::string& verdict :
       {"CONTINUED " + kTheirs + " 3", "CONTINUE " + kTheirs + " -1", "SNAPSHOT " + kTheirs}) {
    EXPECT_NE(Hear({kAccepted + "+RINGKV " + verdict + "\r\n"}).error, "") << verdict;
  }
}

TEST_F(LogReceiverTest, RefusesAPrimaryOfAnOlderEpoch) {
  target_.lowest_epoch_ = 4;
  EXPECT_NE(HearHoweverItIsCut(kAccepted + kContinue).error.find("epoch 3"), std::string::npos);
}

TEST_F(LogReceiverTest, AppliesNothingOfAPrimaryThatWasReplaced) {
  const Heard heard = HearHoweverItIsCut(kAccepted + kContinue + Frame("6", 4) + Frame("7", 3));
  EXPECT_EQ(heard.notes.back(), "frame 6");
  EXPECT_NE(heard.error.find("no longer the primary"), std::string::npos);
}

TEST_F(LogReceiverTest, ForgetsItsHistoryIfAFrameDoesNotApply) {
  const Heard heard = HearHoweverItIsCut(kAccepted + kContinue + Frame("bad") + Frame("7"));
  EXPECT_EQ(heard.notes.back(), "forget");
  EXPECT_EQ(heard.error, "it does not apply");
}

TEST_F(LogReceiverTest, ForgetsItsHistoryIfItHasAChangeOfItsOwn) {
  target_.own_changes_ = 1;
  EXPECT_EQ(HearHoweverItIsCut(kAccepted + kContinue + Frame("6")).notes.back(), "forget");
}

TEST_F(LogReceiverTest, TakesNoPartOfASnapshotThatHasNotBegun) {
  for (const MessageKind kind : {MessageKind::kFrame, MessageKind::kSection, MessageKind::kPublished}) {
    const Heard heard = HearHoweverItIsCut(kAccepted + kSnapshot + Message(kind, "1"));
    EXPECT_EQ(heard.notes, std::vector<std::string>{"takeover ended"});
    EXPECT_EQ(heard.error, "it sent an unexpected message");
  }
  EXPECT_EQ(Hear({kAccepted + kSnapshot + Message(MessageKind::kSnapshot, "1") + Message(MessageKind::kSnapshot, "2")})
                .notes.back(),
            "begin 1");
}

TEST_F(LogReceiverTest, AcknowledgesWhatIsDurableAndSaysSoOnAHeartbeat) {
  target_.durable_ = 7;
  const std::string heartbeat = Message(MessageKind::kHeartbeat, EncodeHeartbeat({.last = 12, .time = 1000}));
  const Heard heard = HearHoweverItIsCut(kAccepted + kContinue + Frame("9") + heartbeat);
  EXPECT_EQ(LastAck(heard.sent), 7u);
  EXPECT_EQ(heard.progress.primary_last, 12u);
  EXPECT_EQ(heard.progress.behind_since, 77);
}

TEST_F(LogReceiverTest, HasCaughtUpWithWhatThePrimaryHadWhenItFirstSaidSo) {
  const std::string begun = kAccepted + kContinue;
  const auto heartbeat = [](Lsn last) { return Message(MessageKind::kHeartbeat, EncodeHeartbeat({.last = last})); };
  EXPECT_FALSE(Hear({begun, Frame("6")}).progress.has_caught_up) << "nobody has said how much there is";
  EXPECT_TRUE(Hear({begun, heartbeat(5)}).progress.has_caught_up);
  EXPECT_FALSE(Hear({begun, heartbeat(8), Frame("7")}).progress.has_caught_up);
  EXPECT_TRUE(Hear({begun, heartbeat(8), Frame("7"), heartbeat(9), Frame("8")}).progress.has_caught_up);
}

TEST_F(LogReceiverTest, HoldsOneAcknowledgementWhileNothingIsSent) {
  LogReceiver link(target_, introduction_);
  ASSERT_TRUE(link.Open(0));
  ASSERT_TRUE(Give(link, kAccepted + kContinue));
  Taken(link);
  for (int lsn = 6; lsn < 100; ++lsn) ASSERT_TRUE(Give(link, Frame(std::to_string(lsn))));
  const std::string sent = Taken(link);
  EXPECT_EQ(sent.size(), 2 * (kMessageHeadBytes + sizeof(Lsn))) << "the one that waited, and one for the rest";
  EXPECT_EQ(LastAck(sent), 99u);
}

TEST_F(LogReceiverTest, DamagedAndForeignBytesEndIt) {
  std::string damaged = Frame("6");
  damaged.back() ^= 1;
  EXPECT_EQ(HearHoweverItIsCut(kAccepted + kContinue + damaged).error, "a message from it is damaged");
  EXPECT_EQ(Hear({kAccepted + kContinue, "GET / HTTP/1.1\r\nHost: ringkv.example\r\n\r\n"}).error,
            "a message from it is damaged");
  EXPECT_EQ(Hear({std::string(200'000, 'x')}).error, "the reply is too long");
}

TEST_F(LogReceiverTest, GivesASilentPrimaryUp) {
  LogReceiver link(target_, introduction_);
  ASSERT_TRUE(link.Open(1000));
  EXPECT_EQ(link.wake_at(), 1000 + kTimeoutMs);
  EXPECT_TRUE(link.Work(1000 + kTimeoutMs - 1));
  ASSERT_TRUE(Give(link, kAccepted + kContinue, 2000));
  EXPECT_EQ(link.wake_at(), 2000 + kTimeoutMs);
  EXPECT_TRUE(link.Work(2000 + kTimeoutMs - 1));
  EXPECT_TRUE(link.Work(2000 + kTimeoutMs));
  EXPECT_FALSE(link.Work(link.wake_at()));
}

TEST_F(LogReceiverTest, AReplyThatComesByteByByteGetsNoMoreTime) {
  LogReceiver link(target_, introduction_);
  ASSERT_TRUE(link.Open(0));
  int64_t now = 0;
  for (; now < 2 * kTimeoutMs && link.Work(now); now += 500) ASSERT_TRUE(Give(link, "x", now));
  EXPECT_LE(now, kTimeoutMs + 1500);
}

// Its disk took so long that the time is up. What the primary has said meanwhile has come.
TEST_F(LogReceiverTest, ItsOwnStallIsNoSilenceOfThePrimary) {
  LogReceiver link(target_, introduction_);
  ASSERT_TRUE(link.Open(0));
  ASSERT_TRUE(Give(link, kAccepted + kContinue + Frame("6"), 0));
  const int64_t late = 5 * kTimeoutMs;
  ASSERT_TRUE(link.Work(late));
  ASSERT_TRUE(Give(link, Frame("7"), late));
  EXPECT_EQ(link.wake_at(), late + kTimeoutMs);
  EXPECT_TRUE(link.Work(late));
}

}  // namespace
}  // namespace ringkv::cluster
