// SPDX-License-Identifier: MIT
#include "server/base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

#include "storage/base/work_clock.h"

namespace ringkv::server {
namespace {

// Of the system's headers; glibc has it from 2.41 on.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0x08;  // SCHED_FLAG_KEEP_POLICY: for whoever has chosen one for the process
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // the slice, in nanoseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

constexpr std::chrono::milliseconds kWindow{50};
constexpr int kLeastPart = 4;

}  // namespace

void RunInSlices(std::chrono::microseconds slice, int nicer) {
  const auto thread = static_cast<id_t>(::gettid());
  const int nice = ::getpriority(PRIO_PROCESS, thread) + nicer;
  const std::chrono::nanoseconds runtime = slice;
  const SchedulingAttributes attributes{.nice = nice, .runtime = static_cast<uint64_t>(runtime.count())};
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 || nicer == 0) return;
  ::setpriority(PRIO_PROCESS, thread, nice);
}

void ShareOfProcessor::BeginTurn() {
  began_ = storage::ReadWorkClock(CLOCK_MONOTONIC);
  used_before_ = storage::ReadWorkClock(CLOCK_THREAD_CPUTIME_ID);
}

bool ShareOfProcessor::EndTurn() {
  wanted_ += storage::ReadWorkClock(CLOCK_MONOTONIC) - began_;
  used_ += storage::ReadWorkClock(CLOCK_THREAD_CPUTIME_ID) - used_before_;
  if (wanted_ < kWindow) return false;
  const bool has_starved = used_ * kLeastPart < wanted_;
  wanted_ = used_ = {};
  return has_starved;
}

}  // namespace ringkv::server
