// SPDX-License-Identifier: MIT
// Counted memory equals the allocator's count, however many threads come and go.
#include "storage/base/allocator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace ringkv::storage {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

void RunInThread(const std::function<void()>& job) {
  std::thread([&job] {
    CountMemoryOfThisThread();
    job();
  }).join();
}

int64_t Difference(size_t a, size_t b) { return static_cast<int64_t>(a) - static_cast<int64_t>(b); }

TEST(Allocator, CountsMemoryOfAThreadDuringAndAfterItsLife) {
  CountMemoryOfThisThread();
  const size_t before = UsedMemory();
  std::unique_ptr<char[]> kept;
  RunInThread([&] {
    kept = std::make_unique<char[]>(8 * kMegabyte);
    EXPECT_GE(Difference(UsedMemory(), before), int64_t{8 * kMegabyte});
  });
  EXPECT_GE(Difference(UsedMemory(), before), int64_t{8 * kMegabyte});
  RunInThread([&] { kept.reset(); });
  EXPECT_LT(std::abs(Difference(UsedMemory(), before)), int64_t{kMegabyte});
}

TEST(Allocator, CountsCorrectlyAfterManyThreadsHaveEnded) {
  CountMemoryOfThisThread();
  for (int i = 0; i < 1000; ++i) RunInThread([] {});
  const size_t before = UsedMemory();
  std::unique_ptr<char[]> kept;
  RunInThread([&] { kept = std::make_unique<char[]>(8 * kMegabyte); });
  EXPECT_GE(Difference(UsedMemory(), before), int64_t{8 * kMegabyte});
}

TEST(Allocator, ManyThreadsThatComeAndGoLeaveNoErrorBehind) {
  CountMemoryOfThisThread();
  const auto error = [] { return Difference(UsedMemory(), ReadAllocatorStatistics().allocated); };
  for (int i = 0; i < 10; ++i) RunInThread([] { std::string(1000, 'x').shrink_to_fit(); });
  const int64_t before = error();
  std::vector<std::string> passed_on;
  for (int i = 0; i < 2000; ++i) {
    RunInThread([&passed_on] {
      passed_on.assign(20, std::string(1000, 'x'));  // frees what another thread has allocated
      const std::string own(1000, 'y');
      thread_local std::string freed_late;
      freed_late.assign(500, 'z');
    });
  }
  EXPECT_LT(std::abs(error() - before), 128 * 1024);
}

TEST(Allocator, SumsWhileThreadsComeAndGo) {
  CountMemoryOfThisThread();
  const std::unique_ptr<char[]> held = std::make_unique<char[]>(64 * kMegabyte);
  [[maybe_unused]] char* volatile used = held.get();  // or a compiler leaves out what nobody looks at
  std::atomic<bool> stopping{false};
  std::atomic<size_t> least{SIZE_MAX};
  std::thread reader([&] {
    while (!stopping) least = std::min(least.load(), UsedMemory());
  });
  for (int i = 0; i < 50; ++i) {
    std::vector<std::thread> threads;
    for (int j = 0; j < 20; ++j) {
      threads.emplace_back([] {
        CountMemoryOfThisThread();
        std::string(100'000, 'x').clear();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  stopping = true;
  reader.join();
  EXPECT_GE(least.load(), 64 * kMegabyte);
}

}  // namespace
}  // namespace ringkv::storage
