// SPDX-License-Identifier: MIT
// The replies of commands as values, which parts of the server get, beside their bytes.
#include "resp/reply_builder.h"
#include "resp/reply_parser.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class ReplyValueTest : public SessionFixture {
 protected:
  resp::Reply RunForValue(const std::string& line) {
    std::istringstream stream(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
    const std::vector<std::string_view> argv(words.begin(), words.end());
    resp::ReplyBuilder builder(SIZE_MAX);
    resp::ReplyWriter reply(builder, session_->protocol);
    server_.thread(0).txn.set_now(clock_.Now());
    outcome_ =
        Execute({.parts = server_.execution_parts(), .thread = server_.thread(0), .session = *session_, .reply = reply},
                {.argv = argv});
    return builder.reply();
  }
  resp::Reply ParseBytes(const std::string& bytes) {
    resp::Reply reply;
    size_t consumed = 0;
    EXPECT_EQ(resp::ParseReply(bytes, {}, &reply, &consumed), resp::ReplyStatus::kReply) << bytes;
    EXPECT_EQ(consumed, bytes.size());
    return reply;
  }
};

TEST_F(ReplyValueTest, EqualTheirBytesInBothProtocols) {
  for (const char* line :
       {"SET text value", "RPUSH list a b c", "HSET hash f v g w", "SADD set a b c", "SADD numbers 1 2 3",
        "ZADD ranked 1.5 a 2 b inf c", "XADD stream 1-1 f v", "XADD stream 2-1 f v", "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group me COUNT 1 STREAMS stream >", "GEOADD places 13.361389 38.115556 Palermo"}) {
    EXPECT_FALSE(Run(line).starts_with('-')) << line;
  }
  for (const int protocol : {2, 3}) {
    session_->protocol = protocol;
    for (const char* line : {"PING",
                             "GET text",
                             "GET missing",
                             "GET list",
                             "MGET text missing list",
                             "NOSUCH",
                             "STRLEN text",
                             "TTL text",
                             "TYPE hash",
                             "LRANGE list 0 -1",
                             "LPOP missing 2",
                             "LPOS list b COUNT 0",
                             "LCS text text IDX",
                             "HGETALL hash",
                             "HRANDFIELD hash 2 WITHVALUES",
                             "SMEMBERS set",
                             "SMISMEMBER set a z",
                             "ZRANGE ranked 0 -1 WITHSCORES",
                             "ZSCORE ranked c",
                             "ZSCORE ranked z",
                             "ZMSCORE ranked a z",
                             "SCAN 0",
                             "HSCAN hash 0",
                             "SSCAN numbers 0",
                             "ZSCAN ranked 0",
                             "KEYS *",
                             "XRANGE stream - +",
                             "XREAD STREAMS stream 0",
                             "XINFO STREAM stream FULL",
                             "XPENDING stream group",
                             "GEOPOS places Palermo Nowhere",
                             "GEODIST places Palermo Palermo",
                             "GEOSEARCH places FROMLONLAT 13 38 BYRADIUS 200 km WITHDIST WITHCOORD WITHHASH",
                             "SORT numbers",
                             "COMMAND",
                             "COMMAND DOCS GET XADD",
                             "COMMAND GETKEYSANDFLAGS SET a b",
                             "CONFIG GET *",
                             "MEMORY DOCTOR",
                             "OBJECT HELP",
                             "CLIENT TRACKINGINFO",
                             "LATENCY LATEST",
                             "FUNCTION STATS",
                             "HELLO"}) {
      const std::string bytes = Run(line);
      EXPECT_EQ(RunForValue(line), ParseBytes(bytes)) << line << " in RESP" << protocol << ": " << bytes;
    }
  }
}

TEST_F(ReplyValueTest, OfExecHoldsTheRepliesOfTheQueuedCommands) {
  Run("RPUSH list a b");
  for (const char* line : {"MULTI", "LRANGE list 0 -1", "INCR list", "HGETALL missing"}) RunForValue(line);
  const resp::Reply reply = RunForValue("EXEC");
  ASSERT_EQ(reply.members.size(), 3u);
  EXPECT_EQ(reply.members[0].members.size(), 2u);
  EXPECT_TRUE(reply.members[1].is_error());
  EXPECT_EQ(reply.members[2].kind, resp::ReplyKind::kArray);
}

}  // namespace
}  // namespace ringkv::server
