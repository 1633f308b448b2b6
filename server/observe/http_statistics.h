// SPDX-License-Identifier: MIT
// A thread's HTTP statistics: responses by endpoint and status, and their latency.
//
// Threads: written by one thread, read by all.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "server/observe/counter.h"
#include "server/observe/latency_histogram.h"

namespace ringkv::server {

// The labels of response counters. Both live as long as the program.
struct HttpLabels {
  std::span<const std::string_view> endpoints;
  std::span<const int> statuses;
};

class HttpStatistics {
 public:
  struct Endpoint {
    explicit Endpoint(size_t statuses) : by_status(statuses) {}
    std::vector<Counter> by_status;
    Counter nanoseconds;
    LatencyHistogram histogram;
  };

  explicit HttpStatistics(HttpLabels labels) : labels_(labels) {
    for (size_t i = 0; i < labels.endpoints.size(); ++i) endpoints_.emplace_back(labels.statuses.size());
  }

  // Indexes of the labels.
  void Add(size_t endpoint_index, size_t status_index, uint64_t nanoseconds) {
    Endpoint& endpoint = endpoints_[endpoint_index];
    endpoint.by_status[status_index].Add(1);
    endpoint.nanoseconds.Add(nanoseconds);
    endpoint.histogram.Add(nanoseconds);
  }
  const HttpLabels& labels() const { return labels_; }
  const Endpoint& endpoint(size_t index) const { return endpoints_[index]; }
  void Reset() {
    for (Endpoint& endpoint : endpoints_) {
      for (Counter& count : endpoint.by_status) count.Reset();
      endpoint.nanoseconds.Reset();
      endpoint.histogram.Reset();
    }
  }

 private:
  const HttpLabels labels_;
  std::deque<Endpoint> endpoints_;
};

}  // namespace ringkv::server
