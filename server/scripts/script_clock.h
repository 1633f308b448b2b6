// SPDX-License-Identifier: MIT
// Interrupts scripts that have used up their slice: a thread of its own looks now and then, and sends a signal to the
// thread of the script, whose handler asks the interpreter for a pulse. A script that is quicker than that pays for two
// stores. While no scripts run, the thread sleeps.
//
// Threads: synchronised; a slice belongs to the thread that begins it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <thread>
#include <vector>

#include "server/observe/tick_clock.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class LuaState;

class ScriptClock {
 public:
  static constexpr uint64_t kFirstSliceNs = 1'000'000;
  // Of a script that goes on: short, because the other clients of its thread wait meanwhile.
  static constexpr uint64_t kNextSliceNs = 200'000;

  // `ticks` must outlive the object. `threads`: how many threads run scripts.
  ScriptClock(const TickClock& ticks, size_t threads);
  ~ScriptClock();
  ScriptClock(const ScriptClock&) = delete;
  ScriptClock& operator=(const ScriptClock&) = delete;

  // The calling thread, which has this number, runs Lua code until End, in a slice that began at `began`, in ticks. The
  // state is asked for a pulse as soon as the slice has lasted `nanoseconds`, and then again and again.
  void Begin(size_t thread, LuaState& state, uint64_t began, uint64_t nanoseconds);
  void End(size_t thread);
  uint64_t Now() const { return ticks_.Now(); }

 private:
  struct alignas(64) Slice {
    std::atomic<uint64_t> end_ticks{0};  // 0: none
    std::atomic<int> thread_id{0};       // of the system
  };

  struct Sight {
    bool has_slices = false;
    bool has_over = false;             // some have used up their time
    uint64_t left_ns = kFirstSliceNs;  // of the others, until the first one is over
  };

  void Wake();
  void Watch();
  // Looks now and then, until there have been no slices for a while.
  void WatchSlices();
  // Interrupts slices that are over.
  Sight Look();

  const TickClock& ticks_;
  const uint64_t ticks_per_us_;
  std::vector<Slice> slices_;
  std::atomic<bool> is_watching_{false};
  std::atomic<bool> is_hurried_{false};  // some slice is a short one
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;  // begins under the mutex
};

}  // namespace ringkv::server
