// SPDX-License-Identifier: MIT
// Which thread holds a lock, for builds with assertions; in others it is empty.
#pragma once

#ifndef NDEBUG
#include <atomic>
#include <thread>
#endif

namespace ringkv::storage {

class LockHolder {
 public:
#ifdef NDEBUG
  void Set(bool) {}
#else
  // By the thread that has taken the lock, or is about to give it back.
  void Set(bool holds) {
    thread_.store(holds ? std::this_thread::get_id() : std::thread::id(), std::memory_order_relaxed);
  }
  bool IsThisThread() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  std::atomic<std::thread::id> thread_;
#endif
};

}  // namespace ringkv::storage
