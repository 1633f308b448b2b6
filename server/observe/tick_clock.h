// SPDX-License-Identifier: MIT
// A clock for measurements: the CPU's time stamp counter if it is steady. A reading takes some nanoseconds instead of
// twenty or more for the system's clock, so that every command can be timed.
#pragma once

#include <cstdint>
#include <ctime>

namespace ringkv::server {

// Thread rule: immutable after Calibrate.
class TickClock {
 public:
  // Calibrates the counter against the system's steady clock; takes a few milliseconds.
  static TickClock Calibrate();

  uint64_t Now() const {
#if defined(__x86_64__)
    if (uses_counter_) return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    if (uses_counter_) {
      uint64_t ticks;
      asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
      return ticks;
    }
#endif
    return SteadyNanoseconds();
  }
  uint64_t Nanoseconds(uint64_t ticks) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(ticks) * nanoseconds_per_tick_) >> 32);
  }
  uint64_t Microseconds(uint64_t ticks) const { return Nanoseconds(ticks) / 1000; }
  bool uses_counter() const { return uses_counter_; }

 private:
  static uint64_t SteadyNanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }

  bool uses_counter_ = false;
  uint64_t nanoseconds_per_tick_ = uint64_t{1} << 32;  // 32.32 fixed point
};

}  // namespace ringkv::server
