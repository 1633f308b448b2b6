// SPDX-License-Identifier: MIT
// The statistics of a thread: totals, and per command calls, time and a latency histogram. INFO and LATENCY sum over
// the threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/observe/counter.h"
#include "server/observe/http_statistics.h"
#include "server/observe/latency_histogram.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

struct CommandStatistics {
  Counter calls;
  Counter nanoseconds;
  Counter rejected;
  Counter failed;
  std::atomic<LatencyHistogram*> histogram{nullptr};  // owned; created at the first call

  ~CommandStatistics() { delete histogram.load(); }
  void Reset();
};

// Thread rule: one thread writes the counters, all threads read them; the error table is guarded.
class ThreadStatistics {
 public:
  ThreadStatistics(size_t command_count, HttpLabels http_labels);

  Counter commands;
  Counter connections_accepted;
  Counter connections_rejected;
  Counter tls_handshakes;         // done
  Counter tls_handshakes_failed;  // also those that were not done in time
  Counter bytes_read;
  Counter bytes_written;
  Counter evictions_out_of_time;
  Counter query_buffer_limit_disconnections;
  Counter output_buffer_limit_disconnections;
  Counter clients_evicted;
  Counter clients_moved;  // to another thread
  Counter node_messages_dropped;
  Counter reads_processed;
  Counter writes_processed;
  Counter errors_answered;
  Counter reply_buffer_shrinks;
  Counter reply_buffer_expands;
  std::vector<CommandStatistics> per_command;
  HttpStatistics http;

  // An empty code stands for an error that was counted where it arose: it adds nothing.
  void CountError(std::string_view code);
  // Of the memory for a client's replies.
  void CountResize(size_t before, size_t after) {
    if (after > before) reply_buffer_expands.Add(1);
    if (after < before) reply_buffer_shrinks.Add(1);
  }
  void AddErrorsTo(std::map<std::string, uint64_t>* sums);
  void Reset();

 private:
  storage::Mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> errors_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
