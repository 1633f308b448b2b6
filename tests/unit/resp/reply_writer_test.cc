// SPDX-License-Identifier: MIT
#include "resp/reply_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringkv::resp {
namespace {

template <typename Write>
std::string Written(int protocol, Write&& write) {
  Buffer out;
  ReplyWriter reply(out, protocol);
  write(reply);
  return std::string(out.Readable());
}

TEST(ReplyWriter, WritesNullsOfEachProtocol) {
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Null(); }), "$-1\r\n");
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.NullArray(); }), "*-1\r\n");
  EXPECT_EQ(Written(3, [](ReplyWriter& r) { r.Null(); }), "_\r\n");
  EXPECT_EQ(Written(3, [](ReplyWriter& r) { r.NullArray(); }), "_\r\n");
}

TEST(ReplyWriter, AMapIsAFlatArrayInRespTwo) {
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Map(2); }), "*4\r\n");
  EXPECT_EQ(Written(3, [](ReplyWriter& r) { r.Map(2); }), "%2\r\n");
}

TEST(ReplyWriter, WritesIntegersUpToTheLimits) {
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Integer(std::numeric_limits<int64_t>::min()); }),
            ":-9223372036854775808\r\n");
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Integer(std::numeric_limits<int64_t>::max()); }),
            ":9223372036854775807\r\n");
}

TEST(ReplyWriter, AnErrorCantCarryALineBreak) {
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Error("ERR a\r\n+OK"); }), "-ERR a  +OK\r\n");
}

TEST(ReplyWriter, RemembersTheCodeOfTheLastError) {
  Buffer out;
  ReplyWriter reply(out, 2);
  reply.Error("WRONGPASS no");
  EXPECT_EQ(reply.last_error_code(), "WRONGPASS");
  EXPECT_EQ(reply.errors(), 1);
  reply.Error("Mine");
  EXPECT_EQ(reply.last_error_code(), "ERR") << "a script's own, without a code";
}

TEST(ReplyWriter, VerbatimTextIsABulkInRespTwo) {
  EXPECT_EQ(Written(2, [](ReplyWriter& r) { r.Verbatim("hi", "txt"); }), "$2\r\nhi\r\n");
  EXPECT_EQ(Written(3, [](ReplyWriter& r) { r.Verbatim("hi", "txt"); }), "=6\r\ntxt:hi\r\n");
}

TEST(ReplyWriter, BulksAreBinarySafe) {
  const std::string bytes("\0\r\n\xff", 4);
  EXPECT_EQ(Written(2, [&](ReplyWriter& r) { r.Bulk(bytes); }), "$4\r\n" + bytes + "\r\n");
}

}  // namespace
}  // namespace ringkv::resp
