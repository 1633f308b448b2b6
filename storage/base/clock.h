// SPDX-License-Identifier: MIT
// The interface to time, so that a test can advance a year in a microsecond.
//
// There are two clocks. The wall clock gives points in time and may be set, forwards or back. The steady clock gives
// durations: every timeout and interval is a difference of two of its readings.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringkv::storage {

// Milliseconds since 1970, as for expiry times. Negative times are in the past.
using UnixMs = int64_t;

// Thread rule: atomic (any thread may ask).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMs Now() const = 0;
  virtual int64_t NowMicros() const = 0;  // microseconds since 1970
  // Never set. It is above 0; its origin has no meaning.
  virtual int64_t SteadyMicros() const = 0;
  int64_t SteadyMs() const { return SteadyMicros() / 1000; }
};

class SystemClock final : public Clock {
 public:
  UnixMs Now() const override;
  int64_t NowMicros() const override;
  int64_t SteadyMicros() const override;
};

// A clock that only the test advances.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMs now) : now_(now) {}
  UnixMs Now() const override { return now_.load(std::memory_order_relaxed); }
  int64_t NowMicros() const override { return Now() * 1000; }
  int64_t SteadyMicros() const override { return steady_.load(std::memory_order_relaxed) * 1000; }
  // Advances both clocks.
  void Advance(int64_t milliseconds) {
    SetForward(milliseconds);
    steady_.fetch_add(milliseconds, std::memory_order_relaxed);
  }
  // Sets the wall clock forward, or back if `milliseconds` is negative.
  void SetForward(int64_t milliseconds) { now_.fetch_add(milliseconds, std::memory_order_relaxed); }

 private:
  std::atomic<UnixMs> now_;
  std::atomic<int64_t> steady_{1'000'000};
};

}  // namespace ringkv::storage
