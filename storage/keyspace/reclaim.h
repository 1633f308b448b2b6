// SPDX-License-Identifier: MIT
// Frees in the background what takes long to free: whole tables and large values.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include "storage/keyspace/table.h"
#include "storage/mutex.h"

namespace ringkv::storage {

class Reclaimer {
 public:
  Reclaimer() = default;
  ~Reclaimer();

  void Start();
  void Stop();

  // Takes ownership. While the thread does not run, frees at once.
  void Free(MutableEntry* entry);
  void Free(std::vector<std::unique_ptr<Table>> tables);

  // Keys that wait to be freed, and keys freed so far.
  uint64_t pending() const { return pending_.load(std::memory_order_relaxed); }
  uint64_t freed() const { return freed_.load(std::memory_order_relaxed); }
  void ResetFreed() { freed_.store(0, std::memory_order_relaxed); }

 private:
  struct Work {
    std::vector<MutableEntry*> entries;
    std::vector<std::unique_ptr<Table>> tables;
  };
  void Run();
  void Process(Work& work);

  std::thread thread_;
  std::atomic<uint64_t> pending_{0};
  std::atomic<uint64_t> freed_{0};
  std::condition_variable wake_;
  Mutex mutex_;
  Work work_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
};

}  // namespace ringkv::storage
