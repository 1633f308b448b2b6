// SPDX-License-Identifier: MIT
#include "server/scripts/script_clock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "server/lua/lua_state.h"
#include "server/observe/log.h"

namespace ringkv::server {
namespace {

// Nobody sends it to a server by accident, and its default is to be ignored.
constexpr int kSliceSignal = SIGURG;

// Between two looks. A wake of the watch costs some microseconds of CPU.
constexpr uint64_t kLongestPauseNs = ScriptClock::kFirstSliceNs;
constexpr uint64_t kShortestPauseNs = 50'000;
// So many looks without any script come before the watch sleeps, and so many without one whose slice is over before it
// takes its time again.
constexpr int kIdleLooks = 100;
constexpr int kCalmLooks = 20;

// The state that runs on this thread, for the signal handler.
thread_local std::atomic<LuaState*> running_state{nullptr};

int ThisThread() {
  thread_local const int id = static_cast<int>(::gettid());
  return id;
}

void OnSliceSignal(int) {
  if (LuaState* state = running_state.load(std::memory_order_relaxed)) state->RequestPulse();
}

// The handler is one per process, and the same for every server in it.
void InstallHandler() {
  struct sigaction action {};
  action.sa_handler = OnSliceSignal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(kSliceSignal, &action, nullptr);
}

}  // namespace

ScriptClock::ScriptClock(const TickClock& ticks, size_t threads)
    : ticks_(ticks),
      ticks_per_us_(std::max<uint64_t>(1'000'000'000 / std::max<uint64_t>(ticks.Nanoseconds(1'000'000), 1), 1)),
      slices_(threads) {
  InstallHandler();
}

ScriptClock::~ScriptClock() {
  {
    storage::MutexLock lock(mutex_);
    is_stopping_ = true;
    if (!thread_.joinable()) return;
  }
  changed_.notify_all();
  thread_.join();
}

void ScriptClock::Begin(size_t thread, LuaState& state, uint64_t began, uint64_t nanoseconds) {
  Slice& slice = slices_[thread];
  running_state.store(&state, std::memory_order_relaxed);
  slice.thread_id.store(ThisThread(), std::memory_order_relaxed);  // slices of threads without clients are shared
  if (nanoseconds < kFirstSliceNs && !is_hurried_.load(std::memory_order_relaxed)) is_hurried_ = true;
  slice.end_ticks.store(began + nanoseconds * ticks_per_us_ / 1000);
  if (!is_watching_.load()) Wake();
#ifdef RINGKV_THREAD_SANITIZED
  state.RequestPulse();  // the sanitizer keeps signals back until the thread calls the system
#endif
}

void ScriptClock::End(size_t thread) {
  running_state.store(nullptr, std::memory_order_relaxed);
  slices_[thread].end_ticks.store(0, std::memory_order_relaxed);
}

void ScriptClock::Wake() {
  {
    storage::MutexLock lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { Watch(); });
    is_watching_ = true;
  }
  changed_.notify_all();
}

void ScriptClock::Watch() {
  NameThisThread("script-clock");
  while (!is_stopping_) {
    WatchSlices();
    storage::MutexLock lock(mutex_);
    // Whoever begins a slice after this store sees it, and whose slice began before is seen by the look.
    is_watching_ = false;
    if (Look().has_slices) is_watching_ = true;
    while (!is_watching_ && !is_stopping_) mutex_.Wait(changed_);
  }
}

void ScriptClock::WatchSlices() {
  int idle = 0;
  int calm = 0;
  uint64_t left_ns = kLongestPauseNs;
  while (idle <= kIdleLooks && !is_stopping_) {
    const uint64_t pause_ns = is_hurried_ ? kShortestPauseNs : std::clamp(left_ns, kShortestPauseNs, kLongestPauseNs);
    const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(pause_ns)};
    ::nanosleep(&pause, nullptr);
    const Sight sight = Look();
    idle = sight.has_slices ? 0 : idle + 1;
    calm = sight.has_over ? 0 : calm + 1;
    if (calm > kCalmLooks) is_hurried_ = false;
    left_ns = sight.left_ns;
  }
}

ScriptClock::Sight ScriptClock::Look() {
  Sight sight;
  const uint64_t now = ticks_.Now();
  for (Slice& slice : slices_) {
    const uint64_t end = slice.end_ticks.load();
    if (end == 0) continue;
    sight.has_slices = true;
    if (now < end) {
      sight.left_ns = std::min(sight.left_ns, ticks_.Nanoseconds(end - now));
      continue;
    }
    sight.has_over = true;
    // A thread that has ended meanwhile gets nothing, nor does another process.
    ::syscall(SYS_tgkill, ::getpid(), slice.thread_id.load(), kSliceSignal);
  }
  return sight;
}

}  // namespace ringkv::server
