// SPDX-License-Identifier: MIT
#include "server/report/metric_table.h"

#include <limits>

#include "server/observe/latency_histogram.h"
#include "server/options/option_table.h"

namespace ringkv::server {

std::vector<Metric> Metrics() {
  std::vector<Metric> all;
  for (const auto topic : {ServerMetrics(), MemoryMetrics(), PersistenceMetrics(), TrafficMetrics(), LinkMetrics(),
                           ReplicaMetrics(), CoordinatorMetrics(), SentinelMetrics(), CommandMetrics(),
                           KeyspaceMetrics(), KeySizeMetrics(), ClusterMetrics(), ScriptMetrics(), AbsentMetrics()}) {
    all.insert(all.end(), topic.begin(), topic.end());
  }
  return all;
}

std::string OptionTextOf(const Observation& observation, std::string_view name) {
  return OptionValue(observation.parts.options, *FindOption(name));
}

MetricFamily EmptyFamily(const Series& series) {
  MetricFamily family;
  family.name = series.name;
  family.type = series.type;
  family.help = series.help;
  return family;
}

void AddSample(MetricFamily* family, Labels labels, double value) {
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  family->type == kCounter ? metric.counter.value = value : metric.gauge.value = value;
}

// Bounds are powers of two of nanoseconds, where buckets of our histogram end too, so nothing is counted wrongly.
void AddHistogram(MetricFamily* family, Labels labels, const std::vector<uint64_t>& counts, uint64_t nanoseconds) {
  constexpr unsigned kFirst = 10;  // a microsecond
  constexpr unsigned kLast = 33;   // eight and a half seconds
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  uint64_t counted = 0;
  size_t bucket = 0;
  for (unsigned exponent = kFirst; exponent <= kLast; ++exponent) {
    const uint64_t bound = uint64_t{1} << exponent;
    while (bucket < counts.size() && LatencyHistogram::UpperBound(bucket) < bound) counted += counts[bucket++];
    metric.histogram.bucket.push_back({counted, static_cast<double>(bound) / 1e9});
  }
  while (bucket < counts.size()) counted += counts[bucket++];
  metric.histogram.bucket.push_back({counted, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = counted;
  metric.histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
}

}  // namespace ringkv::server
