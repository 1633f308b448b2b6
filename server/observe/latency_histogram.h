// SPDX-License-Identifier: MIT
// A latency histogram, for percentiles and for Prometheus.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "server/observe/counter.h"

namespace ringkv::server {

// Nanoseconds in buckets of an eighth of an octave: an error of at most 12.5 % from 8 ns to minutes.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 320;

  static size_t BucketOf(uint64_t nanoseconds) {
    if (nanoseconds < 8) return static_cast<size_t>(nanoseconds);
    const unsigned exponent = static_cast<unsigned>(std::bit_width(nanoseconds)) - 4;
    const size_t bucket = exponent * 8 + (nanoseconds >> exponent);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  // The largest value in the bucket.
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

}  // namespace ringkv::server
