// SPDX-License-Identifier: MIT
#include "resp/buffer.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace ringkv::resp {
namespace {

TEST(Buffer, ReturnsAppendedBytesInOrder) {
  Buffer buffer;
  buffer.Append("hello ");
  buffer.Append("world");
  buffer.Consume(6);
  EXPECT_EQ(buffer.Readable(), "world");
}

TEST(Buffer, BehavesLikeAQueueOfBytes) {
  std::mt19937 random(7);
  Buffer buffer;
  std::deque<char> model;
  for (int step = 0; step < 20000; ++step) {
    if (random() % 3 != 0) {
      const std::string bytes(random() % 700, static_cast<char>('a' + random() % 26));
      buffer.Append(bytes);
      model.insert(model.end(), bytes.begin(), bytes.end());
    } else {
      const size_t count = model.empty() ? 0 : random() % (model.size() + 1);
      buffer.Consume(count);
      model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
    }
    if (random() % 50 == 0) buffer.ShrinkTo(0);
    ASSERT_EQ(buffer.Readable(), std::string(model.begin(), model.end()));
  }
}

TEST(Buffer, ReusesItsMemoryWhenEverythingIsConsumed) {
  Buffer buffer;
  for (int i = 0; i < 1000; ++i) {
    buffer.Append(std::string(200, 'x'));
    buffer.Consume(200);
  }
  EXPECT_LE(buffer.capacity(), 256u);
}

TEST(Buffer, ShrinkKeepsUnreadBytes) {
  Buffer buffer;
  buffer.Append(std::string(10000, 'x'));
  buffer.Append("end");
  buffer.Consume(10000);
  buffer.ShrinkTo(0);
  EXPECT_EQ(buffer.Readable(), "end");
  EXPECT_EQ(buffer.capacity(), 3u);
}

TEST(Buffer, RefusesToGrowBeyondItsLimit) {
  Buffer buffer;
  buffer.set_limit(1000);
  for (int i = 0; i < 10; ++i) buffer.Append(std::string(100, 'x'));
  EXPECT_EQ(buffer.size(), 1000u);
  EXPECT_EQ(buffer.capacity(), 1000u);
  EXPECT_FALSE(buffer.has_overflowed());
  buffer.Append('y');
  EXPECT_EQ(buffer.Prepare(1), nullptr);
  EXPECT_TRUE(buffer.has_overflowed());
  EXPECT_EQ(buffer.Readable(), std::string(1000, 'x'));
  // Consumed bytes make room.
  buffer.Consume(500);
  buffer.ForgetOverflow();
  buffer.Append("y");
  EXPECT_FALSE(buffer.has_overflowed());
  EXPECT_EQ(buffer.Readable(), std::string(500, 'x') + "y");
}

TEST(Buffer, MovesLaterBytesBeforeEarlierOnes) {
  Buffer buffer;
  buffer.Append("consumed");
  buffer.Consume(8);
  buffer.Append("first, list, length");
  buffer.PutBefore(5, 11);
  EXPECT_EQ(buffer.Readable(), "first, length, list");
  buffer.PutBefore(0, 19);
  EXPECT_EQ(buffer.Readable(), "first, length, list");
}

TEST(Buffer, RefusesAllBytesBehindAnOverflow) {
  Buffer buffer;
  buffer.set_limit(1000);
  buffer.Append("before");
  buffer.Append(std::string(2000, 'x'));
  buffer.Append("small");
  buffer.Append('y');
  EXPECT_EQ(buffer.Readable(), "before");
  buffer.Consume(6);
  buffer.Append("small");
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace ringkv::resp
