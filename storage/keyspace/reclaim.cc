// SPDX-License-Identifier: MIT
#include "storage/keyspace/reclaim.h"

#include "storage/allocator.h"

namespace ringkv::storage {

Reclaimer::~Reclaimer() { Stop(); }

void Reclaimer::Start() {
  MutexLock lock(mutex_);
  running_ = true;
  thread_ = std::thread([this] { Run(); });
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

void Reclaimer::Free(MutableEntry* entry) {
  {
    MutexLock lock(mutex_);
    if (running_) {
      pending_.fetch_add(1, std::memory_order_relaxed);
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

void Reclaimer::Free(std::vector<std::unique_ptr<Table>> tables) {
  {
    MutexLock lock(mutex_);
    if (!running_) return;  // freed with the argument
    for (std::unique_ptr<Table>& table : tables) {
      pending_.fetch_add(table->keys(), std::memory_order_relaxed);
      work_.tables.push_back(std::move(table));
    }
  }
  wake_.notify_one();
}

void Reclaimer::Process(Work& work) {
  for (MutableEntry* entry : work.entries) {
    MutableEntry::Free(entry);
    pending_.fetch_sub(1, std::memory_order_relaxed);
    freed_.fetch_add(1, std::memory_order_relaxed);
  }
  for (std::unique_ptr<Table>& table : work.tables) {
    const size_t keys = table->keys();
    table.reset();
    pending_.fetch_sub(keys, std::memory_order_relaxed);
    freed_.fetch_add(keys, std::memory_order_relaxed);
  }
  work = Work();
}

void Reclaimer::Run() NO_THREAD_SAFETY_ANALYSIS {
  CountMemoryOfThisThread();
  std::unique_lock lock(mutex_.native());
  while (running_ || !work_.entries.empty() || !work_.tables.empty()) {
    if (work_.entries.empty() && work_.tables.empty()) {
      wake_.wait(lock);
      continue;
    }
    Work work;
    std::swap(work, work_);
    lock.unlock();
    Process(work);
    lock.lock();
  }
}

}  // namespace ringkv::storage
