// SPDX-License-Identifier: MIT
// Memory of all Lua states together, and its limits. A state that would exceed one of them raises "not enough memory"
// in its script.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <cstddef>

namespace ringkv::server {

class LuaMemory {
 public:
  // Bytes that one run may add to its state, and that all states together may use; 0: unlimited. The first takes effect
  // with the next run.
  void SetLimits(size_t per_state, size_t all) {
    Set(per_state_, per_state);
    Set(all_, all);
  }
  size_t limit_per_state() const { return per_state_.load(std::memory_order_relaxed); }
  size_t limit_of_all() const { return all_.load(std::memory_order_relaxed); }

  // Bytes in use, exact to some KB per state that runs.
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  void Add(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void Subtract(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  // Writes only what changes: all threads read it for each run.
  static void Set(std::atomic<size_t>& limit, size_t value) {
    if (limit.load(std::memory_order_relaxed) != value) limit.store(value, std::memory_order_relaxed);
  }

  std::atomic<size_t> per_state_{0};
  std::atomic<size_t> all_{0};
  std::atomic<size_t> used_{0};
};

}  // namespace ringkv::server
