// SPDX-License-Identifier: MIT
#include "server/execution/account.h"

#include <vector>

#include "server/blocking/waiting_clients.h"
#include "server/command/key_positions.h"
#include "server/command/secrets.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {
namespace {

void NoteLatency(const ExecutionParts& parts, std::string_view event, uint64_t nanoseconds) {
  const int64_t threshold = parts.options.latency_monitor_threshold;
  const uint64_t milliseconds = nanoseconds / 1'000'000;
  if (threshold > 0 && milliseconds >= static_cast<uint64_t>(threshold)) {
    parts.latency_events.Add(event, parts.clock.Now() / 1000, milliseconds);
  }
}

void AddToHistogram(const ExecutionParts& parts, CommandStatistics& statistics, uint64_t nanoseconds) {
  if (parts.options.latency_tracking == 0) return;
  LatencyHistogram* histogram = statistics.histogram.load(std::memory_order_relaxed);
  if (histogram == nullptr) {
    histogram = new LatencyHistogram;
    statistics.histogram.store(histogram, std::memory_order_release);
  }
  histogram->Add(nanoseconds);
}

void AddToLog(const ExecutionParts& parts, CommandLog& log, int64_t most, const Command& row,
              std::span<const std::string_view> argv, const ClientCard& client, uint64_t amount) {
  std::vector<std::string_view> copy;
  log.Add({.id = 0,
           .unix_seconds = parts.clock.Now() / 1000,
           .amount = amount,
           .arguments = {},
           .address = client.address,
           .client_name = client.name.Get()},
          ShownArguments(row, argv, &copy), static_cast<size_t>(most));
}

// As it was sent.
uint64_t BytesOfRequest(std::span<const std::string_view> argv) {
  const auto bytes_of_line = [](uint64_t number) {
    uint64_t bytes = 4;  // its mark, a digit, and the end of the line
    for (; number >= 10; number /= 10) ++bytes;
    return bytes;
  };
  uint64_t bytes = bytes_of_line(argv.size());
  for (const std::string_view word : argv) bytes += bytes_of_line(word.size()) + word.size() + 2;
  return bytes;
}

// Once for each request of a client: not for EXEC, whose commands are counted, nor for what a script calls.
void NoteUsage(const ExecutionParts& parts, const Finished& finished) {
  const Command& row = *finished.entry.row;
  if (finished.client.is_script || row.Has(kRunsQueued)) return;
  std::vector<std::string_view> keys;
  ForEachKey(row, finished.argv, [&](std::string_view key) { keys.push_back(key); });
  const uint64_t bytes_in = BytesOfRequest(finished.argv);
  if (parts.options.cluster_slot_stats_enabled != 0 && !keys.empty()) {
    parts.usage.slots.Add(storage::KeySlot(keys[0]), {finished.nanoseconds, bytes_in, finished.reply_bytes});
  }
  if (parts.usage.hot_keys.is_on()) {
    parts.usage.hot_keys.Add(keys, {finished.nanoseconds, bytes_in + finished.reply_bytes}, parts.clock.Now());
  }
}

// A threshold below zero is never met.
bool Meets(uint64_t amount, int64_t threshold) { return threshold >= 0 && amount >= static_cast<uint64_t>(threshold); }

void NoteSlow(const ExecutionParts& parts, const Command& row, std::span<const std::string_view> argv,
              const ClientCard& client, uint64_t nanoseconds) {
  const uint64_t microseconds = nanoseconds / 1000;
  if (row.Is(kSkipSlowLog) || !Meets(microseconds, parts.options.slowlog_log_slower_than)) return;
  AddToLog(parts, parts.command_logs.slow, parts.options.slowlog_max_len, row, argv, client, microseconds);
}

void NoteLarge(const ExecutionParts& parts, const Command& row, const Finished& finished) {
  if (row.Is(kSkipSlowLog)) return;
  uint64_t request_bytes = 0;
  for (const std::string_view word : finished.argv) request_bytes += word.size();
  const Options& options = parts.options;
  if (Meets(request_bytes, options.commandlog_request_larger_than)) {
    AddToLog(parts, parts.command_logs.large_requests, options.commandlog_large_request_max_len, row, finished.argv,
             finished.client, request_bytes);
  }
  if (Meets(finished.reply_bytes, options.commandlog_reply_larger_than)) {
    AddToLog(parts, parts.command_logs.large_replies, options.commandlog_large_reply_max_len, row, finished.argv,
             finished.client, finished.reply_bytes);
  }
}

}  // namespace

void TellMonitors(const ExecutionParts& parts, const Command& row, std::span<const std::string_view> argv,
                  storage::DbIndex db, const ClientCard& client) {
  if (!parts.monitor.HasListeners() || row.Is(kAdmin)) return;
  std::vector<std::string_view> copy;
  parts.monitor.Feed(parts.links, parts.clock.NowMicros(), db, client, ShownArguments(row, argv, &copy));
}

void Account(const ExecutionParts& parts, ThreadState& thread, const Finished& finished) {
  const Command& row = *finished.entry.row;
  CommandStatistics& statistics = thread.statistics.per_command[finished.entry.index];
  thread.statistics.commands.Add(1);
  statistics.calls.Add(1);
  statistics.nanoseconds.Add(finished.nanoseconds);
  if (finished.error) {
    statistics.failed.Add(1);
    thread.statistics.CountError(*finished.error);
  }
  if (!finished.waits) AddToHistogram(parts, statistics, finished.nanoseconds);
  // Below a microsecond only a threshold of zero is met.
  if (finished.nanoseconds >= 1000 || parts.options.slowlog_log_slower_than == 0) {
    NoteLatency(parts, row.Is(kFast) ? "fast-command" : "command", finished.nanoseconds);
    if (!finished.waits) NoteSlow(parts, row, finished.argv, finished.client, finished.nanoseconds);
  }
  if (!finished.waits) NoteLarge(parts, row, finished);
  if (parts.usage.hot_keys.is_on() || parts.options.cluster_slot_stats_enabled != 0) [[unlikely]]
    NoteUsage(parts, finished);
  const bool others_show = row.Has(kRunsScript) || finished.is_shown_later;
  if (!others_show) TellMonitors(parts, row, finished.argv, finished.db, finished.client);
}

void AccountWait(const ExecutionParts& parts, ThreadState& thread, const WaitingRequest& request, uint64_t spent,
                 const LateAnswer& answer) {
  if (answer.error) thread.statistics.CountError(*answer.error);
  if (!answer.is_accounted) return;
  CommandStatistics& statistics = thread.statistics.per_command[request.command->index];
  statistics.nanoseconds.Add(answer.nanoseconds);
  if (answer.error) statistics.failed.Add(1);
  const uint64_t all = spent + answer.nanoseconds;
  AddToHistogram(parts, statistics, all);
  NoteLatency(parts, "command-unblocking", answer.nanoseconds);
  std::vector<std::string_view> argv(request.argv.begin(), request.argv.end());
  if (request.lent != nullptr) argv = request.words;
  NoteSlow(parts, *request.command->row, argv, *request.client, all);
}

void AccountUnblock(const ExecutionParts& parts, ThreadState& thread, const CommandEntry& command, uint64_t spent) {
  CommandStatistics& statistics = thread.statistics.per_command[command.index];
  statistics.failed.Add(1);
  AddToHistogram(parts, statistics, spent);
}

}  // namespace ringkv::server
