// SPDX-License-Identifier: MIT
#include "server/report/command_totals.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/report/report_parts.h"

namespace ringkv::server {

uint64_t CommandTotals::Percentile(double percentile) const {
  const uint64_t total = std::accumulate(histogram.begin(), histogram.end(), uint64_t{0});
  const auto wanted =
      std::max<uint64_t>(static_cast<uint64_t>(std::ceil(static_cast<double>(total) * percentile / 100.0)), 1);
  uint64_t counted = 0;
  for (size_t bucket = 0; bucket < histogram.size(); ++bucket) {
    counted += histogram[bucket];
    if (counted >= wanted) return LatencyHistogram::UpperBound(bucket);
  }
  return 0;
}

CommandTotals TotalsOf(const ReportParts& parts, const CommandEntry& entry) {
  CommandTotals totals;
  uint64_t in_histogram = 0;
  std::vector<uint64_t> histogram(LatencyHistogram::kBuckets);
  for (size_t i = 0; i < parts.threads.size(); ++i) {
    const CommandStatistics& statistics = parts.threads[i]->statistics.per_command[entry.index];
    totals.calls += statistics.calls.Get();
    totals.nanoseconds += statistics.nanoseconds.Get();
    totals.rejected += statistics.rejected.Get();
    totals.failed += statistics.failed.Get();
    const LatencyHistogram* counted = statistics.histogram.load(std::memory_order_acquire);
    if (counted == nullptr) continue;
    for (size_t bucket = 0; bucket < histogram.size(); ++bucket) {
      histogram[bucket] += counted->Count(bucket);
      in_histogram += counted->Count(bucket);
    }
  }
  if (in_histogram > 0) totals.histogram = std::move(histogram);
  return totals;
}

}  // namespace ringkv::server
