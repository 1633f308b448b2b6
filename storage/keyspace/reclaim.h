// SPDX-License-Identifier: MIT
// Frees whole tables and large values in the background. Their memory is still allocated while it is pending
// (`pending_bytes`), but causes no eviction.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/keyspace/tracking_table.h"
#include "storage/table/table.h"

namespace ringkv::storage {

class Reclaimer {
 public:
  Reclaimer() = default;
  ~Reclaimer();

  // `on_thread` is called in its thread first.
  void Start(std::function<void()> on_thread = [] {});
  void Stop();

  // Takes ownership. Frees at once if the thread does not run.
  void Free(MutableEntry* entry);
  // `bytes_a_key`: approximate memory per key.
  void Free(std::vector<std::unique_ptr<Table>> tables, uint64_t bytes_a_key);
  void Free(std::vector<std::unique_ptr<TrackingTable>> tables);

  // Pending keys, their approximate memory, and keys freed so far.
  uint64_t pending() const { return pending_.load(std::memory_order_acquire); }
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
    std::vector<std::unique_ptr<TrackingTable>> tracking;

    bool empty() const { return entries.empty() && databases.empty() && tracking.empty(); }
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
