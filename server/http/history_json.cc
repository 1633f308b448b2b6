// SPDX-License-Identifier: MIT
#include "server/http/history_json.h"

#include <cstdio>

#include "server/http/json.h"

namespace ringkv::server::http {
namespace {

// Seven digits are more than a chart shows; whole numbers stay whole.
std::string SampledNumber(double number) {
  char text[64];
  const bool is_whole = number > -9e15 && number < 9e15 && number == static_cast<double>(static_cast<int64_t>(number));
  std::snprintf(text, sizeof text, is_whole ? "%.0f" : "%.7g", number);
  return text;
}

}  // namespace

std::string SampleInJson(const HistorySample& sample, const History& history) {
  std::string json = "{\"time\":" + std::to_string(sample.unix_ms) + ",\"values\":{";
  size_t i = 0;
  for (const std::string_view name : History::SeriesNames()) {
    if (i > 0) json += ',';
    json.append("\"").append(name).append("\":") += SampledNumber(sample.values[i++]);
  }
  json += "},\"latency\":{";
  for (size_t each = 0; each < sample.latency_count; ++each) {
    const SampledLatency& latency = sample.latencies[each];
    if (each > 0) json += ',';
    json += ToJson(history.NameOf(latency.command)) + ":[" + SampledNumber(latency.per_second) + "," +
            SampledNumber(latency.p50) + "," + SampledNumber(latency.p99) + "," + SampledNumber(latency.p999) + "]";
  }
  return json + "}}";
}

std::string SamplesInJson(const std::vector<HistorySample>& samples, const History& history) {
  std::string json = "{\"interval_ms\":" + std::to_string(History::kIntervalMs) + ",\"samples\":[";
  for (const HistorySample& sample : samples) {
    if (&sample != &samples.front()) json += ',';
    json += SampleInJson(sample, history);
  }
  return json + "]}\n";
}

}  // namespace ringkv::server::http
