// SPDX-License-Identifier: MIT
#include "server/scripts/sliced_fiber.h"

namespace ringkv::server {

void SlicedFiber::Begin(uint64_t began) {
  began_ = slice_began_ = began;
  was_suspended_ = false;
  accounted_ns_ = 0;
}

void SlicedFiber::NoteLate() {
  if (accounted_ns_ == 0) accounted_ns_ = Nanoseconds();
}

bool SlicedFiber::Suspend(bool waits) {
  NoteLate();
  was_suspended_ = true;
  waits_ = waits;
  fiber_.Suspend();
  waits_ = false;
  return !is_abandoned_;
}

}  // namespace ringkv::server
