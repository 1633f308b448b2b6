// SPDX-License-Identifier: MIT
// Free pages are kept while they are few, nothing is lost or leaked, and memory that must be empty is.
#include "storage/base/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "storage/base/allocator.h"
#include "storage/base/huge_chunk.h"
#include "storage/base/mutex.h"

namespace ringkv::storage {
namespace {

using Runs = std::vector<std::pair<size_t, size_t>>;

class HugeChunkTest : public testing::Test {
 protected:
  HugeChunkTest() {
    chunk_.Advise(HugeChunk::kPages);
    EXPECT_EQ(Take(0, HugeChunk::kPages), Runs{});
  }
  Runs Take(size_t first, size_t count) {
    Runs cleared;
    chunk_.Take(first, count, [&](size_t page, size_t pages) { cleared.emplace_back(page, pages); });
    return cleared;
  }
  Runs Free(size_t first, size_t count) {
    Runs given_back;
    chunk_.Free(first, count, [&](size_t page, size_t pages) { given_back.emplace_back(page, pages); });
    return given_back;
  }

  HugeChunk chunk_;
};

TEST_F(HugeChunkTest, KeepsAFewFreePagesAndClearsThemWhenTheyAreUsedAgain) {
  EXPECT_EQ(Free(10, 4), Runs{});
  EXPECT_EQ(Free(20, 2), Runs{});
  EXPECT_EQ(chunk_.kept(), 6U);
  EXPECT_EQ(Take(12, 2), (Runs{{12, 2}}));
  EXPECT_EQ(Take(20, 1), (Runs{{20, 1}}));
  EXPECT_EQ(chunk_.kept(), 3U);
  EXPECT_EQ(Free(12, 2), Runs{});
  EXPECT_EQ(chunk_.kept(), 5U);
}

TEST_F(HugeChunkTest, GivesAllBackWhenTooManyAreFree) {
  EXPECT_EQ(Free(0, 1), Runs{});
  EXPECT_EQ(Free(100, HugeChunk::kMostKept - 1), Runs{});
  EXPECT_EQ(Free(400, 2), (Runs{{0, 1}, {100, HugeChunk::kMostKept - 1}, {400, 2}}));
  EXPECT_EQ(chunk_.kept(), 0U);
  EXPECT_EQ(Free(500, 1), (Runs{{500, 1}})) << "it is broken already";
  EXPECT_EQ(Take(500, 1), Runs{}) << "it is empty";
}

TEST_F(HugeChunkTest, IsGivenBackAsAWholeAndIsHugeAgain) {
  EXPECT_EQ(Free(0, HugeChunk::kMostKept + 1), (Runs{{0, HugeChunk::kMostKept + 1}}));
  const size_t rest = HugeChunk::kMostKept + 1;
  EXPECT_EQ(Free(rest, HugeChunk::kPages - rest), (Runs{{0, HugeChunk::kPages}}));
  EXPECT_EQ(Take(0, HugeChunk::kPages), Runs{});
  EXPECT_EQ(Free(7, 1), Runs{}) << "it is whole";
}

TEST_F(HugeChunkTest, IsMendedWhenNearlyAllIsInUse) {
  EXPECT_FALSE(chunk_.is_to_be_mended());
  Free(0, HugeChunk::kMostKept + 1);
  EXPECT_FALSE(chunk_.is_to_be_mended());
  Take(0, HugeChunk::kMostKept + 1 - HugeChunk::kMostMissing);
  EXPECT_TRUE(chunk_.is_to_be_mended());
  chunk_.NoteMending(true);
  EXPECT_FALSE(chunk_.is_to_be_mended());
  EXPECT_EQ(Free(7, 1), Runs{}) << "it is whole";
}

TEST_F(HugeChunkTest, IsNotMendedAgainWhereThatHasFailedUntilAllHasBeenFree) {
  Free(0, HugeChunk::kMostKept + 1);
  Take(0, HugeChunk::kMostKept + 1);
  chunk_.NoteMending(false);
  EXPECT_FALSE(chunk_.is_to_be_mended());
  EXPECT_EQ(Free(7, 1), (Runs{{7, 1}})) << "it is in small pages";
  Take(7, 1);
  Free(0, HugeChunk::kPages);
  Take(0, HugeChunk::kPages);
  EXPECT_EQ(Free(7, 1), Runs{}) << "it is whole";
}

TEST_F(HugeChunkTest, GivesBackWhatItKeepsWhenItIsAskedTo) {
  Free(10, 4);
  Runs given_back;
  chunk_.GiveBackKept([&](size_t page, size_t pages) { given_back.emplace_back(page, pages); });
  EXPECT_EQ(given_back, (Runs{{10, 4}}));
  EXPECT_EQ(chunk_.kept(), 0U);
  EXPECT_TRUE(chunk_.is_broken());
}

TEST(HugeChunk, GivesBackAtOnceWhatIsNotHuge) {
  HugeChunk chunk;
  chunk.Advise(HugeChunk::kPages - 1);
  Runs given_back;
  chunk.Take(0, 100, [](size_t, size_t) { FAIL(); });
  chunk.Free(3, 2, [&](size_t page, size_t pages) { given_back.emplace_back(page, pages); });
  EXPECT_EQ(given_back, (Runs{{3, 2}}));
}

// Memory that is full of its own byte.
struct Block {
  unsigned char* bytes = nullptr;
  size_t size = 0;
  unsigned char fill = 0;
};

void Free(const Block& block) {
  for (size_t at = 0; at < block.size; at += 512) ASSERT_EQ(block.bytes[at], block.fill);
  std::free(block.bytes);
}

// Where threads exchange blocks, so that they are freed by others than have made them.
class Exchange {
 public:
  ~Exchange() {
    const MutexLock lock(mutex_);
    for (const Block& block : blocks_) Free(block);
  }
  Block Swap(const Block& block) {
    const MutexLock lock(mutex_);
    return std::exchange(blocks_[next_++ % blocks_.size()], block);
  }

