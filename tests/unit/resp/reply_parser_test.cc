// SPDX-License-Identifier: MIT
#include "resp/reply_parser.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace ringkv::resp {
namespace {

Reply Parsed(std::string_view input) {
  Reply reply;
  size_t consumed = 0;
  EXPECT_EQ(ParseReply(input, {}, &reply, &consumed), ReplyStatus::kReply) << input;
  EXPECT_EQ(consumed, input.size());
  return reply;
}

TEST(ReplyParser, ReadsEachKind) {
  EXPECT_EQ(Parsed("+OK\r\n").text, "OK");
  EXPECT_TRUE(Parsed("-ERR no\r\n").is_error());
  EXPECT_EQ(Parsed(":-42\r\n").integer, -42);
  EXPECT_EQ(Parsed("$5\r\na\r\nbc\r\n").text, "a\r\nbc");
  EXPECT_EQ(Parsed("$-1\r\n").kind, ReplyKind::kNull);
  EXPECT_EQ(Parsed("*-1\r\n").kind, ReplyKind::kNull);
  EXPECT_EQ(Parsed("_\r\n").kind, ReplyKind::kNull);
  EXPECT_EQ(Parsed("=7\r\ntxt:abc\r\n"), (Reply{.kind = ReplyKind::kVerbatim, .text = "txt:abc"}));
  EXPECT_EQ(Parsed(",1.5\r\n"), (Reply{.kind = ReplyKind::kDouble, .number = 1.5}));
  EXPECT_EQ(Parsed(",-inf\r\n").number, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(Parsed("#t\r\n"), (Reply{.kind = ReplyKind::kBoolean, .integer = 1}));
  EXPECT_EQ(Parsed("(123\r\n"), (Reply{.kind = ReplyKind::kBigNumber, .text = "123"}));
  EXPECT_EQ(Parsed("~1\r\n:1\r\n").kind, ReplyKind::kSet);
  EXPECT_TRUE(Parsed("!3\r\nERR\r\n").is_error());
  const Reply map = Parsed("%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n");
  EXPECT_EQ(map.kind, ReplyKind::kMap);
  ASSERT_EQ(map.members.size(), 2u);
  EXPECT_EQ(map.members[1].members[1].integer, 2);
}

TEST(ReplyParser, AsksForMoreUntilAReplyIsWhole) {
  const std::string input = "*3\r\n$3\r\nabc\r\n%1\r\n:1\r\n+x\r\n=5\r\ntxt:y\r\n";
  for (size_t have = 0; have < input.size(); ++have) {
    Reply reply;
    size_t consumed = 0;
    EXPECT_EQ(ParseReply(std::string_view(input).substr(0, have), {}, &reply, &consumed), ReplyStatus::kNeedMore);
  }
  EXPECT_EQ(Parsed(input).members.size(), 3u);
}

TEST(ReplyParser, RefusesInvalidRepliesAndThoseAboveItsLimits) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "*1\r\n";
  for (const std::string& bad :
       std::vector<std::string>{"x\r\n", "\r\n", ":a\r\n", ",a\r\n", "#x\r\n", "$-2\r\n", "$99999999999\r\n",
                                "*9999999999\r\n", "$1\r\nabc\r\n", deep, std::string(100'000, '+')}) {
    Reply reply;
    size_t consumed = 0;
    EXPECT_EQ(ParseReply(bad, {}, &reply, &consumed), ReplyStatus::kError) << bad.substr(0, 40);
  }
}

TEST(ReplyParser, LimitsTheMemoryOfTheValue) {
  std::string nulls = "*1000\r\n";
  for (int i = 0; i < 1000; ++i) nulls += "$-1\r\n";
  Reply reply;
  size_t consumed = 0;
  const size_t needed = 1001 * sizeof(Reply);
  EXPECT_EQ(ParseReply(nulls, {.memory_bytes = needed}, &reply, &consumed), ReplyStatus::kReply);
  EXPECT_EQ(ParseReply(nulls, {.memory_bytes = needed - 1}, &reply, &consumed), ReplyStatus::kTooLarge);
  EXPECT_EQ(ParseReply("$3\r\nabc\r\n", {.memory_bytes = sizeof(Reply) + 2}, &reply, &consumed),
            ReplyStatus::kTooLarge);
}

}  // namespace
}  // namespace ringkv::resp
