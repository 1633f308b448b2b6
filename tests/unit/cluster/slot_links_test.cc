// SPDX-License-Identifier: MIT
// Both sides of a slot migration: what they do in which order, with a peer that is slow, silent or wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/migration/slot_receiver.h"
#include "cluster/migration/slot_sender.h"

namespace ringkv::cluster {
namespace {

using storage::Fail;
using storage::Lsn;
using storage::Result;
using storage::Status;

constexpr uint64_t kMoveEpoch = 4;
constexpr int64_t kMoveTimeoutMs = 60'000;

SlotSet SlotsFrom(size_t first, size_t last) {
  SlotSet slots;
  for (size_t slot = first; slot <= last; ++slot) slots.set(slot);
  return slots;
}

// Slots of one batch after the other, each with some blocks of keys.
class NotedSource final : public SlotSender::Source {
 public:
  int64_t timeout_ms() const override { return kMoveTimeoutMs; }
  SlotSet SlotsToMove(bool keeps_one) override {
    if (batches_.empty() || (keeps_one && keeps_last_ && batches_.size() == 1)) return {};
    return batches_.front();
  }
  size_t CountOwned() override { return owned_; }
  std::string BeginBatch(const SlotSet& slots) override {
    blocks_ = 2;
    next_ = last_ + 1;
    return EncodeSlotBatch({.source = {}, .ranges = RangesIn(slots)});
  }
  bool NextBlock(std::string* section) override {
    *section = "keys" + std::string(padding_, '.');
    return blocks_-- > 0;
  }
  Result<bool> ReadChanges(std::string* changes) override {
    if (is_gone_) return Fail("it is too slow");
    if (next_ > framed_) return false;
    *changes += "change " + std::to_string(next_++);
    return true;
  }
  Lsn next() const override { return next_; }
  Lsn appended() override { return last_; }
  void HurryFrames() override { framed_ = hurries_ ? last_ : framed_; }
  void BeginRound() override { ++rounds_; }
  bool HasRoundEnded() override { return round_ends_; }
  bool Hold(const SlotSet&, int64_t most_ms) override {
    steps_.push_back("hold " + std::to_string(most_ms));
    last_ += writes_;  // of requests that were under way
    return is_quiet_;
  }
  void Release(const SlotSet&) override { steps_.emplace_back("release"); }
  void NoteAttemptsInVain(const SlotSet&, uint32_t count) override {
    steps_.push_back(std::to_string(count) + " attempts");
  }
  bool IsLedgerSafe() override { return is_safe_; }
  Status PrepareOffer(const SlotSet&) override {
    steps_.emplace_back("prepare");
    return can_write_ ? Status() : Fail("the disk is full");
  }
  void SendOffer(const SlotSet&) override { steps_.emplace_back("offer"); }
  Status Give(const SlotSet& slots) override {
    steps_.push_back("give " + PrintRanges(RangesIn(slots)));
    batches_.erase(batches_.begin());
    return {};
  }

  std::vector<SlotSet> batches_{SlotsFrom(1, 3), SlotsFrom(7, 7)};
  bool keeps_last_ = false;
  size_t owned_ = 1;
  int blocks_ = 0;
  size_t padding_ = 0;
  Lsn last_ = 10;
  Lsn framed_ = 10;
  Lsn next_ = 1;
  Lsn writes_ = 0;
  bool hurries_ = true;
  bool is_gone_ = false;
  bool round_ends_ = true;
  int rounds_ = 0;
  bool is_quiet_ = true;
  bool can_write_ = true;
  bool is_safe_ = true;
  std::vector<std::string> steps_;
};

class NotedTarget final : public SlotReceiver::Target {
 public:
  int64_t timeout_ms() const override { return kMoveTimeoutMs; }
  Status BeginBatch(const SlotBatch& batch) override {
    steps_.push_back("slots " + PrintRanges(batch.ranges));
    return accepts_ ? Status() : Fail("they are mine");
  }
  Status TakeKeys(std::string_view section) override {
    steps_.push_back(std::string(section.substr(0, 4)));
    return {};
  }
  Status TakeChanges(std::string_view changes) override {
    steps_.emplace_back(changes);
    return {};
  }
  Status Secure() override { return can_write_ ? Status() : Fail("the disk is full"); }
  bool IsSafe() override { return is_safe_; }
  Status TakeOver() override {
    steps_.emplace_back("take over");
    is_safe_ = !loses_majority_;
    return {};
  }
  void NoteFinished() override { steps_.emplace_back("finished"); }

