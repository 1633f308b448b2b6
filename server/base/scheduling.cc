// SPDX-License-Identifier: MIT
#include "server/base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

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

}  // namespace

void RunInSlices(std::chrono::microseconds slice, int nicer) {
  const auto thread = static_cast<id_t>(::gettid());
  const int nice = ::getpriority(PRIO_PROCESS, thread) + nicer;
  const std::chrono::nanoseconds runtime = slice;
  const SchedulingAttributes attributes{.nice = nice, .runtime = static_cast<uint64_t>(runtime.count())};
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 || nicer == 0) return;
  ::setpriority(PRIO_PROCESS, thread, nice);
}

}  // namespace ringkv::server
