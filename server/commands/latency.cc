// SPDX-License-Identifier: MIT
// LATENCY: what took long.
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/report/command_totals.h"
#include "server/report/latency_report.h"

namespace ringkv::server {
namespace {

// --- LATENCY --------------------------------------------------------------------------------------------------------

void Latest(AdminCall& call) {
  const auto events = call.server.latency_events().All();
  call.reply.Array(static_cast<int64_t>(events.size()));
  for (const auto& [name, event] : events) {
    call.reply.Array(4);
    call.reply.Bulk(name);
    call.reply.Integer(event.samples.back().unix_seconds);
    call.reply.Integer(event.samples.back().milliseconds);
    call.reply.Integer(event.longest);
  }
}

void History(AdminCall& call) {
  const auto events = call.server.latency_events().All();
  const auto found = events.find(call.args[2]);
  if (found == events.end()) return call.reply.Array(0);
  call.reply.Array(static_cast<int64_t>(found->second.samples.size()));
  for (const LatencyEvents::Sample& sample : found->second.samples) {
    call.reply.Array(2);
    call.reply.Integer(sample.unix_seconds);
    call.reply.Integer(sample.milliseconds);
  }
}

void ReplyDoctor(AdminCall& call) {
  const Options& options = call.server.options();
  const std::string report = LatencyDoctor(call.server.latency_events().All(), call.server.clock().Now() / 1000,
                                           options.latency_monitor_threshold, options.slowlog_log_slower_than);
  call.reply.Verbatim(report, "txt");
}

void Graph(AdminCall& call) {
  const auto events = call.server.latency_events().All();
  const auto found = events.find(call.args[2]);
  if (found == events.end()) {
    return call.reply.Error("ERR No samples available for event '" + std::string(call.args[2]) + "'");
  }
  call.reply.Verbatim(LatencyGraph(found->first, found->second, call.server.clock().Now() / 1000), "txt");
}

void LatencyReset(AdminCall& call) {
  if (call.args.size() == 2) {
    return call.reply.Integer(static_cast<int64_t>(call.server.latency_events().ResetAll()));
  }
  int64_t count = 0;
  for (size_t i = 2; i < call.args.size(); ++i) count += call.server.latency_events().Reset(call.args[i]) ? 1 : 0;
  call.reply.Integer(count);
}

// Counts up to each power of two of a microsecond (1024 ns), leaving out those at which nothing is added.
void ReplyHistogram(const CommandTotals& totals, resp::ReplyWriter& reply) {
  std::vector<std::pair<uint64_t, uint64_t>> steps;
  uint64_t counted = 0;
  uint64_t bound = 1024;
  size_t bucket = 0;
  while (bucket < totals.histogram.size()) {
    uint64_t added = 0;
    while (bucket < totals.histogram.size() && LatencyHistogram::UpperBound(bucket) < bound) {
      added += totals.histogram[bucket++];
    }
    counted += added;
    if (added > 0) steps.emplace_back((bound + bound / 128 - 1) / 1000, counted);
    bound *= 2;
  }
  reply.Map(2);
  reply.Bulk("calls");
  reply.Integer(static_cast<int64_t>(totals.calls));
  reply.Bulk("histogram_usec");
  reply.Map(static_cast<int64_t>(steps.size()));
  for (const auto& [microseconds, count] : steps) {
    reply.Integer(static_cast<int64_t>(microseconds));
    reply.Integer(static_cast<int64_t>(count));
  }
}

void Histogram(AdminCall& call) {
  std::vector<const CommandEntry*> asked;
  const CommandTable& commands = call.server.commands();
  if (call.args.size() == 2) {
    for (size_t i = 0; i < commands.size(); ++i) asked.push_back(&commands.entry(i));
  }
  for (size_t i = 2; i < call.args.size(); ++i) {
    const CommandEntry* entry = commands.FindFullName(call.args[i]);
    if (entry == nullptr) continue;
    asked.push_back(entry);
    asked.insert(asked.end(), entry->subcommands.begin(), entry->subcommands.end());
  }
  std::vector<std::pair<const CommandEntry*, CommandTotals>> shown;
  for (const CommandEntry* entry : asked) {
    CommandTotals totals = TotalsOf(call.server.report_parts(), *entry);
    if (!totals.histogram.empty()) shown.emplace_back(entry, std::move(totals));
  }
  call.reply.Map(static_cast<int64_t>(shown.size()));
  for (const auto& [entry, totals] : shown) {
    call.reply.Bulk(entry->full_name);
    ReplyHistogram(totals, call.reply);
  }
}

constexpr uint32_t kLatency = kAdmin | kNoScript | kLoading | kStale;
constexpr std::string_view kResets = "request_policy:all_nodes response_policy:all_succeeded";
constexpr std::string_view kLatencyTips = "nondeterministic_output request_policy:all_nodes response_policy:special";

constexpr Command kLatencyCommands[] = {
    {.name = "latency",
     .arity = -2,
     .group = Group::kServer,
     .since = "2.8.13",
     .complexity = "Depends on subcommand.",
     .summary = "Container of latency commands.",
     .is_container = true},
    {.name = "doctor",
     .parent = "latency",
     .arity = 2,
     .flags = kLatency,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kLatencyTips,
     .since = "2.8.13",
     .summary = "Reports latency spikes, with advice.",
     .run = Admin(ReplyDoctor)},
    {.name = "graph",
     .parent = "latency",
     .arity = 3,
     .flags = kLatency,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kLatencyTips,
     .since = "2.8.13",
     .syntax = "event",
     .summary = "Draws the latency samples of an event.",
     .run = Admin(Graph)},
    {.name = "help",
     .parent = "latency",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "2.8.13",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "histogram",
     .parent = "latency",
     .arity = -2,
     .flags = kLatency,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kLatencyTips,
     .since = "7.0.0",
     .complexity = "O(N) in the number of commands",
     .syntax = "[command ...]",
     .summary = "Returns the latency histograms of commands, as cumulative counts.",
     .run = Admin(Histogram)},
    {.name = "history",
     .parent = "latency",
     .arity = 3,
     .flags = kLatency,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kLatencyTips,
     .since = "2.8.13",
     .syntax = "event",
     .summary = "Returns the latency samples of an event.",
     .run = Admin(History)},
    {.name = "latest",
     .parent = "latency",
     .arity = 2,
     .flags = kLatency,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = kLatencyTips,
     .since = "2.8.13",
     .summary = "Returns the latest latency sample of every event.",
     .run = Admin(Latest)},
    {.name = "reset",
     .parent = "latency",
     .arity = -2,
     .flags = kLatency,
     .group = Group::kServer,
     .tips = kResets,
     .since = "2.8.13",
     .syntax = "[event ...]",
     .summary = "Resets the latency samples of events.",
     .run = Admin(LatencyReset)},
};
static_assert(RowsAreSound(kLatencyCommands));

}  // namespace

std::span<const Command> LatencyCommands() { return kLatencyCommands; }

}  // namespace ringkv::server
