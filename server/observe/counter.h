// SPDX-License-Identifier: MIT
// A counter that one thread increments and any thread reads, without a locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringkv::server {

// Thread rule: atomic; only the owning thread calls Add.
class Counter {
 public:
  void Add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }
  void Reset() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace ringkv::server
