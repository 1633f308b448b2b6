// SPDX-License-Identifier: MIT
#include "server/observe/statistics.h"

namespace ringkv::server {
namespace {

// Code words come from our own rows, but a bound costs nothing.
constexpr size_t kMostErrorCodes = 128;

}  // namespace

void CommandStatistics::Reset() {
  calls.Reset();
  nanoseconds.Reset();
  rejected.Reset();
  failed.Reset();
  if (LatencyHistogram* known = histogram.load()) known->Reset();
}

ThreadStatistics::ThreadStatistics(size_t command_count, HttpLabels http_labels)
    : per_command(command_count), http(http_labels) {}

void ThreadStatistics::CountError(std::string_view code) {
  if (code.empty()) return;
  errors_answered.Add(1);
  storage::MutexLock lock(mutex_);
  const auto found = errors_.find(code);
  if (found != errors_.end()) {
    ++found->second;
  } else if (errors_.size() < kMostErrorCodes) {
    errors_.emplace(code, 1);
  }
}

void ThreadStatistics::AddErrorsTo(std::map<std::string, uint64_t>* sums) {
  storage::MutexLock lock(mutex_);
  for (const auto& [code, count] : errors_) (*sums)[code] += count;
}

void ThreadStatistics::Reset() {
  for (Counter* counter :
       {&commands, &connections_accepted, &connections_rejected, &tls_handshakes, &tls_handshakes_failed, &bytes_read,
        &bytes_written, &evictions_out_of_time, &query_buffer_limit_disconnections, &output_buffer_limit_disconnections,
        &reads_processed, &writes_processed, &reply_buffer_shrinks, &reply_buffer_expands, &errors_answered,
        &clients_evicted, &node_messages_dropped}) {
    counter->Reset();
  }
  for (CommandStatistics& statistics : per_command) statistics.Reset();
  http.Reset();
  storage::MutexLock lock(mutex_);
  errors_.clear();
}

}  // namespace ringkv::server
