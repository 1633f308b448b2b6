// SPDX-License-Identifier: MIT
#include "server/observe/tick_clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ringkv::server {
namespace {

bool HasSteadyCounter() {
#if defined(__x86_64__)
  // Invariant TSC: CPUID 0x80000007, EDX bit 8 (AMD64 and Intel manuals).
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1u << 8)) != 0;
#elif defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

}  // namespace

TickClock TickClock::Calibrate() {
  TickClock clock;
  if (!HasSteadyCounter()) return clock;
  clock.uses_counter_ = true;
  constexpr uint64_t kSpan = 5'000'000;
  const uint64_t steady_start = SteadyNanoseconds();
  const uint64_t ticks_start = clock.Now();
  uint64_t steady_end = steady_start;
  while (steady_end - steady_start < kSpan) steady_end = SteadyNanoseconds();
  const uint64_t ticks = clock.Now() - ticks_start;
  if (ticks == 0) {
    clock.uses_counter_ = false;
  } else {
    clock.nanoseconds_per_tick_ =
        static_cast<uint64_t>((static_cast<unsigned __int128>(steady_end - steady_start) << 32) / ticks);
  }
  return clock;
}

}  // namespace ringkv::server
