// SPDX-License-Identifier: MIT
// The samples of the last hour.
#include "server/report/history.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class HistoryTest : public SessionFixture {
 protected:
  void TickAfter(int64_t ms) {
    clock_.Advance(ms);
    history_.Tick(server_.report_parts(), server_.store());
  }
  double ValueOf(const HistorySample& sample, std::string_view name) {
    const auto names = History::SeriesNames();
    const auto found = std::find(names.begin(), names.end(), name);
    EXPECT_NE(found, names.end()) << name;
    return sample.values[static_cast<size_t>(found - names.begin())];
  }

  History history_;
};

TEST_F(HistoryTest, ASampleHasRatesSinceTheLastOne) {
  TickAfter(0);
  EXPECT_TRUE(history_.Samples().empty()) << "nothing to compare with";
  for (int i = 0; i < 10; ++i) Run("set key" + std::to_string(i) + " v");
  Run("get key1");
  Run("get missing");
  TickAfter(History::kIntervalMs);
  const auto samples = history_.Samples();
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_DOUBLE_EQ(ValueOf(samples[0], "hits"), 0.2) << "one in five seconds";
  EXPECT_DOUBLE_EQ(ValueOf(samples[0], "misses"), 0.2);
  EXPECT_DOUBLE_EQ(ValueOf(samples[0], "keys"), 10);
  EXPECT_GT(ValueOf(samples[0], "memory"), 0);
  ASSERT_EQ(samples[0].latency_count, 3u);
  EXPECT_EQ(history_.NameOf(samples[0].latencies[0].command), "all");
  EXPECT_EQ(history_.NameOf(samples[0].latencies[1].command), "set") << "the most called one";
  EXPECT_FLOAT_EQ(samples[0].latencies[1].per_second, 2);
  EXPECT_LE(samples[0].latencies[1].p50, samples[0].latencies[1].p999);
  TickAfter(History::kIntervalMs);
  EXPECT_EQ(history_.Samples().back().latency_count, 0u) << "nothing was called since";
}

TEST_F(HistoryTest, KeepsAnHour) {
  for (size_t i = 0; i < History::kMostSamples + 10; ++i) TickAfter(History::kIntervalMs);
  const auto samples = history_.Samples();
  ASSERT_EQ(samples.size(), History::kMostSamples);
  EXPECT_EQ(samples.back().unix_ms - samples.front().unix_ms, 3600'000 - History::kIntervalMs);
}

TEST_F(HistoryTest, SamplesEachSecondOnlyWhileSomebodyWatches) {
  TickAfter(0);
  TickAfter(1000);
  {
    History::Watch watch(history_);
    EXPECT_FALSE(watch.TakeNew());
    TickAfter(1000);
    EXPECT_FALSE(watch.TakeNew()) << "nothing to compare with";
    TickAfter(1000);
    EXPECT_TRUE(watch.TakeNew());
    EXPECT_FALSE(watch.TakeNew()) << "it was taken";
  }
  EXPECT_TRUE(history_.Samples().empty()) << "five seconds are not over";
}

}  // namespace
}  // namespace ringkv::server
