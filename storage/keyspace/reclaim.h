// SPDX-License-Identifier: MIT
// Frees in the background what takes long to free: whole tables and large values. What waits for that is still in use
// for the allocator, and no reason to evict anything: `pending_bytes`.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/table/table.h"

namespace ringkv::storage {

class Reclaimer {
 public:
  Reclaimer() = default;
  ~Reclaimer();

  void Start();
  void Stop();

  // Takes ownership. While the thread does not run, frees at once.
  void Free(MutableEntry* entry);
  // `bytes_a_key`: about what one of their keys takes.
  void Free(std::vector<std::unique_ptr<Table>> tables, uint64_t bytes_a_key);

  // Keys that wait to be freed, about what they take, and keys freed so far.
  uint64_t pending() const { return pending_.load(std::memory_order_relaxed); }
  uint64_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }
  uint64_t freed() const { return freed_.load(std::memory_order_relaxed); }
  void ResetFreed() { freed_.store(0, std::memory_order_relaxed); }

 private:
  struct Tables {
    std::vector<std::unique_ptr<Table>> tables;
    uint64_t bytes_a_key;
  };
  struct Work {
    std::vector<MutableEntry*> entries;
    std::vector<Tables> databases;

    bool empty() const { return entries.empty() && databases.empty(); }
  };
  void Run();
  void Process(Work& work);
  void NotePending(uint64_t keys, uint64_t bytes);
  void NoteFreed(uint64_t keys, uint64_t bytes);

  std::thread thread_;
  std::atomic<uint64_t> pending_{0};
  std::atomic<uint64_t> pending_bytes_{0};
  std::atomic<uint64_t> freed_{0};
  std::condition_variable wake_;
  Mutex mutex_;
  Work work_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
};

}  // namespace ringkv::storage
