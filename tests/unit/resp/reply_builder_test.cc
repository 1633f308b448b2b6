// SPDX-License-Identifier: MIT
#include "resp/reply_builder.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <string>

#include "resp/reply_parser.h"
#include "resp/reply_writer.h"

namespace ringkv::resp {
namespace {

using Write = std::function<void(ReplyWriter&)>;

Reply Built(int protocol, const Write& write) {
  ReplyBuilder builder(SIZE_MAX);
  ReplyWriter reply(builder, protocol);
  write(reply);
  EXPECT_FALSE(builder.has_overflowed());
  return builder.reply();
}

Reply ParsedBytes(int protocol, const Write& write) {
  Buffer out;
  ReplyWriter reply(out, protocol);
  write(reply);
  Reply parsed;
  size_t consumed = 0;
  EXPECT_EQ(ParseReply(out.Readable(), {}, &parsed, &consumed), ReplyStatus::kReply) << out.Readable();
  EXPECT_EQ(consumed, out.size());
  return parsed;
}

TEST(ReplyBuilder, BuildsTheValueThatTheBytesOfTheSameCallsMean) {
  const std::vector<Write> replies = {
      [](ReplyWriter& r) { r.Ok(); },
      [](ReplyWriter& r) { r.Simple("QUEUED"); },
      [](ReplyWriter& r) { r.Error("ERR a\r\n+OK"); },
      [](ReplyWriter& r) { r.Integer(std::numeric_limits<int64_t>::min()); },
      [](ReplyWriter& r) { r.Bulk(std::string("\0\r\n\xff", 4)); },
      [](ReplyWriter& r) { r.Bulk(""); },
      [](ReplyWriter& r) { r.BulkInteger(-42); },
      [](ReplyWriter& r) { r.Null(); },
      [](ReplyWriter& r) { r.NullArray(); },
      [](ReplyWriter& r) { r.Double(0.1); },
      [](ReplyWriter& r) { r.Double(-std::numeric_limits<double>::infinity()); },
      [](ReplyWriter& r) { r.Double(13.5, "13.50000000000000000"); },
      [](ReplyWriter& r) { r.Boolean(true); },
      [](ReplyWriter& r) { r.BigNumber("1234567999999999999999999999999999999"); },
      [](ReplyWriter& r) { r.Raw("*2\r\n:1\r\n$1\r\na\r\n"); },
      [](ReplyWriter& r) { r.Verbatim("text", "txt"); },
      [](ReplyWriter& r) { r.Array(0); },
      [](ReplyWriter& r) { r.Map(0); },
      [](ReplyWriter& r) {
        r.Push(2);
        r.Bulk("a");
        r.Integer(1);
      },
      [](ReplyWriter& r) {
        r.Map(2);
        r.Bulk("empty");
        r.Array(0);
        r.Bulk("set");
        r.Set(2);
        r.Array(1);
        r.Null();
        r.Double(1.5);
      },
      [](ReplyWriter& r) {
        BulkList list(r);
        list.Add("a");
        list.Add("");
        r.Array(2);
        r.BulkInteger(17);
        list.Finish();
      },
  };
  for (const int protocol : {2, 3}) {
    for (size_t i = 0; i < replies.size(); ++i) {
      EXPECT_EQ(Built(protocol, replies[i]), ParsedBytes(protocol, replies[i])) << "reply " << i << " in " << protocol;
    }
  }
}

void WriteRandom(ReplyWriter& reply, std::mt19937& random, int depth) {
  const uint32_t members = random() % 4;
  const auto write_members = [&](uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) WriteRandom(reply, random, depth + 1);
  };
  switch (random() % (depth < 5 ? 9 : 6)) {
    case 0: return reply.Bulk(std::string(random() % 40, 'x'));
    case 1: return reply.Integer(static_cast<int32_t>(random()));
    case 2: return reply.Null();
    case 3: return reply.Double(static_cast<int32_t>(random()) / 8.0);
    case 4: return reply.Error("ERR " + std::to_string(random()));
    case 5: return reply.Ok();
    case 6: reply.Array(members); return write_members(members);
    case 7: reply.Set(members); return write_members(members);
    default: reply.Map(members); return write_members(2 * members);
  }
}

TEST(ReplyBuilder, BuildsTheValueThatTheParserReadsFromTheBytes) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const Write write = [seed](ReplyWriter& reply) {
      std::mt19937 random(seed);
      WriteRandom(reply, random, 0);
    };
    for (const int protocol : {2, 3}) EXPECT_EQ(Built(protocol, write), ParsedBytes(protocol, write)) << seed;
  }
}

TEST(ReplyBuilder, TakesNoMoreMemoryThanItsLimit) {
  constexpr size_t kLimit = 100 * sizeof(Reply);
  ReplyBuilder long_array(kLimit);
  ReplyWriter(long_array, 2).Array(1'000'000'000);
  EXPECT_TRUE(long_array.has_overflowed());
  EXPECT_EQ(long_array.reply().members.capacity(), 0u);

  ReplyBuilder long_text(kLimit);
  ReplyWriter(long_text, 2).Bulk(std::string(kLimit, 'x'));
  EXPECT_TRUE(long_text.has_overflowed());
  EXPECT_TRUE(long_text.reply().text.empty());

  ReplyBuilder long_list(kLimit);
  ReplyWriter writer(long_list, 2);
  BulkList list(writer);
  for (int i = 0; i < 200; ++i) list.Add("");
  list.Finish();
  EXPECT_TRUE(long_list.has_overflowed());

  ReplyBuilder fitting(kLimit);
  ReplyWriter(fitting, 2).Array(99);
  EXPECT_FALSE(fitting.has_overflowed());
}

TEST(ReplyBuilder, CountsErrorsLikeAWriterOfBytes) {
  ReplyBuilder builder(SIZE_MAX);
  ReplyWriter reply(builder, 2);
  reply.Error("WRONGTYPE no");
  EXPECT_EQ(reply.errors(), 1);
  EXPECT_EQ(reply.last_error_code(), "WRONGTYPE");
}

}  // namespace
}  // namespace ringkv::resp
