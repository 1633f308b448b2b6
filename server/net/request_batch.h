// SPDX-License-Identifier: MIT
// The next requests of a connection, parsed before the first of them is executed. One per I/O thread; empty between two
// connections.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "server/execution/request.h"

namespace ringkv::server {

class RequestBatch {
 public:
  // Enough to prefetch several keys at once; more would only fill the cache.
  static constexpr size_t kMostRequests = 32;

  void Clear() {
    requests_.clear();
    arguments_.clear();
    ends_.clear();
    counts_.clear();
  }
  // `end`: the offset of the request's end in the input. No arguments: nothing to execute.
  void Add(std::span<const std::string_view> argv, size_t end) {
    arguments_.insert(arguments_.end(), argv.begin(), argv.end());
    counts_.push_back(argv.size());
    ends_.push_back(end);
  }
  size_t size() const { return counts_.size(); }
  bool is_large() const { return arguments_.size() > 8 * kMostRequests; }
  size_t end(size_t i) const { return ends_[i]; }

  // The requests, valid until Clear.
  std::span<Request> Finish() {
    size_t first = 0;
    for (const size_t count : counts_) {
      requests_.push_back({std::span(arguments_).subspan(first, count)});
      first += count;
    }
    return requests_;
  }
  // Frees memory that an unusually long request left allocated.
  void Shrink() {
    if (arguments_.capacity() > 64 * kMostRequests) std::vector<std::string_view>().swap(arguments_);
  }

 private:
  std::vector<std::string_view> arguments_;
  std::vector<size_t> counts_;
  std::vector<size_t> ends_;
  std::vector<Request> requests_;
};

}  // namespace ringkv::server
