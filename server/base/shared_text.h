// SPDX-License-Identifier: MIT
// A text that one thread sets while others read.
//
// Threads: guarded.
#pragma once

#include <string>
#include <utility>

#include "storage/base/mutex.h"

namespace ringkv::server {

class SharedText {
 public:
  std::string Get() const {
    storage::MutexLock lock(mutex_);
    return text_;
  }
  void Set(std::string text) {
    storage::MutexLock lock(mutex_);
    text_ = std::move(text);
  }

 private:
  mutable storage::Mutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
