// SPDX-License-Identifier: MIT
// The preconditions of commands. Server and session provide the unmet ones; execution compares the two words and
// decides in detail only when they overlap (admit.cc).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"

namespace ringkv::server {

enum Need : uint32_t {
  kNeedsAuthentication = 1 << 0,
  kNeedsMemoryChecked = 1 << 1,
  kNeedsWritable = 1 << 2,
  kNeedsNoPause = 1 << 3,
  kNeedsNoWritePause = 1 << 4,
  kNeedsDebugAllowed = 1 << 5,
  kNeedsLoaded = 1 << 6,
  kNeedsHealthyDisk = 1 << 7,
  kNeedsLogRoom = 1 << 8,
  kNeedsReplicas = 1 << 9,
  kNeedsFreshData = 1 << 10,
  kNeedsNoSubscription = 1 << 11,
  kNeedsNoFence = 1 << 12,
  kNeedsNoLongHold = 1 << 13,
  kNeedsPermission = 1 << 14,     // asked for only when there are users whose permissions are restricted
  kNeedsLease = 1 << 15,          // of a primary that a coordinator has elected
  kNeedsPrimary = 1 << 16,        // asked for only of clients that follow redirects to it
  kNeedsNoHandOver = 1 << 17,     // of the role of a primary, under way or lately
  kNeedsOwnConnection = 1 << 18,  // a former primary does not pass it on (REPLCONF relays-for)
};

// The needs that are currently unmet for every session. Parts of the server are its sources; each calls Update when its
// result may have changed.
//
// Threads: synchronised. Sources are called under its lock, so that the last update is correct. Do not call it under a
// lock that a source takes.
class UnmetNeeds {
 public:
  // Returns a word of Need. Added before threads run; must be callable as long as Update is.
  using Source = std::function<uint32_t()>;
  void AddSource(Source source) {
    storage::MutexLock lock(mutex_);
    sources_.push_back(std::move(source));
  }

  void Update() {
    storage::MutexLock lock(mutex_);
    uint32_t unmet = 0;
    for (const Source& source : sources_) unmet |= source();
    uint32_t before = unmet_.load(std::memory_order_relaxed);
    while (!unmet_.compare_exchange_weak(before, unmet | (before & kNeedsNoLongHold), std::memory_order_relaxed)) {
    }
  }
  // The need without a source: it changes under locks of data, which sources may wait for.
  void SetLongHold(bool is_held) {
    if (is_held) {
      unmet_.fetch_or(kNeedsNoLongHold, std::memory_order_relaxed);
    } else {
      unmet_.fetch_and(~uint32_t{kNeedsNoLongHold}, std::memory_order_relaxed);
    }
  }
  uint32_t Get() const { return unmet_.load(std::memory_order_relaxed); }

 private:
  storage::Mutex mutex_;
  std::vector<Source> sources_ GUARDED_BY(mutex_);
  std::atomic<uint32_t> unmet_{0};
};

}  // namespace ringkv::server
