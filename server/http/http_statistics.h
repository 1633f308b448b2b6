// SPDX-License-Identifier: MIT
// What a thread counts of HTTP: responses by endpoint and status, and how long they took.
//
// Threads: the counters belong to one thread and are read by all.
#pragma once

#include <array>
#include <vector>

#include "server/http/response.h"
#include "server/observe/latency_histogram.h"

namespace ringkv::server::http {

class HttpStatistics {
 public:
  struct Endpoint {
    std::array<Counter, kStatusCount> by_status;
    Counter nanoseconds;
    LatencyHistogram histogram;
  };

  // `labels`: how many of them there are, see RouteLabels.
  explicit HttpStatistics(size_t labels) : endpoints_(labels) {}

  // `label` and `status` are indexes, see LabelIndex and StatusIndex.
  void Add(size_t label, size_t status, uint64_t nanoseconds) {
    Endpoint& endpoint = endpoints_[label];
    endpoint.by_status[status].Add(1);
    endpoint.nanoseconds.Add(nanoseconds);
    endpoint.histogram.Add(nanoseconds);
  }
  const Endpoint& endpoint(size_t label) const { return endpoints_[label]; }
  void Reset() {
    for (Endpoint& endpoint : endpoints_) {
      for (Counter& count : endpoint.by_status) count.Reset();
      endpoint.nanoseconds.Reset();
      endpoint.histogram.Reset();
    }
  }

 private:
  std::vector<Endpoint> endpoints_;
};

}  // namespace ringkv::server::http
