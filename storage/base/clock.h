// SPDX-License-Identifier: MIT
// The seam to time. Everything that expires, ages or is measured asks a Clock, so a test moves a year in a
// microsecond.
//
// There are two times. The wall clock says when something is; somebody may set it, forwards or back. The steady clock
// says how long something takes: every duration, timeout and interval is a difference of two of its readings.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringkv::storage {

// Milliseconds since 1970, as expiry times are given. Negative times are in the past for everybody.
using UnixMs = int64_t;

// Thread rule: atomic (any thread may ask).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMs Now() const = 0;
  virtual int64_t NowMicros() const = 0;  // microseconds since 1970
  // Nobody sets it. It is above 0; where it began says nothing.
  virtual int64_t SteadyMicros() const = 0;
  int64_t SteadyMs() const { return SteadyMicros() / 1000; }
};

class SystemClock final : public Clock {
 public:
  UnixMs Now() const override;
  int64_t NowMicros() const override;
  int64_t SteadyMicros() const override;
};

// Time that moves when the test says.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMs now) : now_(now) {}
  UnixMs Now() const override { return now_.load(std::memory_order_relaxed); }
  int64_t NowMicros() const override { return Now() * 1000; }
  int64_t SteadyMicros() const override { return steady_.load(std::memory_order_relaxed) * 1000; }
  // Time passes.
  void Advance(int64_t milliseconds) {
    SetForward(milliseconds);
    steady_.fetch_add(milliseconds, std::memory_order_relaxed);
  }
  // Somebody sets the wall clock, back if `milliseconds` is negative.
  void SetForward(int64_t milliseconds) { now_.fetch_add(milliseconds, std::memory_order_relaxed); }

 private:
  std::atomic<UnixMs> now_;
  std::atomic<int64_t> steady_{1'000'000};
};

}  // namespace ringkv::storage
