// SPDX-License-Identifier: MIT
// The question which slots a shard owns: what is asked, and what is taken for an answer.
#include "cluster/migration/owner_question.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace ringkv::cluster {
namespace {

constexpr int64_t kReplyMs = 500;

class OwnerQuestionTest : public testing::Test {
 protected:
  explicit OwnerQuestionTest(std::vector<std::string> authentication = {})
      : question_("s1", std::move(authentication), kReplyMs) {
    EXPECT_TRUE(link_.Open(0));
  }
  // What the node is asked.
  std::string Asked() {
    const std::string bytes(link_.ToSend());
    link_.Sent(bytes.size(), 0);
    return bytes;
  }
  // Why the link ends; empty: it does not.
  std::string Say(const std::string& bytes) {
    const std::span<char> room = link_.Room();
    std::copy(bytes.begin(), bytes.end(), room.begin());
    const storage::Status taken = link_.Received(bytes.size(), 0);
    return taken ? "" : taken.error().text;
  }
  // The error of the outcome, once the link has ended so.
  std::string ErrorAfter(const std::string& why) {
    const storage::Result<OwnedSlots> outcome = question_.Outcome({why});
    return outcome ? "none" : outcome.error().text;
  }

  OwnerQuestion question_;
  Link& link_ = question_.link();
};

TEST_F(OwnerQuestionTest, EndsWithTheAnswer) {
  EXPECT_EQ(Asked(), "*2\r\n$7\r\nCLUSTER\r\n$5\r\nOWNED\r\n");
  EXPECT_EQ(Say("+OWNED 7 s1 0-"), "");
  EXPECT_EQ(Say("2 9\r\n"), "it has answered");
  const storage::Result<OwnedSlots> outcome = question_.Outcome({"it has answered"});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->epoch, 7u);
  EXPECT_EQ(RangesIn(outcome->slots), (std::vector<SlotRange>{{0, 2}, {9, 9}}));
}

TEST_F(OwnerQuestionTest, AShardMayOwnNothing) {
  EXPECT_EQ(Say("+OWNED 7 s1 \r\n"), "it has answered");
  const storage::Result<OwnedSlots> outcome = question_.Outcome({"it has answered"});
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->slots.none());
}

TEST_F(OwnerQuestionTest, AnErrorIsNoAnswer) {
  const std::string why = Say("-ERR this node is a replica\r\n");
  EXPECT_EQ(why, "CLUSTER was answered: ERR this node is a replica");
  EXPECT_EQ(ErrorAfter(why), why);
}

TEST_F(OwnerQuestionTest, AnotherShardIsNotTheOneThatIsMeant) {
  EXPECT_EQ(ErrorAfter(Say("+OWNED 7 s2 0-2\r\n")), "it takes itself for a node of 's2'");
}

TEST_F(OwnerQuestionTest, SaysWhatItDoesNotUnderstand) { EXPECT_EQ(ErrorAfter(Say("+PONG\r\n")), "it answered: PONG"); }

TEST_F(OwnerQuestionTest, DoesNotWaitForLong) {
  EXPECT_EQ(link_.wake_at(), kReplyMs);
  storage::Result<Link::Next> next = Link::Next::kWait;
  int64_t now = 0;
  for (; next && now < 3 * kReplyMs; ++now) next = link_.Work(now);
  ASSERT_FALSE(next);
  EXPECT_GE(now, kReplyMs);
  EXPECT_EQ(ErrorAfter(next.error().text), "no answer within 500 ms");
}

class KnownOwnerQuestionTest : public OwnerQuestionTest {
 protected:
  KnownOwnerQuestionTest() : OwnerQuestionTest({"AUTH", "secret"}) {}
};

TEST_F(KnownOwnerQuestionTest, AuthenticatesFirst) {
  EXPECT_EQ(Asked(), "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
  EXPECT_EQ(Say("+OK\r\n"), "");
  EXPECT_EQ(Asked(), "*2\r\n$7\r\nCLUSTER\r\n$5\r\nOWNED\r\n");
  EXPECT_EQ(Say("+OWNED 1 s1 5\r\n"), "it has answered");
}

TEST_F(KnownOwnerQuestionTest, IsTurnedAway) {
  const std::string why = Say("-WRONGPASS it is wrong\r\n");
  EXPECT_EQ(ErrorAfter(why), "AUTH was answered: WRONGPASS it is wrong");
}

TEST(OwnedSlotsTest, ArePrintedAndParsed) {
  const OwnedSlots owned{.epoch = 3, .shard = "s", .slots = SlotsIn({{1, 4}, {16383, 16383}})};
  EXPECT_EQ(PrintOwned(owned), "OWNED 3 s 1-4 16383");
  const storage::Result<OwnedSlots> parsed = ParseOwned(PrintOwned(owned));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->epoch, owned.epoch);
  EXPECT_EQ(parsed->shard, owned.shard);
  EXPECT_EQ(parsed->slots, owned.slots);
}

TEST(OwnedSlotsTest, NothingElseIsTaken) {
  for (const char* line : {"", "OWNED", "OWNED 3", "OWNED x s 1", "OWNED 3 s 1-", "OWNED 3 s 16384", "3 s 1"}) {
    EXPECT_FALSE(ParseOwned(line)) << line;
  }
}

}  // namespace
}  // namespace ringkv::cluster
