// SPDX-License-Identifier: MIT
// A mutex whose holder can say that it keeps it for long, which wakes those who would rather not wait for that.
//
// One word in memory; taking it without contention is one instruction, inline. Waiting is a futex (std::atomic::wait).
#pragma once

#include <atomic>
#include <cstdint>

#ifndef NDEBUG
#include <thread>
#endif

#include "storage/base/check.h"
#include "storage/base/mutex.h"

namespace ringkv::storage {

// For how long a lock is held. Only its holder changes that, and unlocking ends it.
enum class Hold : uint8_t {
  kShort,    // like any lock
  kLong,     // its holder may be suspended: nobody may wait for it who holds another lock, and no thread of clients
  kOverdue,  // likewise, and it has lasted longer than clients should be kept waiting
};

class CAPABILITY("mutex") LongHoldMutex {
 public:
  // Waits as long as it takes. The caller must hold no other lock of this kind.
  void Lock() ACQUIRE() {
    if (!Take()) LockSlowly(true);
    SetHolder(true);
  }
  // Waits for a short hold; false, without the lock, for a longer one, unless that is waited for too.
  bool Lock(bool waits_for_long) TRY_ACQUIRE(true) {
    if (!Take() && !LockSlowly(waits_for_long)) return false;
    SetHolder(true);
    return true;
  }
  bool TryLock() TRY_ACQUIRE(true) {
    if (!Take()) return false;
    SetHolder(true);
    return true;
  }
  // TryLock again and again for some microseconds, as most locks are held for less.
  bool TryLockBriefly() TRY_ACQUIRE(true);
  void Unlock() RELEASE() {
    SetHolder(false);
    if ((word_.exchange(0, std::memory_order_release) & kHasWaiters) != 0) word_.notify_all();
  }

  // By the holder: from now on the lock is held so.
  void Mark(Hold hold) REQUIRES(this);
  // What anybody can see, which may change at any time.
  Hold hold() const { return HoldOf(word_.load(std::memory_order_relaxed)); }
  // Returns when the lock was not held for long at some moment. The caller holds no lock of this kind.
  void WaitWhileLong();

  void AssertHeld() const ASSERT_CAPABILITY(this) { RINGKV_DCHECK(IsHeld()); }

 private:
  static constexpr uint32_t kLocked = 1;
  static constexpr uint32_t kHasWaiters = 2;
  static constexpr unsigned kHoldShift = 2;

  static Hold HoldOf(uint32_t word) { return static_cast<Hold>(word >> kHoldShift); }
  bool Take() {
    uint32_t free = 0;
    return word_.compare_exchange_strong(free, kLocked, std::memory_order_acquire, std::memory_order_relaxed);
  }
  bool LockSlowly(bool waits_for_long);
  // Waits for a change of the word, which was `word`.
  void WaitForChange(uint32_t word);

  std::atomic<uint32_t> word_{0};
#ifdef NDEBUG
  void SetHolder(bool) {}
#else
  void SetHolder(bool holds) {
    holder_.store(holds ? std::this_thread::get_id() : std::thread::id(), std::memory_order_relaxed);
  }
  bool IsHeld() const { return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  std::atomic<std::thread::id> holder_;
#endif
};

class SCOPED_CAPABILITY LongHoldMutexLock {
 public:
  explicit LongHoldMutexLock(LongHoldMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~LongHoldMutexLock() RELEASE() { mutex_.Unlock(); }
  LongHoldMutexLock(const LongHoldMutexLock&) = delete;
  LongHoldMutexLock& operator=(const LongHoldMutexLock&) = delete;

 private:
  LongHoldMutex& mutex_;
};

}  // namespace ringkv::storage
