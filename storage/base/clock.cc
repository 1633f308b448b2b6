// SPDX-License-Identifier: MIT
#include "storage/base/clock.h"

#include <ctime>

namespace ringkv::storage {
namespace {

int64_t MicrosOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

UnixMs SystemClock::Now() const { return NowMicros() / 1000; }

int64_t SystemClock::NowMicros() const { return MicrosOf(CLOCK_REALTIME); }

int64_t SystemClock::SteadyMicros() const { return MicrosOf(CLOCK_MONOTONIC); }

}  // namespace ringkv::storage
