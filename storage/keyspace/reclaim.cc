// SPDX-License-Identifier: MIT
#include "storage/keyspace/reclaim.h"

#include "storage/base/allocator.h"
#include "storage/edit/mutable_entry.h"

namespace ringkv::storage {

Reclaimer::~Reclaimer() { Stop(); }

void Reclaimer::Start(std::function<void()> on_thread) {
  MutexLock lock(mutex_);
  running_ = true;
  thread_ = std::thread([this, on_thread = std::move(on_thread)] {
    on_thread();
    Run();
  });
}

void Reclaimer::Stop() {
  {
    MutexLock lock(mutex_);
    if (!running_) return;
    running_ = false;
  }
  wake_.notify_one();
  thread_.join();
}

void Reclaimer::NotePending(uint64_t keys, uint64_t bytes) {
  pending_.fetch_add(keys, std::memory_order_relaxed);
  pending_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Reclaimer::NoteFreed(uint64_t keys, uint64_t bytes) {
  freed_.fetch_add(keys, std::memory_order_relaxed);
  pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  // Last: who sees that nothing is pending sees the others too.
  pending_.fetch_sub(keys, std::memory_order_release);
}

void Reclaimer::Free(MutableEntry* entry) {
  {
    MutexLock lock(mutex_);
    if (running_) {
      NotePending(1, entry->MemorySize());
      work_.entries.push_back(entry);
      entry = nullptr;
    }
  }
  if (entry != nullptr) {
    MutableEntry::Free(entry);
  } else {
    wake_.notify_one();
  }
}

void Reclaimer::Free(std::vector<std::unique_ptr<Table>> tables, uint64_t bytes_a_key) {
  {
    MutexLock lock(mutex_);
    if (!running_) return;  // freed with the argument
    for (const std::unique_ptr<Table>& table : tables) NotePending(table->keys(), table->keys() * bytes_a_key);
    work_.databases.push_back({std::move(tables), bytes_a_key});
  }
  wake_.notify_one();
}

void Reclaimer::Free(std::vector<std::unique_ptr<TrackingTable>> tables) {
  if (tables.empty()) return;
  {
    MutexLock lock(mutex_);
    if (!running_) return;  // freed with the argument
    for (std::unique_ptr<TrackingTable>& table : tables) work_.tracking.push_back(std::move(table));
  }
  wake_.notify_one();
}

void Reclaimer::Process(Work& work) {
  for (MutableEntry* entry : work.entries) {
    const uint64_t bytes = entry->MemorySize();
    MutableEntry::Free(entry);
    NoteFreed(1, bytes);
  }
  for (Tables& database : work.databases) {
    for (std::unique_ptr<Table>& table : database.tables) {
      const size_t keys = table->keys();
      table.reset();
      NoteFreed(keys, keys * database.bytes_a_key);
    }
  }
  work = Work();
}

void Reclaimer::Run() {
  CountMemoryOfThisThread();
  mutex_.Lock();
  while (running_ || !work_.empty()) {
    if (work_.empty()) {
      mutex_.Wait(wake_);
      continue;
    }
    Work work;
    std::swap(work, work_);
    mutex_.Unlock();
    Process(work);
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace ringkv::storage
