// SPDX-License-Identifier: MIT
// What a thread counts while it serves: totals, and per command calls, time and a latency histogram. INFO and LATENCY
// sum over the threads.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/observe/counter.h"
#include "storage/mutex.h"

namespace ringkv::server {

// Nanoseconds in buckets of an eighth of an octave: within 12.5 % of the truth from 8 ns to minutes.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 320;

  static size_t BucketOf(uint64_t nanoseconds) {
    if (nanoseconds < 8) return static_cast<size_t>(nanoseconds);
    const unsigned exponent = static_cast<unsigned>(std::bit_width(nanoseconds)) - 4;
    const size_t bucket = exponent * 8 + (nanoseconds >> exponent);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  // The largest value that falls into the bucket.
  static uint64_t UpperBound(size_t bucket) {
    if (bucket < 16) return bucket;
    const unsigned exponent = static_cast<unsigned>(bucket / 8) - 1;
    return ((bucket % 8 + 9) << exponent) - 1;
  }

  void Add(uint64_t nanoseconds) { counts_[BucketOf(nanoseconds)].Add(1); }
  uint64_t Count(size_t bucket) const { return counts_[bucket].Get(); }
  void Reset() {
    for (Counter& count : counts_) count.Reset();
  }

 private:
  std::array<Counter, kBuckets> counts_;
};

struct CommandStatistics {
  Counter calls;
  Counter nanoseconds;
  Counter rejected;
  Counter failed;
  std::atomic<LatencyHistogram*> histogram{nullptr};  // owned; made at the first call

  ~CommandStatistics() { delete histogram.load(); }
  void Reset();
};

// Thread rule: the counters belong to one thread and are read by all; the error table is guarded.
class ThreadStatistics {
 public:
  explicit ThreadStatistics(size_t command_count) : per_command(command_count) {}

  Counter commands;
  Counter connections_accepted;
  Counter connections_rejected;
  Counter bytes_read;
  Counter bytes_written;
  Counter evictions_out_of_time;
  Counter query_buffer_limit_disconnections;
  Counter output_buffer_limit_disconnections;
  Counter reads_processed;
  Counter writes_processed;
  Counter errors_answered;
  std::vector<CommandStatistics> per_command;

  void CountError(std::string_view code);
  void AddErrorsTo(std::map<std::string, uint64_t>* sums);
  void Reset();

 private:
  storage::Mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> errors_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
