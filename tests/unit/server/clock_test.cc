// SPDX-License-Identifier: MIT
// Somebody sets the wall clock an hour forwards or back: nothing waits longer or shorter than it should.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/support/session_fixture.h"
#include "tests/support/temp_dir.h"

namespace ringkv::server {
namespace {

constexpr int64_t kHour = 3'600'000;

class WallClockTest : public SessionFixture {
 protected:
  static bool Soon(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(WallClockTest, APauseLastsAsLongAsWasSaid) {
  for (const int64_t by : {-kHour, kHour}) {
    EXPECT_EQ(Run("CLIENT PAUSE 1000 WRITE"), "+OK\r\n");
    clock_.SetForward(by);
    clock_.Advance(999);
    EXPECT_EQ(Run("SET key value"), "<postponed>") << by;
    clock_.Advance(1);
    EXPECT_EQ(Run("SET key value"), "+OK\r\n") << by;
  }
}

TEST_F(WallClockTest, AgesOfClientsAndServerAreElapsedTime) {
  session_->card->connected_ms = clock_.SteadyMs();
  for (const int64_t by : {-kHour, 2 * kHour}) clock_.SetForward(by);
  clock_.Advance(5000);
  EXPECT_NE(Run("CLIENT INFO").find(" age=5 idle=0 "), std::string::npos);
  EXPECT_NE(Run("INFO server").find("uptime_in_seconds:5\r\n"), std::string::npos);
}

TEST_F(WallClockTest, ABlockingCommandTimesOut) {
  may_wait_ = true;
  EXPECT_EQ(Run("WAIT 1 1000"), "");
  ASSERT_TRUE(Ended<outcome::ReplicaWait>());
  EXPECT_EQ(std::get<outcome::ReplicaWait>(outcome_).deadline_ms, clock_.SteadyMs() + 1000);
  EXPECT_EQ(Run("BLPOP nothing 2"), "");
  ASSERT_TRUE(Ended<outcome::KeyWait>());
  EXPECT_EQ(std::get<outcome::KeyWait>(outcome_).request->plan.deadline_ms, clock_.SteadyMs() + 2000);
}

TEST_F(WallClockTest, ASavePointIsReachedWhenItsTimeIsOver) {
  options_.save.Set("60 1");
  options_.hz = 500;
  server_.BeginLoading();
  ASSERT_TRUE(server_.data().Open([] { return storage::Status(); }));
  server_.EndLoading();
  const auto saves = [&] { return server_.durability().snapshot_state().saves; };
  for (const int64_t by : {-kHour, kHour}) {
    const uint64_t saved = saves();
    EXPECT_EQ(Run("INCR counter").front(), ':');
    clock_.SetForward(by);
    clock_.Advance(61'000);
    EXPECT_TRUE(Soon([&] { return saves() == saved + 1; })) << by;
    EXPECT_NE(Run("INFO persistence").find("snapshot_age_seconds:0\r\n"), std::string::npos);
  }
  ASSERT_TRUE(server_.Stop());
}

}  // namespace
}  // namespace ringkv::server