  bool accepts_ = true;
  bool can_write_ = true;
  bool is_safe_ = true;
  bool loses_majority_ = false;  // when it writes its ledger
  std::vector<std::string> steps_;
};

class SlotLinksTest : public testing::Test {
 protected:
  SlotLinksTest() { MakeLinks(); }

  void MakeLinks() {
    sender_ = std::make_unique<SlotSender>(source_, kMoveEpoch);
    receiver_ = std::make_unique<SlotReceiver>(target_, PullIntroduction{.epoch = kMoveEpoch, .shard = "b"});
  }
  // Works, and sends to the other side as many bytes at once; false if a link has ended.
  bool Step(size_t at_once = SIZE_MAX) {
    return Work(*sender_) && Work(*receiver_) && Pass(*sender_, *receiver_, at_once) &&
           Pass(*receiver_, *sender_, at_once);
  }
  bool Work(Link& link) {
    const Result<Link::Next> next = link.Work(now_);
    if (!next) ended_ = next.error().text;
    return next.has_value();
  }
  bool Pass(Link& from, Link& to, size_t at_once) {
    while (!from.ToSend().empty()) {
      const std::string bytes(from.ToSend().substr(0, at_once));
      from.Sent(bytes.size(), now_);
      if (!Give(to, bytes)) return false;
    }
    return true;
  }
  bool Give(Link& to, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<char> room = to.Room();
      const size_t count = std::min(room.size(), bytes.size());
      std::copy_n(bytes.begin(), count, room.begin());
      bytes.remove_prefix(count);
      if (const Status taken = to.Received(count, now_); !taken) {
        ended_ = taken.error().text;
        return false;
      }
    }
    return true;
  }
  void Open() {
    ASSERT_TRUE(receiver_->Open(now_));
    receiver_->Sent(receiver_->ToSend().size(), now_);  // the server has read it
    ASSERT_TRUE(sender_->Open(now_));
  }
  void Run(size_t at_once = SIZE_MAX) {
    for (int i = 0; i < 10'000 && Step(at_once); ++i) ++now_;
  }
  // Until the sender is there; what it has to say then is not sent yet.
  void RunTo(SlotSender::State state) {
    for (int i = 0; i < 10'000; ++i, ++now_) {
      ASSERT_TRUE(Work(*sender_)) << ended_;
      if (sender_->state() == state) return;
      ASSERT_TRUE(Pass(*sender_, *receiver_, SIZE_MAX) && Pass(*receiver_, *sender_, SIZE_MAX)) << ended_;
    }
  }
  // As Run, but each answer of the receiver takes so long.
  void RunWithAnswersAfter(int64_t milliseconds) {
    std::deque<std::pair<int64_t, std::string>> answers;
    for (int i = 0; i < 60'000; ++i, ++now_) {
      if (!Work(*sender_) || !Pass(*sender_, *receiver_, SIZE_MAX)) return;
      for (; !receiver_->ToSend().empty(); receiver_->Sent(receiver_->ToSend().size(), now_)) {
        answers.emplace_back(now_ + milliseconds, receiver_->ToSend());
      }
      for (; !answers.empty() && answers.front().first <= now_; answers.pop_front()) {
        ASSERT_TRUE(Give(*sender_, answers.front().second)) << ended_;
      }
    }
  }
  // The sender works on, and nothing arrives.
  bool Starve(int64_t milliseconds) {
    for (const int64_t end = now_ + milliseconds; now_ < end; ++now_) {
      if (!Work(*sender_)) return false;
      while (!sender_->ToSend().empty()) {
        unread_ += sender_->ToSend();
        sender_->Sent(sender_->ToSend().size(), now_);
      }
    }
    return true;
  }

  int64_t now_ = 1000;
  NotedSource source_;
  NotedTarget target_;
  std::unique_ptr<SlotSender> sender_;
  std::unique_ptr<SlotReceiver> receiver_;
  std::string ended_;
  std::string unread_;
};

TEST_F(SlotLinksTest, BatchesMoveOneAfterTheOther) {
  for (const size_t at_once : {SIZE_MAX, size_t{1}, size_t{7}}) {
    source_ = NotedSource();
    target_ = NotedTarget();
    source_.writes_ = 1;
    MakeLinks();
    Open();
    Run(at_once);
    EXPECT_EQ(source_.steps_, (std::vector<std::string>{"prepare", "hold 50", "offer", "give 1-3", "release", "prepare",
                                                        "hold 50", "offer", "give 7", "release"}));
    EXPECT_EQ(target_.steps_,
              (std::vector<std::string>{"slots 1-3", "keys", "keys", "change 11", "take over", "slots 7", "keys",
                                        "keys", "change 12", "take over", "finished"}));
    EXPECT_TRUE(sender_->has_finished());
    EXPECT_TRUE(receiver_->has_finished());
  }
}

TEST_F(SlotLinksTest, NothingIsOfferedBeforeTheOfferIsSafe) {
  Open();
  source_.is_safe_ = true;
  RunTo(SlotSender::State::kCatchingUp);
  source_.is_safe_ = false;
  for (int i = 0; i < 200; ++i, ++now_) ASSERT_TRUE(Step()) << ended_;
  EXPECT_EQ(source_.steps_, (std::vector<std::string>{"prepare"}));
  source_.is_safe_ = true;
  RunTo(SlotSender::State::kChoosing);
  EXPECT_EQ(source_.steps_, (std::vector<std::string>{"prepare", "hold 50", "offer", "give 1-3", "release"}));
}

TEST_F(SlotLinksTest, TheNextBatchWaitsUntilTheSlotsAreGivenForSure) {
  Open();
  RunTo(SlotSender::State::kOffering);
  source_.is_safe_ = false;
  for (int i = 0; i < 200; ++i, ++now_) ASSERT_TRUE(Step()) << ended_;
  EXPECT_EQ(sender_->state(), SlotSender::State::kChoosing);
  EXPECT_EQ(target_.steps_.back(), "take over");
  source_.is_safe_ = true;
  Run();
  EXPECT_TRUE(sender_->has_finished());
}

TEST_F(SlotLinksTest, ABarrierIsAnsweredWhenAMajorityHasWhatCame) {
  Open();
  target_.is_safe_ = false;
  RunTo(SlotSender::State::kLevelling);
  for (int i = 0; i < 200; ++i, ++now_) ASSERT_TRUE(Step()) << ended_;
  EXPECT_EQ(sender_->state(), SlotSender::State::kLevelling);
  target_.is_safe_ = true;
  Run();
  EXPECT_TRUE(receiver_->has_finished());
}

TEST_F(SlotLinksTest, SlotsAreAcknowledgedWhenAMajorityKnowsThatTheyWereTaken) {
  Open();
  target_.loses_majority_ = true;
  RunTo(SlotSender::State::kOffering);
  for (int i = 0; i < 200; ++i, ++now_) ASSERT_TRUE(Step()) << ended_;
  EXPECT_EQ(target_.steps_.back(), "take over");
  EXPECT_EQ(sender_->state(), SlotSender::State::kOpen) << "clients are told to ask there meanwhile";
  target_.is_safe_ = true;
  target_.loses_majority_ = false;
  Run();
  EXPECT_EQ(std::count(target_.steps_.begin(), target_.steps_.end(), "take over"), 2) << "once for each batch";
  EXPECT_TRUE(sender_->has_finished());
}

TEST_F(SlotLinksTest, AsksWithItsPasswordAndItsSlots) {
  SlotReceiver link(target_, {.authentication = {"AUTH", "secret"}, .epoch = 4, .shard = "b", .owned = "5-6"});
  ASSERT_TRUE(link.Open(now_));
  EXPECT_EQ(link.ToSend(), "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
  link.Sent(link.ToSend().size(), now_);
  ASSERT_TRUE(Give(link, "+OK\r\n"));
  EXPECT_EQ(link.ToSend(), "*5\r\n$7\r\nCLUSTER\r\n$4\r\nPULL\r\n$1\r\n4\r\n$1\r\nb\r\n$3\r\n5-6\r\n");
  EXPECT_FALSE(Give(link, "-TRYAGAIN another epoch\r\n"));
  EXPECT_EQ(ended_, "CLUSTER was answered: TRYAGAIN another epoch");
}

TEST_F(SlotLinksTest, APasswordThatTheOtherSideQuotesIsNotRepeated) {
  SlotReceiver link(target_, {.authentication = {"AUTH", "secret"}, .epoch = 4, .shard = "b"});
  ASSERT_TRUE(link.Open(now_));
  EXPECT_FALSE(Give(link, "-ERR unknown command 'AUTH' with 'secret'\r\n"));
  EXPECT_EQ(ended_, "AUTH was refused");
}

TEST_F(SlotLinksTest, RequestsAreHeldForATenthOfASecondAtFirst) {
  source_.writes_ = 1;
  source_.hurries_ = false;  // the log does not get on
  Open();
  RunTo(SlotSender::State::kDraining);
  const int64_t held = now_;
  while (source_.steps_.back() != "release" && now_ < held + 1000) ASSERT_TRUE(Starve(1));
  EXPECT_LE(now_ - held, 52);
  source_.framed_ = source_.last_;
  ASSERT_TRUE(Give(*receiver_, unread_)) << ended_;
  source_.steps_.clear();
  source_.writes_ = 0;
  RunTo(SlotSender::State::kConfirming);
  EXPECT_EQ(source_.steps_, (std::vector<std::string>{"hold 100"})) << "with more patience";
  EXPECT_TRUE(Starve(60)) << ended_;
  EXPECT_EQ(source_.steps_.back(), "hold 100") << "and for the answer, too";
  EXPECT_TRUE(Starve(60)) << ended_;
  EXPECT_EQ(source_.steps_.back(), "release");
  EXPECT_FALSE(sender_->was_offered());
}

TEST_F(SlotLinksTest, AReceiverWhoseFilesAreSlowGetsTheSlotsAfterSomeAttempts) {
  source_.batches_ = {SlotsFrom(7, 7)};
  Open();
  RunWithAnswersAfter(300);
  EXPECT_EQ(source_.steps_, (std::vector<std::string>{"prepare", "hold 400", "offer", "release", "give 7", "release"}));
  EXPECT_TRUE(sender_->has_finished());
}

TEST_F(SlotLinksTest, RequestsAreNotHeldForAReceiverThatIsMuchTooSlowAndTheOperatorIsTold) {
  Open();
  RunWithAnswersAfter(1200);
  EXPECT_EQ(source_.steps_, (std::vector<std::string>{"prepare", "8 attempts"}));
}

TEST_F(SlotLinksTest, AScriptThatTakesLongIsGivenMoreTimeEachTime) {
  source_.is_quiet_ = false;
  Open();
  while (source_.rounds_ < 8 && Step()) ++now_;
  const std::vector<std::string>& steps = source_.steps_;
  EXPECT_EQ(steps[1], "hold 50");
  EXPECT_EQ(steps[3], "hold 100");
  EXPECT_EQ(steps[steps.size() - 2], "hold 1000");
}

TEST_F(SlotLinksTest, AnOfferWithoutAnAnswerEndsThePauseAndStaysOpen) {
  Open();
  RunTo(SlotSender::State::kOffering);
  ASSERT_TRUE(Starve(60));
  EXPECT_EQ(sender_->state(), SlotSender::State::kOpen);
  EXPECT_EQ(source_.steps_.back(), "release");
  ASSERT_TRUE(Give(*receiver_, unread_)) << ended_;
  unread_.clear();
  RunTo(SlotSender::State::kCopying);
  EXPECT_EQ(source_.steps_[source_.steps_.size() - 2], "give 1-3");

  RunTo(SlotSender::State::kOffering);
  EXPECT_FALSE(Starve(2 * kMoveTimeoutMs));
  EXPECT_EQ(ended_, "it has not confirmed the slots");
  EXPECT_TRUE(sender_->was_offered()) << "the receiver's ledger decides";
}

TEST_F(SlotLinksTest, NothingIsOfferedThatTheLedgerDoesNotSay) {
  source_.can_write_ = false;
  Open();
  Run();
  EXPECT_EQ(ended_, "the disk is full");
  EXPECT_FALSE(sender_->was_offered());
}

TEST_F(SlotLinksTest, NothingIsAcknowledgedThatIsNotSafe) {
  target_.can_write_ = false;
  Open();
  Run();
  EXPECT_EQ(ended_, "the disk is full");
  EXPECT_EQ(source_.steps_, std::vector<std::string>());
}

// It may take itself for their owner still: what it says of that is not to be taken for an answer to the offer.
TEST_F(SlotLinksTest, NoOfferIsInTheLedgerOfSlotsThatItsReceiverDoesNotAccept) {
  target_.accepts_ = false;
  Open();
  Run();
  EXPECT_EQ(ended_, "they are mine");
  EXPECT_EQ(source_.steps_, std::vector<std::string>());
}

TEST_F(SlotLinksTest, ALeavingShardKeepsASlotUntilClientsKnowTheOwnersOfTheOthers) {
  source_.keeps_last_ = true;
  Open();
  const auto has_given = [&](const std::string& slots) {
    return std::find(source_.steps_.begin(), source_.steps_.end(), "give " + slots) != source_.steps_.end();
  };
  while (!has_given("1-3")) {
    ASSERT_TRUE(Step());
    ++now_;
  }
  const int64_t given = now_;
  while (!has_given("7") && Step()) ++now_;
  EXPECT_TRUE(has_given("7"));
  EXPECT_GE(now_ - given, 1000);
}

TEST_F(SlotLinksTest, WhatWaitsToBeSentIsBounded) {
  source_.padding_ = 1 << 20;
  Open();
  for (int i = 0; i < 100; ++i, now_ += 20) ASSERT_TRUE(Work(*sender_));
  size_t waiting = 0;
  while (!sender_->ToSend().empty()) {
    waiting += sender_->ToSend().size();
    sender_->Sent(sender_->ToSend().size(), now_);
  }
  EXPECT_LT(waiting, 3u << 20);
  source_.padding_ = 0;
  sender_->Sent(0, now_);
}

TEST_F(SlotLinksTest, APeerThatReadsNothingOrSaysNothingEndsTheLink) {
  Open();
  now_ += kMoveTimeoutMs;
  EXPECT_TRUE(Work(*sender_));
  EXPECT_TRUE(Work(*receiver_)) << "what has come meanwhile is looked at first";
  now_ += Silence::kLastLookMs;
  EXPECT_FALSE(Work(*sender_));
  EXPECT_EQ(ended_, "the peer has read nothing for 60000 ms");
  EXPECT_FALSE(Work(*receiver_));
  EXPECT_EQ(ended_, "no answer within 60000 ms");
}

TEST_F(SlotLinksTest, AReplyThatComesByteByByteGetsNoMoreTime) {
  ASSERT_TRUE(receiver_->Open(now_));
  const int64_t most = now_ + kMoveTimeoutMs + 2 * Silence::kLastLookMs;
  while (now_ < most && Work(*receiver_) && Give(*receiver_, "x")) now_ += Silence::kLastLookMs / 2;
  EXPECT_EQ(ended_, "no answer within 60000 ms");
}

TEST_F(SlotLinksTest, MessagesOutOfPlaceEndTheLink) {
  const auto says = [&](MessageKind kind, const std::string& body, uint64_t epoch = kMoveEpoch) {
    SlotReceiver link(target_, {.epoch = kMoveEpoch, .shard = "b"});
    EXPECT_TRUE(link.Open(now_));
    return Give(link, "+RINGKV SLOTS\r\n" + EncodeMessage(kind, epoch, body)) ? "" : ended_;
  };
  EXPECT_EQ(says(MessageKind::kSlotKeys, "keys"), "it sent an unexpected message");
  EXPECT_EQ(says(MessageKind::kSlotChanges, "changes"), "it sent an unexpected message");
  EXPECT_EQ(says(MessageKind::kOffer, EncodeAck(1)), "it offered no slots");
  EXPECT_EQ(says(MessageKind::kBarrier, "x"), "it sent an invalid message");
  EXPECT_EQ(says(MessageKind::kSlots, "x"), "it sent an invalid list of slots");
  EXPECT_EQ(says(MessageKind::kFrame, "x"), "it sent an unexpected message");
  EXPECT_EQ(says(MessageKind::kNoMoreSlots, "", 3), "it sent a message of another epoch");

  Open();
  const std::string bad = "it sent a message that is not an acknowledgement";
  for (const std::string& message :
       {EncodeMessage(MessageKind::kAck, kMoveEpoch, EncodeAck(1)), EncodeMessage(MessageKind::kAck, 3, EncodeAck(0)),
        EncodeMessage(MessageKind::kOffer, kMoveEpoch, EncodeAck(0))}) {
    ended_.clear();
    SlotSender link(source_, kMoveEpoch);
    ASSERT_TRUE(link.Open(now_));
    EXPECT_FALSE(Give(link, message));
    EXPECT_EQ(ended_, bad);
  }
}

}  // namespace
}  // namespace ringkv::cluster
