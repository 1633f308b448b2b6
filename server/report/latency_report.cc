// SPDX-License-Identifier: MIT
#include "server/report/latency_report.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace ringkv::server {
namespace {

constexpr size_t kRows = 4;
constexpr std::string_view kLevels = "_o#";  // how much of a row a sample fills

std::string AgeText(int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 60 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 24 * 60 * 60) return std::to_string(seconds / (60 * 60)) + "h";
  return std::to_string(seconds / (24 * 60 * 60)) + "d";
}

// The height of a sample, from 0 to kRows * kLevels.size() - 1.
size_t Height(uint64_t value, uint64_t least, uint64_t greatest) {
  constexpr size_t kHeights = kRows * kLevels.size();
  return greatest == least ? 0 : (value - least) * (kHeights - 1) / (greatest - least);
}

char GlyphAt(size_t height, size_t row) {
  const size_t top_row = height / kLevels.size();
  if (row > top_row) return ' ';
  return row < top_row ? kLevels.back() : kLevels[height % kLevels.size()];
}

struct Advice {
  std::string_view event;
  std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"command",
     "SLOWLOG GET names the commands that were slow. Split commands on large values, or replace KEYS and the "
     "like by SCAN."},
    {"fast-command",
     "Commands of constant cost were slow: the machine may be overcommitted, or memory is swapped out."},
    {"expire-cycle", "Many keys expire at the same time. Vary their times to live."},
    {"eviction-cycle", "Eviction is behind the writes. Raise maxmemory, or lower the rate of writes."},
};

std::string SummaryLine(size_t number, std::string_view name, const LatencySummary& summary, uint64_t longest) {
  char period[32];
  std::snprintf(period, sizeof period, "%.2f", summary.period);
  return std::to_string(number) + ". " + std::string(name) + ": " + std::to_string(summary.samples) +
         " latency spikes (average " + std::to_string(summary.average) + "ms, mean deviation " +
         std::to_string(summary.mean_deviation) + "ms, period " + period + " sec). Worst all time event " +
         std::to_string(longest) + "ms.\n";
}

}  // namespace

std::string LatencyGraph(std::string_view name, const LatencyEvents::Event& event, int64_t unix_seconds) {
  const LatencySummary summary = SummarizeLatency(event, unix_seconds);
  std::string page = std::string(name) + " - high " + std::to_string(summary.greatest) + " ms, low " +
                     std::to_string(summary.least) + " ms (all time high " + std::to_string(event.longest) + " ms)\n" +
                     std::string(80, '-') + "\n";
  std::vector<std::string> ages;
  size_t longest_age = 0;
  for (const LatencyEvents::Sample& sample : event.samples) {
    ages.push_back(AgeText(std::max<int64_t>(0, unix_seconds - sample.unix_seconds)));
    longest_age = std::max(longest_age, ages.back().size());
  }
  for (size_t row = kRows; row-- > 0;) {
    for (const LatencyEvents::Sample& sample : event.samples) {
      page += GlyphAt(Height(sample.milliseconds, summary.least, summary.greatest), row);
    }
    page += '\n';
  }
  page += std::string(ages.size(), ' ') + "\n";
  for (size_t line = 0; line < longest_age; ++line) {
    for (const std::string& age : ages) page += line < age.size() ? age[line] : ' ';
    page += '\n';
  }
  return page;
}

LatencySummary SummarizeLatency(const LatencyEvents::Event& event, int64_t unix_seconds) {
  LatencySummary summary;
  summary.samples = event.samples.size();
  if (summary.samples == 0) return summary;
  summary.least = UINT64_MAX;
  uint64_t sum = 0;
  for (const LatencyEvents::Sample& sample : event.samples) {
    sum += sample.milliseconds;
    summary.least = std::min<uint64_t>(summary.least, sample.milliseconds);
    summary.greatest = std::max<uint64_t>(summary.greatest, sample.milliseconds);
  }
  summary.average = sum / summary.samples;
  uint64_t deviations = 0;
  for (const LatencyEvents::Sample& sample : event.samples) {
    deviations += std::max<uint64_t>(sample.milliseconds, summary.average) -
                  std::min<uint64_t>(sample.milliseconds, summary.average);
  }
  summary.mean_deviation = deviations / summary.samples;
  const int64_t observed = std::max<int64_t>(1, unix_seconds - event.samples.front().unix_seconds);
  summary.period = static_cast<double>(observed) / static_cast<double>(summary.samples);
  return summary;
}

std::string LatencyDoctor(const LatencyEventMap& events, int64_t unix_seconds, int64_t threshold_ms,
                          int64_t slow_log_us) {
  if (events.empty() && threshold_ms == 0) {
    return "Latency is not monitored. CONFIG SET latency-monitor-threshold <milliseconds> turns that on.\n";
  }
  if (events.empty()) return "No latency spike was observed.\n";
  std::string page = "Latency spikes were observed:\n\n";
  std::string advice;
  size_t number = 0;
  for (const auto& [name, event] : events) {
    page += SummaryLine(++number, name, SummarizeLatency(event, unix_seconds), event.longest);
    for (const Advice& each : kAdvice) {
      if (each.event == name) advice += "- " + std::string(each.text) + "\n";
    }
  }
  if (slow_log_us < 0 || slow_log_us > threshold_ms * 1000) {
    advice +=
        "- The slow log misses commands that are above latency-monitor-threshold: CONFIG SET "
        "slowlog-log-slower-than " +
        std::to_string(threshold_ms * 1000) + ".\n";
  }
  return advice.empty() ? page : page + "\nAdvice:\n\n" + advice;
}

}  // namespace ringkv::server
