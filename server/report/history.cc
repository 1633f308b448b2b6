// SPDX-License-Identifier: MIT
#include "server/report/history.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "server/report/command_totals.h"
#include "server/report/metric_table.h"
#include "server/report/observation.h"
#include "storage/base/random.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {
namespace {

enum class SeriesKind : uint8_t {
  kLevel,
  kRate,  // per second, of a counter
};

struct SeriesRow {
  std::string_view name;
  std::string_view info;  // the field of INFO
  SeriesKind kind = SeriesKind::kLevel;
  double (*read)(const Observation&) = nullptr;  // of what is no field
};

// Changes that the replica which is furthest behind does not have; on a replica, those of the primary that it lacks.
double GroupsBehindMost(const Observation& o) {
  const storage::Lsn last = o.parts.data.store().log().appended();
  storage::Lsn most = 0;
  for (const auto& replica : o.parts.replication.feeds().replicas()) {
    most = std::max(most, last - std::min(last, replica.acknowledged));
  }
  return static_cast<double>(most);
}

constexpr SeriesRow kSeries[] = {
    {"commands", "total_commands_processed", SeriesKind::kRate},
    {"errors", "total_error_replies", SeriesKind::kRate},
    {"hits", "keyspace_hits", SeriesKind::kRate},
    {"misses", "keyspace_misses", SeriesKind::kRate},
    {"expired", "expired_keys", SeriesKind::kRate},
    {"evicted", "evicted_keys", SeriesKind::kRate},
    {"bytes_in", "total_net_input_bytes", SeriesKind::kRate},
    {"bytes_out", "total_net_output_bytes", SeriesKind::kRate},
    {"cpu_user", "used_cpu_user", SeriesKind::kRate},
    {"cpu_system", "used_cpu_sys", SeriesKind::kRate},
    {"connections", "total_connections_received", SeriesKind::kRate},
    {"clients", "connected_clients"},
    {"blocked", "blocked_clients"},
    {"memory", "used_memory"},
    {"memory_peak", "used_memory_peak"},
    {"memory_rss", "used_memory_rss"},
    {"memory_limit", "maxmemory"},
    {"memory_data", "used_memory_dataset"},
    {"memory_tables", "mem_tables"},
    {"memory_clients", "mem_clients_normal"},
    {"memory_replication", "mem_total_replication_buffers"},
    {"memory_log", "mem_aof_buffer"},
    {"lag_ms", "slave_lag_ms"},
    {.name = "lag_groups", .info = {}, .read = GroupsBehindMost},
    {"log_bytes", "aof_current_size"},
    {.name = "log_waiting",
     .info = {},
     .read =
         [](const Observation& o) {
           const storage::Lsn durable = o.parts.data.durability().log().durable();
           const storage::Lsn last = o.parts.data.store().log().appended();
           return HasLog(o) ? static_cast<double>(last - std::min(last, durable)) : 0;
         }},
    {"saving", "rdb_bgsave_in_progress"},
    {"unsaved", "rdb_changes_since_last_save"},
    {.name = "keys", .info = {}, .read = [](const Observation& o) { return o.TotalKeys(); }},
};
static_assert(std::size(kSeries) <= HistorySample::kMostSeries);

// The rows of INFO, found once.
double ReadSeries(size_t index, const Observation& observation) {
  static const std::vector<Metric> found = [] {
    const std::vector<Metric> all = Metrics();
    std::vector<Metric> made;
    for (const SeriesRow& row : kSeries) {
      const auto of_row = [&](const Metric& each) { return !row.info.empty() && each.info == row.info; };
      const auto metric = std::find_if(all.begin(), all.end(), of_row);
      made.push_back(metric == all.end() ? Metric{} : *metric);
    }
    return made;
  }();
  if (kSeries[index].read != nullptr) return kSeries[index].read(observation);
  const Metric& metric = found[index];
  const bool is_there = metric.read != nullptr && (metric.is_shown == nullptr || metric.is_shown(observation));
  return is_there ? metric.read(observation).Number() : 0;
}

SampledLatency LatencyOf(size_t command, const CommandTotals& between, double seconds) {
  const auto microseconds = [&](double percentile) {
    return static_cast<float>(static_cast<double>(between.Percentile(percentile)) / 1000);
  };
  return {.command = static_cast<uint16_t>(command),
          .per_second = static_cast<float>(static_cast<double>(between.calls) / seconds),
          .p50 = microseconds(50),
          .p99 = microseconds(99),
          .p999 = microseconds(99.9)};
}

}  // namespace

// --- samples --------------------------------------------------------------------------------------------------------

