// SPDX-License-Identifier: MIT
// The ledger of the shard's slots, as it travels with the data: in the log, in snapshots and to replicas. What it says
// is known to cluster/ only.
//
// Changes hold the locks of all partitions, like those of the libraries of functions.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/mutex.h"

namespace ringkv::storage {

class LedgerText {
 public:
  // Empty: the data set has none.
  std::string Get() const {
    MutexLock lock(mutex_);
    return text_;
  }
  // Greater after each change.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Call under the locks of all partitions, as Txn does, or before other threads use the store.
  void Replace(std::string_view text) {
    MutexLock lock(mutex_);
    text_ = text;
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  mutable Mutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
  std::atomic<uint64_t> version_{0};
};

}  // namespace ringkv::storage
