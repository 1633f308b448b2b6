// SPDX-License-Identifier: MIT
// A fiber whose body runs in slices of time, and the account of that time.
//
// Threads: as Fiber; Nanoseconds: any, once the body has been suspended.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/observe/tick_clock.h"
#include "server/scripts/fiber.h"
#include "server/scripts/script_clock.h"

namespace ringkv::server {

class SlicedFiber {
 public:
  // `ticks` must outlive the object.
  SlicedFiber(const TickClock& ticks, size_t stack_bytes) : ticks_(ticks), fiber_(stack_bytes) {}

  // What the next body does has begun at this tick, and so has its first slice.
  void Begin(uint64_t began);
  void BeginSlice() { slice_began_ = ticks_.Now(); }
  uint64_t slice_began() const { return slice_began_; }
  // Runs the body, or goes on with it. True when it has ended, false when it has been suspended.
  bool Enter(Fiber::Body body, void* with) {
    return fiber_.is_under_way() ? fiber_.Resume() : fiber_.Start(body, with);
  }
  bool is_under_way() const { return fiber_.is_under_way(); }
  // From now on the body ends as soon as it is entered, because the server ends.
  void Abandon() { is_abandoned_ = true; }
  bool is_abandoned() const { return is_abandoned_; }

  // --- for the body ---
  // How long its slices are on a thread with clients: short, when others have waited already.
  uint64_t SliceNanoseconds() const { return was_suspended_ ? ScriptClock::kNextSliceNs : ScriptClock::kFirstSliceNs; }
  bool IsSliceOver(uint64_t nanoseconds) const {
    return ticks_.Nanoseconds(ticks_.Now() - slice_began_) >= nanoseconds;
  }
  // Returns to the caller of Enter. `waits`: the body can't go on before others have let go of something. False if it
  // must end.
  bool Suspend(bool waits);

  // The account of the request ends here, unless it has before.
  void NoteLate();
  // --- of the body that is under way, or has ended ---
  bool waits() const { return waits_; }
  bool was_suspended() const { return was_suspended_; }
  uint64_t Nanoseconds() const { return ticks_.Nanoseconds(ticks_.Now() - began_); }
  // Without what is in the account of the request.
  uint64_t LateNanoseconds() const { return Nanoseconds() - accounted_ns_; }

 private:
  const TickClock& ticks_;
  Fiber fiber_;
  bool waits_ = false;
  bool was_suspended_ = false;
  bool is_abandoned_ = false;
  uint64_t began_ = 0;  // in ticks
  uint64_t slice_began_ = 0;
  uint64_t accounted_ns_ = 0;
};

}  // namespace ringkv::server
