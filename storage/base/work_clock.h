// SPDX-License-Identifier: MIT
// How long a thread or the process has worked, and the time to compare that with. For points in time and timeouts there
// is Clock.
#pragma once

#include <chrono>
#include <ctime>

namespace ringkv::storage {

// CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID (user and system), CLOCK_PROCESS_CPUTIME_ID.
inline std::chrono::nanoseconds ReadWorkClock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace ringkv::storage
