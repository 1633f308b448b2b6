// SPDX-License-Identifier: MIT
// The libraries of functions (FUNCTION LOAD): data like the keys, but of no database. A library is a name and a code;
// what the code means is known to server/scripts/ only.
//
// Changes hold the locks of all partitions, as those of whole databases do, and show when their group has its LSN. So a
// thread with the lock of any partition sees the libraries as of the same group as the partition's keys.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/lsn.h"
#include "storage/base/mutex.h"

namespace ringkv::storage {

// Code by name. The codes are shared by all copies, so a code that has not changed has the same address.
using LibrarySet = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>;

// The libraries at one moment.
struct LibrariesAt {
  Lsn lsn = 0;  // of the group that changed them last; 0 if it is not known, or older than the store's data set
  std::shared_ptr<const LibrarySet> set;
};

class Libraries {
 public:
  LibrariesAt Get() const {
    MutexLock lock(mutex_);
    return at_;
  }
  bool empty() const { return Get().set->empty(); }
  // Greater after each change.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Call under the locks of all partitions, as Txn does, or before other threads use the store.
  void Replace(LibrariesAt at) {
    MutexLock lock(mutex_);
    at_ = std::move(at);
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  mutable Mutex mutex_;
  LibrariesAt at_ GUARDED_BY(mutex_){.set = std::make_shared<const LibrarySet>()};
  std::atomic<uint64_t> version_{0};
};

}  // namespace ringkv::storage
