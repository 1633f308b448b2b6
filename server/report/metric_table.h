// SPDX-License-Identifier: MIT
// The rows of INFO and /metrics: each has its name in INFO, its name for Prometheus, or both, and a function that reads
// its value. Names in INFO are those of Redis; the others follow the conventions of Prometheus, including units: a
// value with different units is two rows.
//
// Rows of several objects (databases, commands, replicas) are a group: one INFO line per object, and one label for
// Prometheus.
//
// Threads: pure functions of an observation.
#pragma once

#include <prometheus/metric_family.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/report/observation.h"
#include "server/report/reading.h"

namespace ringkv::server {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;

constexpr MetricType kCounter = MetricType::Counter;
constexpr MetricType kGauge = MetricType::Gauge;

// A Prometheus series.
struct Series {
  const char* name = nullptr;  // null: not in Prometheus
  MetricType type = kGauge;
  const char* help = nullptr;
};

struct Metric {
  std::string_view section = {};  // of INFO
  std::string_view info = {};     // the name in INFO; empty: not in INFO
  Series series = {};
  Reading (*read)(const Observation&) = nullptr;
  bool (*is_shown)(const Observation&) = nullptr;  // by INFO; null: always
  // For a group, instead of the fields above except the section: its INFO lines and its families.
  void (*add_lines)(const Observation&, std::string* page) = nullptr;
  void (*add_families)(const Observation&, Families* families) = nullptr;
};

// In output order, by topic.
std::span<const Metric> ServerMetrics();
std::span<const Metric> MemoryMetrics();
std::span<const Metric> PersistenceMetrics();
std::span<const Metric> TrafficMetrics();
std::span<const Metric> LinkMetrics();
std::span<const Metric> ReplicaMetrics();
std::span<const Metric> CoordinatorMetrics();
std::span<const Metric> SentinelMetrics();
std::span<const Metric> CommandMetrics();
std::span<const Metric> KeyspaceMetrics();
std::span<const Metric> KeySizeMetrics();
std::span<const Metric> ClusterMetrics();
std::span<const Metric> ScriptMetrics();
std::span<const Metric> AbsentMetrics();
// All of them.
std::vector<Metric> Metrics();

// --- readings that many rows share ----------------------------------------------------------------------------------

template <size_t kSize>
struct FixedText {
  consteval FixedText(const char (&text)[kSize]) { std::copy_n(text, kSize, letters); }
  constexpr std::string_view view() const { return {letters, kSize - 1}; }
  char letters[kSize];
};

// Fields of Redis without a counterpart here.
template <FixedText kText>
Reading Always(const Observation&) {
  return kText.view();
}

// Fields that redis-server shows with appendonly yes only.
inline bool HasLog(const Observation& o) { return o.parts.data.durability().wants_log(); }

// The value of an option as in CONFIG GET.
std::string OptionTextOf(const Observation& observation, std::string_view name);
template <FixedText kName>
Reading OptionText(const Observation& observation) {
  return OptionTextOf(observation, kName.view());
}

// Summed over all threads.
template <Counter ThreadStatistics::*kCounted>
Reading SumOf(const Observation& observation) {
  return observation.Sum(kCounted);
}

// --- groups ---------------------------------------------------------------------------------------------------------

MetricFamily EmptyFamily(const Series& series);
using Labels = std::vector<prometheus::ClientMetric::Label>;
void AddSample(MetricFamily* family, Labels labels, double value);
// `counts`: by bucket of LatencyHistogram.
void AddHistogram(MetricFamily* family, Labels labels, const std::vector<uint64_t>& counts, uint64_t nanoseconds);

template <class Thing>
struct GroupField {
  std::string_view info = {};
  Series series = {};
  Reading (*read)(const Observation&, const Thing&);
};

template <class Thing>
struct MetricGroup {
  std::vector<Thing> (*things)(const Observation&);
  std::string (*line)(const Thing&) = nullptr;  // the text before the colon in INFO; null: no lines
  const char* label = nullptr;
  std::string (*label_value)(const Thing&) = nullptr;
  std::span<const GroupField<Thing>> fields;
};

// "name:field=value,field=value" per object.
template <const auto& kGroup>
void AddGroupLines(const Observation& observation, std::string* page) {
  for (const auto& thing : kGroup.things(observation)) {
    char separator = ':';
    *page += kGroup.line(thing);
    for (const auto& field : kGroup.fields) {
      if (field.info.empty()) continue;
      *page += separator;
      page->append(field.info).append("=").append(field.read(observation, thing).Text());
      separator = ',';
    }
    *page += "\r\n";
  }
}

template <const auto& kGroup>
void AddGroupFamilies(const Observation& observation, Families* families) {
  const auto things = kGroup.things(observation);
  for (const auto& field : kGroup.fields) {
    if (field.series.name == nullptr) continue;
    MetricFamily& family = families->emplace_back(EmptyFamily(field.series));
    for (const auto& thing : things) {
      AddSample(&family, {{kGroup.label, kGroup.label_value(thing)}}, field.read(observation, thing).Number());
    }
  }
}

}  // namespace ringkv::server
