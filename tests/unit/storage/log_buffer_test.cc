// SPDX-License-Identifier: MIT
#include "storage/log/log_buffer.h"

#include <gtest/gtest.h>

#include "storage/base/allocator.h"

namespace ringkv::storage {
namespace {

size_t BytesOf(const std::string& text) { return AllocationSize(text.capacity() + 1); }

// maxmemory does not count it, so whatever were missing here would evict keys.
TEST(LogBuffer, ItsMemoryAndThatOfTheWriterCountWhileGroupsChangeHands) {
  LogBuffer buffer;
  buffer.BeginRecording();
  std::string frames;
  buffer.MakeRoom(&frames, 10 << 20);
  EXPECT_EQ(buffer.memory_bytes(), BytesOf(frames));
  const std::string effects(1000, 'e');
  LogBuffer::Batch batch;
  for (int i = 1; i < 100; ++i) {
    for (int group = 0; group < i; ++group) buffer.Append(effects);
    const size_t before = buffer.memory_bytes();
    EXPECT_GT(before, BytesOf(frames) + static_cast<size_t>(i) * effects.size());
    ASSERT_TRUE(buffer.Take(&batch));
    EXPECT_EQ(buffer.memory_bytes(), before);
  }
  buffer.FreeRoom(&frames);
  EXPECT_LT(buffer.memory_bytes(), 10u << 20);
}

TEST(LogBuffer, TheMemoryOfALargeBatchIsFreedAfterIt) {
  LogBuffer buffer;
  buffer.BeginRecording();
  LogBuffer::Batch batch;
  buffer.Append(std::string(8 << 20, 'e'));
  ASSERT_TRUE(buffer.Take(&batch));
  EXPECT_GT(buffer.memory_bytes(), 8u << 20);
  EXPECT_FALSE(buffer.Take(&batch));
  EXPECT_EQ(buffer.memory_bytes(), 0u);
}

}  // namespace
}  // namespace ringkv::storage
