// SPDX-License-Identifier: MIT
// Commands that hold keys for long (scripts): requests that need the same keys are postponed when they are admitted,
// and refused once that takes too long.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "storage/base/mutex.h"
#include "storage/keyspace/long_holds.h"

namespace ringkv::server {

// What holds keys for too long, which decides the words of the refusal.
enum class BusyWith : uint8_t { kScript, kFunction };

class LongHolds : public storage::LongHoldListener {
 public:
  // Both must outlive the object.
  LongHolds(UnmetNeeds& needs, ClientLinks& links) : needs_(needs), links_(links) {}

  BusyWith busy_with() const { return busy_with_.load(std::memory_order_relaxed); }
  // Set it before the hold becomes overdue.
  void set_busy_with(BusyWith what) { busy_with_.store(what, std::memory_order_relaxed); }

  // --- walks over all keys, which any hold postpones ---
  // A walk has been postponed.
  void NoteWalkWaits(int64_t now_ms) {
    // The one that waited last may have gone without another try.
    if (now_ms - last_walk_ms_.exchange(now_ms) > kForgottenMs) walks_wait_since_ms_ = now_ms;
  }
  // A walk has got through; others begin to wait anew.
  void NoteWalkPassed() {
    if (has_waiting_walk()) last_walk_ms_ = kNever;
  }
  bool has_waiting_walk() const { return last_walk_ms_.load(std::memory_order_relaxed) != kNever; }
  // Whether a walk has waited for long, while holds came and went: nothing that may hold keys for long is to begin.
  bool HasStarvingWalk(int64_t now_ms) const {
    return now_ms - last_walk_ms_ <= kForgottenMs && now_ms - walks_wait_since_ms_ > kPatienceMs;
  }

  void LongHoldBegan() override { Count(1); }
  void LongHoldOverdue() override { links_.ResumePaused(); }  // they are refused now
  void LongHoldEnded() override {
    Count(-1);
    links_.ResumePaused();
  }

 private:
  static constexpr int64_t kPatienceMs = 250;
  static constexpr int64_t kForgottenMs = 2000;
  static constexpr int64_t kNever = INT64_MIN / 2;

  void Count(int change) {
    storage::MutexLock lock(mutex_);
    count_ += change;
    needs_.SetLongHold(count_ > 0);
  }

  UnmetNeeds& needs_;
  ClientLinks& links_;
  std::atomic<BusyWith> busy_with_{BusyWith::kScript};
  std::atomic<int64_t> last_walk_ms_{kNever};  // when one was postponed
  std::atomic<int64_t> walks_wait_since_ms_{0};
  storage::Mutex mutex_;
  int count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ringkv::server