 private:
  Mutex mutex_;
  std::array<Block, 16> blocks_ GUARDED_BY(mutex_);
  size_t next_ GUARDED_BY(mutex_) = 0;
};

// Blocks of random sizes come and go; some must be empty at first.
void UseMemory(unsigned seed, int steps, Exchange& exchange) {
  constexpr size_t kMostBytes = 100'000'000;
  CountMemoryOfThisThread();
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  size_t used = 0;
  const auto drop = [&](size_t i) {
    const Block block = std::exchange(blocks[i], blocks.back());
    blocks.pop_back();
    used -= block.size;
    Free(block);
  };
  for (int step = 0; step < steps; ++step) {
    const size_t size = random() % (random() % 8 == 0 ? 4'000'000 : 60'000) + 1;
    const bool is_empty = random() % 2 == 0;
    auto* const bytes = static_cast<unsigned char*>(is_empty ? std::calloc(1, size) : std::malloc(size));
    for (size_t at = 0; is_empty && at < size; ++at) ASSERT_EQ(bytes[at], 0) << at << " of " << size;
    const auto fill = static_cast<unsigned char>(random());
    std::memset(bytes, fill, size);
    blocks.push_back({bytes, size, fill});
    used += size;
    if (random() % 4 == 0) {
      Block& given = blocks[random() % blocks.size()];
      used -= given.size;
      given = exchange.Swap(given);
      used += given.size;
    }
    while (used > kMostBytes) drop(random() % blocks.size());
  }
  while (!blocks.empty()) drop(blocks.size() - 1);
}

// Threads use memory, while this one mends huge pages and has free ones given back.
void UseMemoryInThreads(unsigned count) {
  if (!UseHugePages(MachineMemory())) GTEST_SKIP() << "the system offers none";
  std::atomic<unsigned> running{count};
  size_t most_huge = 0;
  {
    Exchange exchange;
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < count; ++seed) {
      threads.emplace_back([&running, &exchange, count, seed] {
        UseMemory(seed, 3000 / static_cast<int>(count), exchange);
        --running;
      });
    }
    for (unsigned round = 0; running > 0; ++round) {
      most_huge = std::max(most_huge, HugePageBytes());
      MendHugePages();
      if (round % 16 == 0) PurgeFreePages();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (std::thread& thread : threads) thread.join();
  }
  PurgeFreePages();
  EXPECT_EQ(KeptFreeBytes(), 0U);
  EXPECT_GT(most_huge, HugePageBytes());
  EXPECT_EQ(most_huge % (HugeChunk::kPages * 4096), 0U);
}

TEST(HugePages, HoldWhatIsWrittenAndAreEmptyWhenTheyMustBe) { UseMemoryInThreads(1); }

TEST(HugePages, HoldWhatSeveralThreadsWriteAndFreeForEachOther) { UseMemoryInThreads(3); }

}  // namespace
}  // namespace ringkv::storage
