// SPDX-License-Identifier: MIT
#include "storage/base/long_hold_mutex.h"

namespace ringkv::storage {
namespace {

constexpr int kSpins = 64;

void PauseProcessor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

bool LongHoldMutex::TryLockBriefly() {
  for (int i = 0; i < kSpins; ++i) {
    const uint32_t word = word_.load(std::memory_order_relaxed);
    if (word == 0 && TryLock()) return true;
    if (HoldOf(word) != Hold::kShort) return false;
    PauseProcessor();
  }
  return false;
}

// All waiters are woken, and each looks for itself: some give up where others go on waiting.
bool LongHoldMutex::LockSlowly(bool waits_for_long) {
  for (int i = 0;; ++i) {
    const uint32_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) {
      if (Take()) return true;
      continue;
    }
    if (!waits_for_long && HoldOf(word) != Hold::kShort) return false;
    if (i < kSpins) {
      PauseProcessor();
    } else {
      WaitForChange(word);
    }
  }
}

void LongHoldMutex::WaitForChange(uint32_t word) {
  if ((word & kHasWaiters) == 0) {
    if (!word_.compare_exchange_strong(word, word | kHasWaiters, std::memory_order_relaxed)) return;
    word |= kHasWaiters;
  }
  word_.wait(word, std::memory_order_relaxed);
}

void LongHoldMutex::Mark(Hold hold) {
  RINGKV_DCHECK(holder_.IsThisThread());
  uint32_t word = word_.load(std::memory_order_relaxed);
  const uint32_t marked = static_cast<uint32_t>(hold) << kHoldShift | kLocked;
  while (!word_.compare_exchange_weak(word, marked, std::memory_order_relaxed)) continue;
  if ((word & kHasWaiters) != 0) word_.notify_all();
}

void LongHoldMutex::WaitWhileLong() {
  for (;;) {
    const uint32_t word = word_.load(std::memory_order_relaxed);
    if (HoldOf(word) == Hold::kShort) return;
    WaitForChange(word);
  }
}

}  // namespace ringkv::storage
