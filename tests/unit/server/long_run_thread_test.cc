// SPDX-License-Identifier: MIT
// Runs that go on beside their I/O thread leave the processors to clients, and don't starve.
#include "server/scripts/long_run_thread.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace ringkv::server {
namespace {

using Progress = SlicedRun::Progress;

constexpr int kNone = 100;
constexpr std::chrono::milliseconds kPoll{1};
constexpr std::chrono::seconds kDeadline{30};

int NicenessOfThisThread() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

// Takes turns that last some time of the processor, until it is told to end.
class EndlessRun final : public SlicedRun {
 public:
  Progress Resume() override {
    for (int i = 0; i < 2'000; ++i) spun_.fetch_add(1, std::memory_order_relaxed);
    niceness_ = NicenessOfThisThread();
    if (first_niceness_ == kNone) first_niceness_ = niceness_.load();
    return ends_ ? Progress::kEnded : Progress::kSuspended;
  }
  void FinishLate() override {}
  bool Abandon() override { return true; }
  bool is_overdue() const override { return false; }

  void End() { ends_ = true; }
  // Of the thread that it runs on, and of the one that it began on.
  int niceness() const { return niceness_; }
  int first_niceness() const { return first_niceness_; }

 private:
  std::atomic<uint64_t> spun_{0};
  std::atomic<int> niceness_{kNone};
  std::atomic<int> first_niceness_{kNone};
  std::atomic<bool> ends_{false};
};

class LongRunThreadTest : public testing::Test {
 protected:
  // All threads of the test share one processor.
  LongRunThreadTest() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i) {
      if (CPU_ISSET(i, &before_)) CPU_SET(i, &one);
    }
    ::sched_setaffinity(0, sizeof one, &one);
  }
  ~LongRunThreadTest() override { ::sched_setaffinity(0, sizeof before_, &before_); }

  void End(EndlessRun& run, uint64_t number) {
    run.End();
    while (ended_ != number) std::this_thread::sleep_for(kPoll);
  }

  std::atomic<uint64_t> ended_{0};
  LongRunThread thread_{[this](uint64_t number, Progress) { ended_ = number; }};
  const int niceness_ = NicenessOfThisThread();

 private:
  cpu_set_t before_;
};

TEST_F(LongRunThreadTest, LeavesTheProcessorToOthersButNotForLong) {
  EndlessRun run;
  {
    const std::jthread other([](const std::stop_token& stop) {  // keeps the processor busy
      while (!stop.stop_requested()) {
      }
    });
    thread_.Add(1, run);
    while (run.niceness() != niceness_ + 5) std::this_thread::sleep_for(kPoll);
    End(run, 1);
  }
  // The next one begins behind all others again, unless the thread for that does not wake in time.
  bool begins_behind = false;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (uint64_t number = 2; !begins_behind && std::chrono::steady_clock::now() < deadline; ++number) {
    EndlessRun next;
    thread_.Add(number, next);
    End(next, number);
    begins_behind = next.first_niceness() == std::min(niceness_ + 19, 19);
    std::this_thread::sleep_for(kPoll);
  }
  EXPECT_TRUE(begins_behind);
}

}  // namespace
}  // namespace ringkv::server
