// SPDX-License-Identifier: MIT
// Latency samples as a graph and as a report for people: LATENCY GRAPH and DOCTOR.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "server/observe/latency_events.h"

namespace ringkv::server {

// One column per sample, oldest first; below, how long ago it was. `event` has at least one sample.
std::string LatencyGraph(std::string_view name, const LatencyEvents::Event& event, int64_t unix_seconds);

// How the latency of an event is distributed. The mean deviation is that from the average.
struct LatencySummary {
  uint64_t samples = 0;
  uint64_t least = 0;  // milliseconds, like all below but the period
  uint64_t greatest = 0;
  uint64_t average = 0;
  uint64_t mean_deviation = 0;
  double period = 0;  // seconds between two samples
};
LatencySummary SummarizeLatency(const LatencyEvents::Event& event, int64_t unix_seconds);

using LatencyEventMap = std::map<std::string, LatencyEvents::Event, std::less<>>;
// `threshold_ms`: latency-monitor-threshold, 0 if latency is not monitored. `slow_log_us`: slowlog-log-slower-than.
std::string LatencyDoctor(const LatencyEventMap& events, int64_t unix_seconds, int64_t threshold_ms,
                          int64_t slow_log_us);

}  // namespace ringkv::server
