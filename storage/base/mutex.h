// SPDX-License-Identifier: MIT
// A mutex that Clang's thread safety analysis understands: members say GUARDED_BY, functions say REQUIRES, and the
// `lint` build turns an unguarded access into an error.
//
// Lock order, outermost first: locks that server/ takes before data (docs/architecture.md lists them), partitions
// ascending, the lock of an observer of changes or of the log writer, the log buffer or a snapshot's file.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "storage/base/check.h"
#include "storage/base/lock_holder.h"

#if defined(__clang__)
#define RINGKV_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define RINGKV_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) RINGKV_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY RINGKV_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) RINGKV_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) RINGKV_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) RINGKV_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) RINGKV_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) RINGKV_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) RINGKV_THREAD_ANNOTATION(assert_capability(x))
// For the few functions that the analysis can't follow. Each says why.
#define NO_THREAD_SAFETY_ANALYSIS RINGKV_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace ringkv::storage {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() {
    mutex_.lock();
    holder_.Set(true);
  }
  // False if somebody holds it.
  bool TryLock() TRY_ACQUIRE(true) {
    if (!mutex_.try_lock()) return false;
    holder_.Set(true);
    return true;
  }
  void Unlock() RELEASE() {
    holder_.Set(false);
    mutex_.unlock();
  }
  // Tells the analysis that this thread holds the lock, where that is known only when the program runs. Builds with
  // assertions check it.
  void AssertHeld() const ASSERT_CAPABILITY(this) { RINGKV_DCHECK(holder_.IsThisThread()); }

  // Lets go of the lock until `changed` is notified, and sometimes without that; it is held again afterwards.
  void Wait(std::condition_variable& changed) REQUIRES(this) {
    WithNative([&](std::unique_lock<std::mutex>& lock) { changed.wait(lock); });
  }
  // Likewise, but not beyond `until`. False when it is that late.
  bool WaitUntil(std::condition_variable& changed, std::chrono::steady_clock::time_point until) REQUIRES(this) {
    std::cv_status status = std::cv_status::no_timeout;
    WithNative([&](std::unique_lock<std::mutex>& lock) { status = changed.wait_until(lock, until); });
    return status == std::cv_status::no_timeout;
  }

 private:
  template <typename Function>
  void WithNative(Function&& function) {
    holder_.Set(false);
    std::unique_lock lock(mutex_, std::adopt_lock);
    function(lock);
    lock.release();
    holder_.Set(true);
  }

  std::mutex mutex_;
  [[no_unique_address]] LockHolder holder_;
};

// Holds a mutex for as long as it lives.
template <typename AnyMutex>
class SCOPED_CAPABILITY ScopedLock {
 public:
  explicit ScopedLock(AnyMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~ScopedLock() RELEASE() { mutex_.Unlock(); }
  ScopedLock(const ScopedLock&) = delete;
  ScopedLock& operator=(const ScopedLock&) = delete;

 private:
  AnyMutex& mutex_;
};
using MutexLock = ScopedLock<Mutex>;

}  // namespace ringkv::storage
