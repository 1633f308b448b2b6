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

  // Bytes that states use or have taken in advance, which are some KB for each.
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  // Takes them before they are used. False, and nothing is taken, if that would exceed the limit of all.
  bool TryAdd(size_t bytes) {
    const size_t limit = limit_of_all();
    size_t before = used();
    do {
      if (limit != 0 && (before > limit || bytes > limit - before)) return false;
    } while (!used_.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
    return true;
  }
  // Likewise in any case.
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
