// SPDX-License-Identifier: MIT
// Events above latency-monitor-threshold: per kind the last 160 samples, one per second, and the maximum.
//
// Threads: guarded.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"

namespace ringkv::server {

class LatencyEvents {
 public:
  struct Sample {
    int64_t unix_seconds;
    uint32_t milliseconds;
  };
  struct Event {
    std::deque<Sample> samples;
    uint32_t longest = 0;
  };

  void Add(std::string_view event, int64_t unix_seconds, uint64_t milliseconds);
  std::map<std::string, Event, std::less<>> All() const;
  // Removes one event; false if it does not exist.
  bool Reset(std::string_view event);
  size_t ResetAll();

 private:
  mutable storage::Mutex mutex_;
  std::map<std::string, Event, std::less<>> events_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
