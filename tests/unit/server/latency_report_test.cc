// SPDX-License-Identifier: MIT
#include "server/report/latency_report.h"

#include <gtest/gtest.h>

namespace ringkv::server {
namespace {

constexpr int64_t kNow = 1000;

LatencyEvents::Event EventOf(std::deque<LatencyEvents::Sample> samples) {
  LatencyEvents::Event event{.samples = std::move(samples), .longest = 0};
  for (const auto& sample : event.samples) event.longest = std::max(event.longest, sample.milliseconds);
  return event;
}

TEST(LatencyReport, TheSummaryHasAverageDeviationAndPeriod) {
  const LatencySummary summary = SummarizeLatency(EventOf({{980, 10}, {990, 20}, {999, 30}}), kNow);
  EXPECT_EQ(summary.samples, 3u);
  EXPECT_EQ(summary.least, 10u);
  EXPECT_EQ(summary.greatest, 30u);
  EXPECT_EQ(summary.average, 20u);
  EXPECT_EQ(summary.mean_deviation, 6u);
  EXPECT_DOUBLE_EQ(summary.period, 20.0 / 3);
}

TEST(LatencyReport, TheGraphHasAColumnForEachSampleWithItsAge) {
  EXPECT_EQ(LatencyGraph("command", EventOf({{880, 0}, {988, 6}, {999, 11}}), kNow),
            "command - high 11 ms, low 0 ms (all time high 11 ms)\n" + std::string(80, '-') +
                "\n"
                "  #\n"
                " _#\n"
                " ##\n"
                "_##\n"
                "   \n"
                "211\n"
                "m2s\n"
                " s \n");
}

TEST(LatencyReport, EqualSamplesAreTheLowestLine) {
  EXPECT_EQ(LatencyGraph("fork", EventOf({{1000, 5}}), kNow),
            "fork - high 5 ms, low 5 ms (all time high 5 ms)\n" + std::string(80, '-') + "\n \n \n \n_\n \n0\ns\n");
}

TEST(LatencyReport, TheDoctorReportsTheThresholdAndTheSpikes) {
  EXPECT_NE(LatencyDoctor({}, kNow, 0, 10'000).find("latency-monitor-threshold"), std::string::npos);
  EXPECT_EQ(LatencyDoctor({}, kNow, 100, 10'000), "No latency spike was observed.\n");
  const std::string report = LatencyDoctor({{"command", EventOf({{990, 200}, {999, 100}})}}, kNow, 100, 200'000);
  EXPECT_NE(report.find("1. command: 2 latency spikes (average 150ms, mean deviation 50ms, period 5.00 sec). Worst all "
                        "time event 200ms."),
            std::string::npos)
      << report;
  EXPECT_NE(report.find("CONFIG SET slowlog-log-slower-than 100000"), std::string::npos) << report;
  // A slow log that sees all of it needs no advice.
  EXPECT_EQ(LatencyDoctor({{"command", EventOf({{990, 200}})}}, kNow, 100, 100'000).find("CONFIG SET"),
            std::string::npos);
}

}  // namespace
}  // namespace ringkv::server
