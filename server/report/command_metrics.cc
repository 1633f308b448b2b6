// SPDX-License-Identifier: MIT
// Commands, the errors that they answered, and HTTP requests.
#include <cstdlib>
#include <numeric>

#include "server/base/text.h"
#include "server/report/command_totals.h"
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

struct CountedCommand {
  const std::string* name;
  CommandTotals totals;
};

// Commands that were called.
std::vector<CountedCommand> CountedCommands(const Observation& o) {
  std::vector<CountedCommand> counted;
  for (size_t i = 0; i < o.parts.commands.size(); ++i) {
    const CommandEntry& entry = o.parts.commands.entry(i);
    CommandTotals totals = TotalsOf(o.parts, entry);
    if (totals.calls == 0 && totals.rejected == 0) continue;
    counted.push_back({&entry.full_name, std::move(totals)});
  }
  return counted;
}

double MicrosecondsEach(const CommandTotals& totals) {
  return totals.calls > 0 ? static_cast<double>(totals.nanoseconds) / 1000.0 / static_cast<double>(totals.calls) : 0;
}

constexpr GroupField<CountedCommand> kCommandFields[] = {
    {.info = "calls",
     .series = {"ringkv_commands_total", kCounter, "Commands executed."},
     .read = [](const Observation&, const CountedCommand& each) { return Reading(each.totals.calls); }},
    {.info = "usec",  // rounded up: no command takes no time
     .read = [](const Observation&,
                const CountedCommand& each) { return Reading((each.totals.nanoseconds + 999) / 1000); }},
    {.info = "usec_per_call",
     .read = [](const Observation&, const CountedCommand& each) { return Reading(MicrosecondsEach(each.totals), 2); }},
    {.info = "rejected_calls",
     .series = {"ringkv_commands_rejected_total", kCounter, "Commands refused before execution."},
     .read = [](const Observation&, const CountedCommand& each) { return Reading(each.totals.rejected); }},
    {.info = "failed_calls",
     .series = {"ringkv_commands_failed_total", kCounter, "Commands executed that returned an error."},
     .read = [](const Observation&, const CountedCommand& each) { return Reading(each.totals.failed); }},
};

constexpr MetricGroup<CountedCommand> kCommands = {
    .things = CountedCommands,
    .line = [](const CountedCommand& each) { return "cmdstat_" + *each.name; },
    .label = "command",
    .label_value = [](const CountedCommand& each) { return *each.name; },
    .fields = kCommandFields};

void AddCommandHistograms(const Observation& o, Families* families) {
  MetricFamily& durations =
      families->emplace_back(EmptyFamily({"ringkv_command_duration_seconds", MetricType::Histogram,
                                          "Execution time of commands (needs latency-tracking)."}));
  for (const CountedCommand& each : CountedCommands(o)) {
    if (each.totals.histogram.empty()) continue;
    AddHistogram(&durations, {{"command", *each.name}}, each.totals.histogram, each.totals.nanoseconds);
  }
}

void AddPercentiles(const Observation& o, std::string* page) {
  const std::string option = o.parts.options.latency_tracking_info_percentiles.Get();
  for (size_t i = 0; i < o.parts.commands.size(); ++i) {
    const CommandEntry& entry = o.parts.commands.entry(i);
    const CommandTotals totals = TotalsOf(o.parts, entry);
    if (totals.histogram.empty()) continue;
    *page += "latency_percentiles_usec_" + entry.full_name;
    char separator = ':';
    for (const std::string_view word : Words(option)) {
      const uint64_t nanoseconds = totals.Percentile(std::strtod(std::string(word).c_str(), nullptr));
      *page += separator;
      page->append("p").append(word).append("=");
      *page += Reading(static_cast<double>(nanoseconds) / 1000, 3).Text();
      separator = ',';
    }
    if (separator == ':') *page += ':';
    *page += "\r\n";
  }
}

// --- errors ---------------------------------------------------------------------------------------------------------

using CountedError = std::pair<std::string, uint64_t>;  // by its code word

constexpr GroupField<CountedError> kErrorFields[] = {
    {.info = "count",
     .series = {"ringkv_errors_total", kCounter, "Error replies, by code."},
     .read = [](const Observation&, const CountedError& each) { return Reading(each.second); }},
};

constexpr MetricGroup<CountedError> kErrors = {
    .things = [](const Observation& o) { return std::vector<CountedError>(o.errors.begin(), o.errors.end()); },
    .line = [](const CountedError& each) { return "errorstat_" + each.first; },
    .label = "code",
    .label_value = [](const CountedError& each) { return each.first; },
    .fields = kErrorFields};

// --- HTTP -----------------------------------------------------------------------------------------------------------

struct EndpointTotals {
  std::vector<uint64_t> histogram;
  std::vector<uint64_t> by_status;
  uint64_t nanoseconds = 0;
};

EndpointTotals TotalsOfEndpoint(const Observation& o, size_t endpoint, size_t statuses) {
  EndpointTotals totals{std::vector<uint64_t>(LatencyHistogram::kBuckets), std::vector<uint64_t>(statuses)};
  for (size_t i = 0; i < o.parts.threads.size(); ++i) {
    const HttpStatistics::Endpoint& counted = o.parts.threads[i]->statistics.http.endpoint(endpoint);
    for (size_t bucket = 0; bucket < totals.histogram.size(); ++bucket) {
      totals.histogram[bucket] += counted.histogram.Count(bucket);
    }
    for (size_t status = 0; status < statuses; ++status) totals.by_status[status] += counted.by_status[status].Get();
    totals.nanoseconds += counted.nanoseconds.Get();
  }
  return totals;
}

void AddHttp(const Observation& o, Families* families) {
  MetricFamily requests =
      EmptyFamily({"ringkv_http_requests_total", kCounter, "HTTP responses, by endpoint and status."});
  MetricFamily durations = EmptyFamily({"ringkv_http_request_duration_seconds", MetricType::Histogram,
                                        "Latency of HTTP requests, from the complete request to the response."});
  const HttpLabels& labels = o.parts.threads[0]->statistics.http.labels();
  for (size_t i = 0; i < labels.endpoints.size(); ++i) {
    const std::string endpoint(labels.endpoints[i]);
    const EndpointTotals totals = TotalsOfEndpoint(o, i, labels.statuses.size());
    for (size_t status = 0; status < totals.by_status.size(); ++status) {
      if (totals.by_status[status] == 0) continue;
      AddSample(&requests, {{"endpoint", endpoint}, {"code", std::to_string(labels.statuses[status])}},
                static_cast<double>(totals.by_status[status]));
    }
    if (std::accumulate(totals.histogram.begin(), totals.histogram.end(), uint64_t{0}) == 0) continue;
    AddHistogram(&durations, {{"endpoint", endpoint}}, totals.histogram, totals.nanoseconds);
  }
  families->push_back(std::move(requests));
  families->push_back(std::move(durations));
}

constexpr Metric kCommandMetrics[] = {
    {.section = "commandstats", .add_lines = AddGroupLines<kCommands>, .add_families = AddGroupFamilies<kCommands>},
    {.section = "errorstats", .add_lines = AddGroupLines<kErrors>, .add_families = AddGroupFamilies<kErrors>},
    {.section = "latencystats", .add_lines = AddPercentiles, .add_families = AddCommandHistograms},
    {.add_families = AddHttp},
};

}  // namespace

std::span<const Metric> CommandMetrics() { return kCommandMetrics; }

}  // namespace ringkv::server
