// SPDX-License-Identifier: MIT
// Options of what is observed.
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "server/base/text.h"
#include "server/observe/command_log.h"
#include "server/options/option_topics.h"
#include "storage/table/prefix_usage.h"

namespace ringkv::server {
namespace {

std::string CheckPercentiles(std::string_view value) {
  if (HasEmptyWord(value)) return "Invalid latency-tracking-info-percentiles parameters";
  for (const std::string_view word : Words(value)) {
    double percentile = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), percentile);
    if (error != std::errc() || end != word.data() + word.size() || std::isnan(percentile)) {
      return "Invalid latency-tracking-info-percentiles parameters";
    }
    if (percentile < 0 || percentile > 100) {
      return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    }
  }
  return {};
}

std::string CheckPrefixes(std::string_view value) {
  return Words(value).size() <= storage::PrefixList::kMostPrefixes ? "" : "at most 16 prefixes can be counted";
}

constexpr OptionRow kObservationOptions[] = {
    {.name = "slowlog-log-slower-than",
     .type = OptionType::kInteger,
     .default_value = "10000",
     .alias = "commandlog-execution-slower-than",
     .least = -1,
     .changeable = true,
     .summary = "Microseconds from which a command is logged in the slow log; -1 disables it.",
     .field = &Options::slowlog_log_slower_than},
    {.name = "slowlog-max-len",
     .type = OptionType::kInteger,
     .default_value = "128",
     .alias = "commandlog-slow-execution-max-len",
     .least = 0,
     .changeable = true,
     .summary = "Maximum number of entries in the slow log.",
     .field = &Options::slowlog_max_len,
     .apply = [](CommandLogs& logs,
                 const Options& options) { logs.slow.Trim(static_cast<size_t>(options.slowlog_max_len)); }},
    {.name = "commandlog-request-larger-than",
     .type = OptionType::kInteger,
     .default_value = "1048576",
     .least = -1,
     .changeable = true,
     .summary = "Bytes of the arguments from which a command is logged as a large request; -1 disables it.",
     .field = &Options::commandlog_request_larger_than},
    {.name = "commandlog-large-request-max-len",
     .type = OptionType::kInteger,
     .default_value = "128",
     .least = 0,
     .changeable = true,
     .summary = "Maximum number of entries in the log of large requests.",
     .field = &Options::commandlog_large_request_max_len,
     .apply =
         [](CommandLogs& logs, const Options& options) {
           logs.large_requests.Trim(static_cast<size_t>(options.commandlog_large_request_max_len));
         }},
    {.name = "commandlog-reply-larger-than",
     .type = OptionType::kInteger,
     .default_value = "1048576",
     .least = -1,
     .changeable = true,
     .summary = "Bytes of the reply from which a command is logged as one with a large reply; -1 disables it.",
     .field = &Options::commandlog_reply_larger_than},
    {.name = "commandlog-large-reply-max-len",
     .type = OptionType::kInteger,
     .default_value = "128",
     .least = 0,
     .changeable = true,
     .summary = "Maximum number of entries in the log of large replies.",
     .field = &Options::commandlog_large_reply_max_len,
     .apply =
         [](CommandLogs& logs, const Options& options) {
           logs.large_replies.Trim(static_cast<size_t>(options.commandlog_large_reply_max_len));
         }},
    {.name = "latency-monitor-threshold",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .changeable = true,
     .summary = "Milliseconds from which LATENCY records an event; 0 disables it.",
     .field = &Options::latency_monitor_threshold},
    {.name = "latency-tracking",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Records a latency histogram per command.",
     .field = &Options::latency_tracking},
    {.name = "latency-tracking-info-percentiles",
     .type = OptionType::kText,
     .default_value = "50 99 99.9",
     .changeable = true,
     .is_list = true,
     .summary = "Percentiles in INFO latencystats.",
     .field = &Options::latency_tracking_info_percentiles,
     .check = CheckPercentiles},
    {.name = "metrics-prefix",
     .type = OptionType::kText,
     .default_value = "",
     .is_list = true,
     .summary =
         "Key prefixes, separated by spaces, for which /metrics reports keys, bytes, reads, hits and writes; up to 16.",
     .field = &Options::metrics_prefix,
     .check = CheckPrefixes},
    {.name = "ready-max-lag",
     .type = OptionType::kInteger,
     .default_value = "10000",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Milliseconds of replication lag up to which /readyz reports a replica as ready; 0 for no limit.",
     .field = &Options::ready_max_lag},
};

}  // namespace

std::span<const OptionRow> ObservationOptions() { return kObservationOptions; }

}  // namespace ringkv::server
