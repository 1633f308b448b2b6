// SPDX-License-Identifier: MIT
#include "storage/snapshot/pace.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "storage/base/work_clock.h"

namespace ringkv::storage {
namespace {

constexpr double kMostRest = 10;  // times the work, when one processor or more is in use by others

int64_t NanosecondsOf(clockid_t clock) { return ReadWorkClock(clock).count(); }

}  // namespace

Pace::Times Pace::Now() {
  return {NanosecondsOf(CLOCK_MONOTONIC), NanosecondsOf(CLOCK_PROCESS_CPUTIME_ID),
          NanosecondsOf(CLOCK_THREAD_CPUTIME_ID)};
}

Pace::Pace() : before_(Now()), work_start_(before_.wall) {}

void Pace::Rest() {
  const Times now = Now();
  const auto wall = static_cast<double>(std::max<int64_t>(now.wall - before_.wall, 1));
  const auto by_others = static_cast<double>((now.process - before_.process) - (now.thread - before_.thread));
  others_ += (std::clamp(by_others / wall, 0.0, 1.0) - others_) / 4;
  const auto rest = static_cast<int64_t>(static_cast<double>(now.wall - work_start_) * kMostRest * others_);
  before_ = now;
  if (rest > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(rest));
  work_start_ = NanosecondsOf(CLOCK_MONOTONIC);
}

}  // namespace ringkv::storage
