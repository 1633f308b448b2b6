// SPDX-License-Identifier: MIT
// Pauses by purpose: each ends by itself, and threads that look, begin and end at once lose none.
#include "server/base/pause.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/no_links.h"

namespace ringkv::server {
namespace {

class CountingLinks : public test::NoLinks {
 public:
  void ResumePaused() override { ++resumed; }
  std::atomic<int> resumed{0};
};

// Lets other threads run whenever somebody looks at it, which is where a decision may be stale.
class YieldingClock : public storage::Clock {
 public:
  explicit YieldingClock(const storage::Clock& clock) : clock_(clock) {}
  storage::UnixMs Now() const override { return clock_.Now(); }
  int64_t NowMicros() const override { return clock_.NowMicros(); }
  int64_t SteadyMicros() const override {
    std::this_thread::yield();
    return clock_.SteadyMicros();
  }

 private:
  const storage::Clock& clock_;
};

class PauseTest : public testing::Test {
 protected:
  int64_t In(int64_t milliseconds) const { return clock_.SteadyMs() + milliseconds; }

  storage::ManualClock clock_{1'700'000'000'000};
  YieldingClock yielding_clock_{clock_};
  UnmetNeeds needs_;
  CountingLinks links_;
  Pause pause_{yielding_clock_, needs_, links_};
};

TEST_F(PauseTest, APauseOnlyGetsLongerOrStricterWhileItLasts) {
  pause_.Begin(PausePurpose::kClient, PauseMode::kAll, In(100));
  pause_.Begin(PausePurpose::kClient, PauseMode::kWrites, In(200));
  pause_.Begin(PausePurpose::kClient, PauseMode::kWrites, In(50));
  EXPECT_EQ(needs_.Get(), uint32_t{kNeedsNoPause});
  EXPECT_EQ(pause_.next_end_ms(), In(200));
  clock_.Advance(199);
  EXPECT_EQ(pause_.Current(), PauseMode::kAll);
  clock_.Advance(1);
  EXPECT_EQ(pause_.Current(), PauseMode::kNone);
  EXPECT_EQ(needs_.Get(), 0u);
  EXPECT_EQ(links_.resumed, 1);
  pause_.Begin(PausePurpose::kClient, PauseMode::kWrites, In(10));
  EXPECT_EQ(pause_.Current(), PauseMode::kWrites) << "a new one has nothing of the old one";
}

TEST_F(PauseTest, EachPurposeEndsItsOwnPauseOnly) {
  pause_.Begin(PausePurpose::kShutdown, PauseMode::kWrites, INT64_MAX);
  pause_.Begin(PausePurpose::kClient, PauseMode::kAll, In(100));
  EXPECT_EQ(pause_.Current(), PauseMode::kAll);
  EXPECT_EQ(pause_.next_end_ms(), In(100));
  pause_.End(PausePurpose::kClient);
  EXPECT_EQ(pause_.Current(), PauseMode::kWrites);
  EXPECT_EQ(needs_.Get(), uint32_t{kNeedsNoWritePause});
  EXPECT_EQ(links_.resumed, 1) << "what only waited for the stricter one goes on";
  pause_.Begin(PausePurpose::kClient, PauseMode::kAll, In(100));
  pause_.End(PausePurpose::kShutdown);
  EXPECT_EQ(pause_.Current(), PauseMode::kAll);
  clock_.Advance(100);
  EXPECT_EQ(pause_.Current(), PauseMode::kNone);
}

TEST_F(PauseTest, AnExpiredPauseLeavesTheOtherOne) {
  pause_.Begin(PausePurpose::kClient, PauseMode::kAll, In(100));
  pause_.Begin(PausePurpose::kShutdown, PauseMode::kWrites, INT64_MAX);
  clock_.Advance(100);
  EXPECT_EQ(pause_.Current(), PauseMode::kWrites);
  EXPECT_EQ(needs_.Get(), uint32_t{kNeedsNoWritePause});
  EXPECT_EQ(pause_.next_end_ms(), INT64_MAX);
}

TEST_F(PauseTest, ALookAtAnExpiredPauseDoesNotEndANewOne) {
  constexpr int kRounds = 300;
  std::atomic<bool> is_over{false};
  std::atomic<bool> has_begun{false};
  std::thread looks([&] {
    for (; !is_over; has_begun = true) pause_.Current();
  });
  while (!has_begun) std::this_thread::yield();
  int lost = 0;
  for (int i = 0; i < kRounds; ++i) {
    pause_.Begin(PausePurpose::kClient, PauseMode::kWrites, In(0));  // has expired
    pause_.Begin(PausePurpose::kClient, PauseMode::kWrites, INT64_MAX);
    if (pause_.Current() != PauseMode::kWrites || needs_.Get() != kNeedsNoWritePause) ++lost;
    pause_.End(PausePurpose::kClient);
  }
  is_over = true;
  looks.join();
  EXPECT_EQ(lost, 0);
}

TEST_F(PauseTest, OfTwoThatBeginAtOnceTheLongerAndTheStricterCounts) {
  constexpr int kRounds = 50;
  int lost = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::atomic<int> ready{0};
    const auto begin = [&](PauseMode mode, int64_t end) {
      ++ready;
      while (ready < 2) std::this_thread::yield();
      pause_.Begin(PausePurpose::kClient, mode, end);
    };
    std::thread shorter([&] { begin(PauseMode::kAll, In(100)); });
    begin(PauseMode::kWrites, In(200));
    shorter.join();
    if (pause_.Current() != PauseMode::kAll || pause_.next_end_ms() != In(200)) ++lost;
    pause_.End(PausePurpose::kClient);
  }
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace ringkv::server