std::optional<HistorySample> Sampler::Take(const Observation& observation) {
  HistorySample sample{.unix_ms = observation.now_ms};
  const bool is_first = last_steady_ms_ == 0;
  const double seconds = static_cast<double>(std::max<int64_t>(observation.steady_ms - last_steady_ms_, 1)) / 1000;
  for (size_t i = 0; i < std::size(kSeries); ++i) {
    const double now = ReadSeries(i, observation);
    const double before = std::exchange(counters_[i], now);
    // CONFIG RESETSTAT sets counters back.
    sample.values[i] = kSeries[i].kind == SeriesKind::kLevel ? now : (now >= before ? now - before : now) / seconds;
  }
  AddLatencies(observation, seconds, &sample);
  last_steady_ms_ = observation.steady_ms;
  return is_first ? std::nullopt : std::optional(sample);
}

void Sampler::AddLatencies(const Observation& observation, double seconds, HistorySample* sample) {
  CommandTotals all;
  all.histogram.resize(LatencyHistogram::kBuckets);
  std::vector<SampledLatency> called;
  for (size_t i = 0; i < observation.parts.commands.size(); ++i) {
    CommandTotals between = TotalsOf(observation.parts, observation.parts.commands.entry(i));
    if (between.histogram.empty()) continue;
    std::vector<uint64_t>& before = histograms_[i];
    before.resize(between.histogram.size());
    between.calls = 0;
    for (size_t bucket = 0; bucket < before.size(); ++bucket) {
      const uint64_t now = between.histogram[bucket];
      const uint64_t last = std::exchange(before[bucket], now);
      between.histogram[bucket] = now >= last ? now - last : now;
      between.calls += between.histogram[bucket];
      all.histogram[bucket] += between.histogram[bucket];
    }
    all.calls += between.calls;
    if (between.calls > 0) called.push_back(LatencyOf(i, between, seconds));
  }
  if (all.calls == 0) return;
  const size_t most = std::min(called.size(), HistorySample::kMostCommands - 1);
  std::partial_sort(called.begin(), called.begin() + static_cast<std::ptrdiff_t>(most), called.end(),
                    [](const auto& one, const auto& other) { return one.per_second > other.per_second; });
  sample->latencies[0] = LatencyOf(SampledLatency::kAllCommands, all, seconds);
  std::copy_n(called.begin(), most, sample->latencies.begin() + 1);
  sample->latency_count = most + 1;
}

// --- the ring -------------------------------------------------------------------------------------------------------

std::vector<std::string_view> History::SeriesNames() {
  std::vector<std::string_view> names;
  for (const SeriesRow& row : kSeries) names.push_back(row.name);
  return names;
}

void History::Tick(const ReportParts& parts, storage::Store& store) {
  parts_ = &parts;
  const int64_t now_ms = parts.clock.SteadyMs();
  const bool is_watched = watches_ > 0;
  if (!is_watched) live_.reset();
  const bool is_due = now_ms >= next_ms_;
  const bool is_live_due = is_watched && now_ms >= next_live_ms_;
  if (!is_due && !is_live_due) return;
  storage::Random random(static_cast<uint64_t>(now_ms));
  storage::Txn txn(store, parts.clock.Now(), random);
  txn.set_skips_held(true);  // it does not wait for a script
  const Observation observation(parts, txn);
  if (is_live_due) {
    if (!live_) live_.emplace();
    const std::optional<HistorySample> sample = live_->Take(observation);
    next_live_ms_ = now_ms + kLiveIntervalMs;
    if (sample) {
      const storage::MutexLock lock(mutex_);
      live_sample_ = *sample;
      live_number_ += 1;
    }
  }
  if (!is_due) return;
  next_ms_ = now_ms + kIntervalMs;
  const std::optional<HistorySample> sample = hourly_.Take(observation);
  const storage::MutexLock lock(mutex_);
  if (sample) samples_.push_back(*sample);
  if (samples_.size() > kMostSamples) samples_.pop_front();
}

std::vector<HistorySample> History::Samples() const {
  const storage::MutexLock lock(mutex_);
  return {samples_.begin(), samples_.end()};
}

std::string History::NameOf(uint16_t command) const {
  const ReportParts* parts = parts_;
  if (command == SampledLatency::kAllCommands || parts == nullptr) return "all";
  return parts->commands.entry(command).full_name;
}

History::Watch::Watch(History& history) : history_(history), taken_(history.live_number_) { ++history_.watches_; }

History::Watch::~Watch() { --history_.watches_; }

std::optional<HistorySample> History::Watch::TakeNew() {
  const uint64_t number = history_.live_number_;
  if (std::exchange(taken_, number) == number) return std::nullopt;
  const storage::MutexLock lock(history_.mutex_);
  return history_.live_sample_;
}

}  // namespace ringkv::server
