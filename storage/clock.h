// SPDX-License-Identifier: MIT
// The seam to time. Everything that expires, ages or is measured asks a Clock, so a test moves a year in a
// microsecond.
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
};

class SystemClock final : public Clock {
 public:
  UnixMs Now() const override;
  int64_t NowMicros() const override;
};

// Time that moves when the test says.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMs now) : now_(now) {}
  UnixMs Now() const override { return now_.load(std::memory_order_relaxed); }
  int64_t NowMicros() const override { return Now() * 1000; }
  void Advance(int64_t milliseconds) { now_.fetch_add(milliseconds, std::memory_order_relaxed); }

 private:
  std::atomic<UnixMs> now_;
};

}  // namespace ringkv::storage
