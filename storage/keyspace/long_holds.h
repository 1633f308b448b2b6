// SPDX-License-Identifier: MIT
// The transactions that hold partitions for long.
//
// Threads: synchronised. A listener is called under the locks that are held, except at the end, when they are free.
#pragma once

#include <atomic>
#include <cstddef>

#include "storage/base/long_hold_mutex.h"

namespace ringkv::storage {

class LongHoldListener {
 public:
  virtual ~LongHoldListener() = default;
  // Must not take a lock under which another thread waits for data.
  virtual void LongHoldBegan() = 0;
  // Some hold has become overdue.
  virtual void LongHoldOverdue() = 0;
  // The partitions are free: what was postponed because of them can go on.
  virtual void LongHoldEnded() = 0;
};

class LongHolds {
 public:
  // May be null. Set before threads run; must outlive the use of the store.
  void set_listener(LongHoldListener* listener) { listener_ = listener; }
  LongHoldListener* listener() const { return listener_; }

  // Somebody who needs all partitions has waited for long while others come and go: no new hold may become long.
  class Starving {
   public:
    explicit Starving(LongHolds& holds) : holds_(holds) { ++holds_.starving_; }
    ~Starving() { --holds_.starving_; }
    Starving(const Starving&) = delete;
    Starving& operator=(const Starving&) = delete;

   private:
    LongHolds& holds_;
  };
  bool has_starving() const { return starving_.load(std::memory_order_relaxed) > 0; }

  // The right to wait for a partition while holding others, which one transaction has at a time.
  LongHoldMutex& right_to_wait() { return right_to_wait_; }

 private:
  LongHoldListener* listener_ = nullptr;
  std::atomic<int> starving_{0};
  // On a cache line of its own: scripts of all threads write it, and all requests read what stands around.
  alignas(64) LongHoldMutex right_to_wait_;
};

}  // namespace ringkv::storage
