// SPDX-License-Identifier: MIT
// A mutex whose holder can say that it keeps it for long, which wakes those who would rather not wait for that.
//
// One word in memory; taking it without contention is one instruction, inline. Waiting is a futex (std::atomic::wait).
#pragma once

#include <atomic>
#include <cstdint>

#include "storage/base/check.h"
#include "storage/base/lock_holder.h"
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
    holder_.Set(true);
  }
  // Waits for a short hold; false, without the lock, for a longer one, unless that is waited for too.
  bool Lock(bool waits_for_long) TRY_ACQUIRE(true) {
    if (!Take() && !LockSlowly(waits_for_long)) return false;
    holder_.Set(true);
    return true;
  }
  bool TryLock() TRY_ACQUIRE(true) {
    if (!Take()) return false;
    holder_.Set(true);
    return true;
  }
  // TryLock again and again for some microseconds, as most locks are held for less.
  bool TryLockBriefly() TRY_ACQUIRE(true);
  void Unlock() RELEASE() {
    holder_.Set(false);
    if ((word_.exchange(0, std::memory_order_release) & kHasWaiters) != 0) word_.notify_all();
  }

  // The lock passes to another thread: its holder calls the first, then the other one the second. A holder that does
  // not ask any more may leave out the first.
  void PassOn() REQUIRES(this) { holder_.Set(false); }
  void TakeOver() { holder_.Set(true); }

  // By the holder: from now on the lock is held so.
  void Mark(Hold hold) REQUIRES(this);
  // What anybody can see, which may change at any time.
  Hold hold() const { return HoldOf(word_.load(std::memory_order_relaxed)); }
  // Returns when the lock was not held for long at some moment. The caller holds no lock of this kind.
  void WaitWhileLong();

  void AssertHeld() const ASSERT_CAPABILITY(this) { RINGKV_DCHECK(holder_.IsThisThread()); }

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
  [[no_unique_address]] LockHolder holder_;
};

using LongHoldMutexLock = ScopedLock<LongHoldMutex>;

}  // namespace ringkv::storage
