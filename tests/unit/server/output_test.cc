// SPDX-License-Identifier: MIT
// What connections do with replies, without connections.
#include <gtest/gtest.h>

#include "resp/reply_writer.h"
#include "server/config/output_limit.h"
#include "server/net/backpressure.h"
#include "server/net/peer_window.h"
#include "server/net/reply_gate.h"

namespace ringkv::server {
namespace {

TEST(Backpressure, ExecutesWhileRepliesWeighLessThanTheMarkOrTheRequests) {
  const Backpressure limits{.mark = 100, .input_limit = 10'000};
  EXPECT_TRUE(limits.MayExecute(100, 1));
  EXPECT_FALSE(limits.MayExecute(101, 100));
  EXPECT_TRUE(limits.MayExecute(101, 101));
  EXPECT_TRUE(limits.MayExecute(1'000'000, 10'000));
}

TEST(Backpressure, StaysAwayFromTheLimitThatClosesTheClientUntilNoMoreRequestsFit) {
  const Backpressure limits{.mark = 100, .input_limit = 10'000, .output_limit = 1000};
  EXPECT_TRUE(limits.MayExecute(500, 9000));
  EXPECT_FALSE(limits.MayExecute(501, 9000));
  EXPECT_TRUE(limits.MayExecute(501, 10'000));
}

// Requests come in steps and replies don't leave: what is held stays below twice what either alone would be.
TEST(Backpressure, HoldsAtMostTwiceTheLesserOfRequestsAndReplies) {
  for (const size_t reply : {1u, 5u, 30u, 200u, 10'000u}) {
    const Backpressure limits{.mark = 1000, .input_limit = 100'000'000};
    constexpr size_t kRequest = 40;
    size_t received = 0;
    size_t executed = 0;
    for (int step = 0; step < 1000; ++step) {
      received += 1600;
      while (executed * kRequest < received && limits.MayExecute(executed * reply, received - executed * kRequest)) {
        ++executed;
      }
      const size_t held = executed * reply + received - executed * kRequest;
      ASSERT_LE(held, 2 * std::min(received, received / kRequest * reply) + 1000 + 1600 + reply) << reply;
    }
  }
}

class ReplyGateTest : public testing::Test {
 protected:
  void Append(const std::string& reply, storage::Lsn lsn = 0, ReplyGate::Form form = ReplyGate::Form::kWhole) {
    const size_t before = output_.size();
    output_.Append(reply);
    if (lsn != 0) gate_.Hold(before, output_.size(), lsn, term_, 1, form);
  }
  void Send(storage::Lsn safe) {
    const size_t sendable = gate_.Sendable(output_.size(), safe);
    output_.Consume(sendable);
    gate_.Sent(sendable);
  }
  bool Replace() {
    return gate_.Replace(
        output_, [this](uint32_t term) { return lost_term_ == 0 || term == lost_term_; },
        [this](ReplyGate::Form, bool is_last) { output_.Append(is_last ? "(last)" : "(no)"); });
  }

  resp::Buffer output_;
  ReplyGate gate_;
  uint32_t term_ = 0;
  uint32_t lost_term_ = 0;  // 0: all
};

TEST_F(ReplyGateTest, HoldsAReplyAndLaterOutputUntilItIsSafe) {
  Append("a");
  Append("bb", 5);
  Append("c");
  Append("d", 7);
  EXPECT_EQ(gate_.Sendable(output_.size(), 4), 1u);
  Send(5);
  EXPECT_EQ(output_.Readable(), "d");
  EXPECT_EQ(gate_.Sendable(output_.size(), 7), 1u);
  EXPECT_TRUE(gate_.empty());
}

TEST_F(ReplyGateTest, ReplacesHeldRepliesOnly) {
  Append("safe;", 1);
  Append("set;", 5);
  Append("ping;");
  Append("get;", 5);
  Append("set;", 6);
  Append("echo;");
  Send(1);
  EXPECT_TRUE(Replace());
  EXPECT_EQ(output_.Readable(), "(no)ping;(no)(no)echo;");
  EXPECT_TRUE(gate_.empty());
  Append("next", 9);
  EXPECT_TRUE(Replace());
  EXPECT_EQ(output_.Readable(), "(no)ping;(no)(no)echo;(last)");
}

// Of a request whose client wants no replies.
TEST_F(ReplyGateTest, AnEmptyReplyIsNotReplaced) {
  Append("set;", 5);
  Append("", 6);
  Append("ping;");
  EXPECT_TRUE(Replace());
  EXPECT_EQ(output_.Readable(), "(no)ping;");
  Append("", 7);
  EXPECT_TRUE(gate_.empty());
}

TEST_F(ReplyGateTest, ReplacesNothingInTheMiddleOfAReply) {
  Append("whole", 5);
  Append("part", 6, ReplyGate::Form::kPart);
  EXPECT_FALSE(Replace());
  EXPECT_EQ(output_.Readable(), "wholepart");
}

TEST_F(ReplyGateTest, ReplacesOnlyRepliesOfAnEndedTerm) {
  Append("disk;", 5);
  term_ = 1;
  Append("set;", 900);
  Append("ping;");
  Append("set;", 901);
  EXPECT_FALSE(gate_.HoldsOfOtherTerm(1));
  EXPECT_TRUE(gate_.HoldsOfOtherTerm(0));
  term_ = 2;
  Append("get;", 7);
  Append("echo;");
  lost_term_ = 1;
  EXPECT_TRUE(Replace());
  EXPECT_EQ(output_.Readable(), "disk;(no)ping;(no)get;echo;");
  EXPECT_FALSE(gate_.HoldsOfOtherTerm(2));
  EXPECT_EQ(gate_.Sendable(output_.size(), 4), 0u);
  Send(5);
  EXPECT_EQ(output_.Readable(), "get;echo;");
  EXPECT_TRUE(gate_.HoldsOfOtherTerm(3));
  Send(7);
  EXPECT_TRUE(output_.empty());
  EXPECT_FALSE(gate_.HoldsOfOtherTerm(3)) << "nothing is held";
}

TEST_F(ReplyGateTest, ReplacesNothingInAPartOfALostTerm) {
  term_ = 1;
  Append("set;", 5);
  Append("part", 6, ReplyGate::Form::kPart);
  lost_term_ = 1;
  EXPECT_FALSE(Replace());
  lost_term_ = 9;
  EXPECT_TRUE(Replace());
  EXPECT_EQ(output_.Readable(), "set;part");
}

TEST_F(ReplyGateTest, CountsOnOverManyReplies) {
  for (storage::Lsn lsn = 1; lsn <= 10'000; ++lsn) {
    Append("x", lsn);
    if (lsn % 100 == 0) Send(lsn - 50);
    ASSERT_EQ(output_.size(), lsn < 100 ? lsn : lsn % 100 + 50);
  }
  Send(10'000);
  EXPECT_TRUE(output_.empty());
  EXPECT_LE(gate_.MemoryBytes(), 64u * 1024);
}

TEST(OutputLimit, TheSoftOneIsExceededWhenItHasBeenForLongEnough) {
  OutputLimit limit;
  limit.hard_bytes = 1000;
  limit.soft_bytes = 100;
  limit.soft_seconds = 60;
  OutputLimitWatch watch;
  EXPECT_TRUE(watch.Exceeds(limit, 1000, 0));
  EXPECT_FALSE(watch.Exceeds(limit, 999, 10)) << "for 10 ms";
  EXPECT_FALSE(watch.Exceeds(limit, 100, 59'999));
  EXPECT_TRUE(watch.Exceeds(limit, 100, 60'000));
  EXPECT_FALSE(watch.Exceeds(limit, 99, 60'001));
  EXPECT_FALSE(watch.Exceeds(limit, 100, 60'002)) << "counted anew";
  EXPECT_FALSE(watch.Exceeds(limit, 100, 120'001));
  EXPECT_TRUE(watch.Exceeds(limit, 100, 120'002));
  limit.soft_seconds = INT64_MAX;
  EXPECT_FALSE(watch.Exceeds(limit, 100, INT64_MAX));
  limit.soft_bytes = 0;
  limit.hard_bytes = 0;
  EXPECT_FALSE(watch.Exceeds(limit, SIZE_MAX / 2, INT64_MAX));
}

TEST(OutputLimit, WithoutSecondsTheSoftOneAllowsAMoment) {
  OutputLimit limit;
  limit.soft_bytes = 100;
  OutputLimitWatch watch;
  EXPECT_FALSE(watch.Exceeds(limit, 100, 5));
  EXPECT_FALSE(watch.Exceeds(limit, 100, 5));
  EXPECT_TRUE(watch.Exceeds(limit, 100, 6));
}

TEST(ReplyWriter, WritesNothingBeyondTheLimitOfItsBuffer) {
  resp::Buffer output;
  output.set_limit(300);
  resp::ReplyWriter reply(output, 2);
  for (int i = 0; i < 1000; ++i) {
    reply.Bulk(std::string(100, 'x'));
    reply.Array(1'000'000);
    reply.Error("ERR " + std::string(100, 'x'));
    reply.Simple(std::string(100, 'x'));
    reply.Raw(std::string(100, 'x'));
    reply.Verbatim("text", "txt");
    reply.Double(0.5);
    reply.Null();
  }
  EXPECT_TRUE(output.has_overflowed());
  EXPECT_LE(output.capacity(), 300u);
}

TEST(PeerWindow, EveryMarkBoundsTheRequestsUnderWay) {
  for (const size_t mark : {0, 1, 7, 8, 63, 64, 100, 1 << 20}) {
    PeerWindow window;
    EXPECT_FALSE(window.IsOpen(8, 0, mark)) << mark;
    for (int i = 0; i < 1000; ++i) window.Took(0, mark);
    EXPECT_FALSE(window.IsOpen(64, 0, mark)) << mark;
  }
}

}  // namespace
}  // namespace ringkv::server
