// SPDX-License-Identifier: MIT
// The bytes of the stream for Redis replicas: padding of commands, and the window of the newest bytes.
#include <gtest/gtest.h>

#include "resp/request_parser.h"
#include "server/redis_feed/byte_window.h"
#include "server/redis_feed/padding.h"

namespace ringkv::server {
namespace {

TEST(Padding, HasTheSizeThatItIsToHave) {
  EXPECT_TRUE(IsPadding(0));
  for (const int64_t none : {-1, 1, 13, 15, 19, 30}) EXPECT_FALSE(IsPadding(none)) << none;
  for (int64_t bytes = 31; bytes < 3000; ++bytes) {
    ASSERT_TRUE(IsPadding(bytes)) << bytes;
    std::string out;
    for (int64_t left = bytes; left > 0;) left = AppendPadding(&out, left, 64);
    ASSERT_EQ(static_cast<int64_t>(out.size()), bytes);
    resp::RequestParser parser;
    for (std::string_view rest = out; !rest.empty(); rest.remove_prefix(parser.consumed())) {
      ASSERT_EQ(parser.Parse(rest, {}, true), resp::ParseStatus::kRequest) << bytes;
      ASSERT_EQ(parser.arguments()[0], "PING");
    }
  }
}

// The sizes of a row of commands, without the commands.
void ExpectPaddingOf(int64_t bytes, int64_t most) {
  ASSERT_TRUE(IsPadding(bytes)) << bytes;
  for (int64_t left = bytes; left > 0;) {
    const int64_t first = FirstPadding(left, most);
    const std::optional<int64_t> size = padding::MessageSize(first);
    ASSERT_EQ(first, size ? 19 + std::to_string(*size).size() + *size : kPing.size()) << left << " of " << bytes;
    ASSERT_LE(first, std::max(left, int64_t{0})) << bytes;
    ASSERT_LE(first, 2 * most + 1) << bytes;
    left -= first;
    ASSERT_TRUE(IsPadding(left)) << left << " of " << bytes;
  }
}

TEST(Padding, IsThereInAllSizesButAFewSmallOnes) {
  for (int64_t bytes = 31; bytes <= 100 * 1024; ++bytes) ExpectPaddingOf(bytes, kPaddingAtOnce);
  for (int64_t power = 1000; power <= int64_t{1} << 40; power *= 10) {
    for (int64_t bytes = power - 100; bytes < power + 100; ++bytes) {
      ExpectPaddingOf(bytes, power);  // one or two commands
      ExpectPaddingOf(bytes, std::max(power / 100, kPaddingAtOnce));
    }
  }
  for (int exponent = 10; exponent <= 40; ++exponent) ExpectPaddingOf(int64_t{1} << exponent, int64_t{1} << 30);
}

TEST(Padding, IsReachedByPaddingBefore) {
  for (int64_t missing = -3000; missing < 3000; ++missing) {
    const int64_t before = PaddingBefore(missing);
    ASSERT_TRUE(IsPadding(before) && IsPadding(missing + before)) << missing;
    ASSERT_LE(before, std::max<int64_t>(-missing, 0) + 31);
  }
  EXPECT_EQ(PaddingBefore(5'000'000), 0);
}

TEST(ByteWindow, KeepsTheNewestBytesAndThoseThatAReaderNeeds) {
  ByteWindow window(100);
  EXPECT_EQ(window.first(), 101);
  for (const char* block : {"one", "three", "four"}) window.Append(block);
  EXPECT_EQ(window.last(), 112);
  size_t offset = 9;
  EXPECT_EQ(*window.Find(104, &offset), "three");
  EXPECT_EQ(offset, 0u);
  EXPECT_EQ(*window.Find(108, &offset), "three");
  EXPECT_EQ(offset, 4u);
  window.Trim(4, 103);
  EXPECT_EQ(window.first(), 101) << "a reader needs the first block";
  window.Trim(9, 113);
  EXPECT_EQ(window.first(), 104);
  window.Trim(5, 113);
  EXPECT_EQ(window.first(), 104) << "less than five bytes would be left";
  window.Trim(0, 113);
  EXPECT_EQ(window.bytes(), 0u);
  EXPECT_EQ(window.first(), 113);
}

}  // namespace
}  // namespace ringkv::server
