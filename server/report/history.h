// SPDX-License-Identifier: MIT
// What INFO counts, over the last hour: a sample each five seconds in a fixed ring, and one each second while somebody
// watches. A sample has rates since the one before it, and the latency of the commands that were called most in
// between.
//
// Threads: Tick from one thread; the rest is guarded.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {

struct Observation;
struct ReportParts;

// The latency of a command, or of all together, between two samples.
struct SampledLatency {
  static constexpr uint16_t kAllCommands = UINT16_MAX;
  uint16_t command = kAllCommands;  // CommandEntry::index
  float per_second = 0;
  float p50 = 0;  // microseconds, as those below
  float p99 = 0;
  float p999 = 0;
};

struct HistorySample {
  static constexpr size_t kMostSeries = 32;
  static constexpr size_t kMostCommands = 8;

  int64_t unix_ms = 0;
  std::array<double, kMostSeries> values = {};               // in the order of History::SeriesNames
  std::array<SampledLatency, kMostCommands> latencies = {};  // all together first, then the most called ones
  size_t latency_count = 0;
};

// Makes samples: it remembers the counters at the last one.
class Sampler {
 public:
  // None the first time: there are no rates then.
  std::optional<HistorySample> Take(const Observation& observation);

 private:
  void AddLatencies(const Observation& observation, double seconds, HistorySample* sample);

  int64_t last_steady_ms_ = 0;  // 0: never
  std::array<double, HistorySample::kMostSeries> counters_ = {};
  std::map<size_t, std::vector<uint64_t>> histograms_;  // of commands that were called
};

class History {
 public:
  static constexpr int64_t kIntervalMs = 5000;
  static constexpr size_t kMostSamples = 720;

  History() = default;
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  static std::vector<std::string_view> SeriesNames();

  // Call several times a second. `parts` and `store` are the same each time.
  void Tick(const ReportParts& parts, storage::Store& store);

  // From the oldest to the newest.
  std::vector<HistorySample> Samples() const;
  // The name of a command in a sample; "all" for all of them.
  std::string NameOf(uint16_t command) const;

  // While there is one, there is a sample each second.
  class Watch {
   public:
    explicit Watch(History& history);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    // A sample that this one has not taken yet.
    std::optional<HistorySample> TakeNew();
    const History& history() const { return history_; }

   private:
    History& history_;
    uint64_t taken_;
  };

 private:
  static constexpr int64_t kLiveIntervalMs = 1000;

  // Of the thread that calls Tick.
  Sampler hourly_;
  std::optional<Sampler> live_;
  int64_t next_ms_ = 0;
  int64_t next_live_ms_ = 0;

  std::atomic<const ReportParts*> parts_{nullptr};
  std::atomic<size_t> watches_{0};
  std::atomic<uint64_t> live_number_{0};  // of the last live sample
  mutable storage::Mutex mutex_;
  std::deque<HistorySample> samples_ GUARDED_BY(mutex_);
  HistorySample live_sample_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
