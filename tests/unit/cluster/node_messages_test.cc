// SPDX-License-Identifier: MIT
#include "cluster/node_messages.h"

#include <gtest/gtest.h>

#include "tests/support/document.h"

namespace ringkv::cluster {
namespace {

TEST(NodeMessages, SurviveEncodingAndDecodingInSequence) {
  const std::string bytes =
      EncodeMessage(MessageKind::kFrame, 7, "body") + EncodeMessage(MessageKind::kAck, 8, EncodeAck(42));
  NodeMessage message;
  size_t size = 0;
  ASSERT_EQ(DecodeMessage(bytes, &message, &size), Decoded::kMessage);
  EXPECT_EQ(message.kind, MessageKind::kFrame);
  EXPECT_EQ(message.epoch, 7u);
  EXPECT_EQ(message.body, "body");
  ASSERT_EQ(DecodeMessage(std::string_view(bytes).substr(size), &message, &size), Decoded::kMessage);
  storage::Lsn last = 0;
  ASSERT_TRUE(DecodeAck(message.body, &last));
  EXPECT_EQ(last, 42u);
}

TEST(NodeMessages, PublishedMessagesSurviveEncodingAndInvalidOnesAreRefused) {
  for (const bool in_shard : {false, true}) {
    const std::string body = EncodePublished({.in_shard = in_shard, .channel = "c", .message = std::string(300, 'm')});
    PublishedMessage published;
    ASSERT_TRUE(DecodePublished(body, &published));
    EXPECT_EQ(published.in_shard, in_shard);
    EXPECT_EQ(published.channel, "c");
    EXPECT_EQ(published.message, std::string(300, 'm'));
    for (size_t size = 0; size < body.size(); ++size) EXPECT_FALSE(DecodePublished(body.substr(0, size), &published));
    EXPECT_FALSE(DecodePublished(body + "x", &published));
  }
  PublishedMessage published;
  EXPECT_FALSE(DecodePublished(std::string("\2\1c\1m"), &published)) << "of an unknown kind";
}

TEST(NodeMessages, NeedMoreBytesUntilTheyAreComplete) {
  const std::string bytes = EncodeMessage(MessageKind::kSection, 1, std::string(100, 'x'));
  NodeMessage message;
  for (size_t have = 0; have < bytes.size(); ++have) {
    size_t size = 0;
    EXPECT_EQ(DecodeMessage(bytes.substr(0, have), &message, &size), Decoded::kNeedMore) << have;
    EXPECT_GT(size, have);
    EXPECT_LE(size, bytes.size());
  }
}

TEST(NodeMessages, AreRefusedWithAnyByteChanged) {
  const std::string bytes = EncodeMessage(MessageKind::kHeartbeat, 1, EncodeHeartbeat({.last = 9, .time = 5}));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    NodeMessage message;
    size_t size = 0;
    EXPECT_NE(DecodeMessage(damaged, &message, &size), Decoded::kMessage) << at;
  }
}

TEST(NodeMessages, OfImpossibleSizeAreRefusedAtOnce) {
  std::string bytes = EncodeMessageHead(MessageKind::kFrame, 1, "");
  bytes[16 + 5] = 1;  // 2^40 bytes
  NodeMessage message;
  size_t size = 0;
  EXPECT_EQ(DecodeMessage(bytes, &message, &size), Decoded::kBad);
}

TEST(NodeMessages, TheExampleOfTheDocumentIsAHeartbeat) {
  const std::string bytes = test::ExampleIn(
      "node-link.md",
      EncodeMessage(MessageKind::kHeartbeat, 3, EncodeHeartbeat({.last = 812, .time = 1'700'000'000'000})));
  NodeMessage message;
  size_t size = 0;
  ASSERT_EQ(DecodeMessage(bytes, &message, &size), Decoded::kMessage);
  ASSERT_EQ(size, bytes.size());
  Heartbeat heartbeat;
  ASSERT_TRUE(DecodeHeartbeat(message.body, &heartbeat));
  EXPECT_EQ(EncodeMessage(message.kind, message.epoch, EncodeHeartbeat(heartbeat)), bytes);
  EXPECT_EQ(heartbeat.last, 812u);
  EXPECT_EQ(message.epoch, 3u);
}

}  // namespace
}  // namespace ringkv::cluster
