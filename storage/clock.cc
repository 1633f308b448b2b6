// SPDX-License-Identifier: MIT
#include "storage/clock.h"

#include <ctime>

namespace ringkv::storage {

UnixMs SystemClock::Now() const { return NowMicros() / 1000; }

int64_t SystemClock::NowMicros() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace ringkv::storage
