// SPDX-License-Identifier: MIT
#include "server/scripts/long_run_thread.h"

#include <chrono>
#include <utility>

#include "server/base/scheduling.h"
#include "server/observe/log.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

// Beside threads of clients that leave no processor free it still gets about a quarter of one: who waits for what a
// script holds waits for the script.
constexpr int kNice = 5;
// The shortest that Linux has.
constexpr std::chrono::microseconds kSlice{100};

}  // namespace

void LongRunThread::Add(uint64_t number, SlicedRun& run) {
  Put({.number = number, .run = &run, .was_overdue = run.is_overdue()});
}

void LongRunThread::Discard(std::shared_ptr<void> what) { Put({.discarded = std::move(what)}); }

void LongRunThread::Put(Entry entry) {
  {
    storage::MutexLock lock(mutex_);
    if (is_stopping_) return;
    ready_.push_back(std::move(entry));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_one();
}

void LongRunThread::Stop() {
  {
    storage::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LongRunThread::Run() {
  NameThisThread("scripts");
  storage::CountMemoryOfThisThread();
  RunInSlices(kSlice, kNice);
  Entry entry;
  while (Next(entry)) {
    entry.discarded.reset();
    if (entry.run != nullptr) Settle(entry, entry.run->Resume());
  }
}

bool LongRunThread::Next(Entry& next) {
  storage::MutexLock lock(mutex_);
  while (!is_stopping_ && ready_.empty()) mutex_.Wait(changed_);
  if (is_stopping_) return false;
  next = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

// A run that has ended or waits belongs to the I/O thread again as soon as it is told of.
void LongRunThread::Settle(Entry entry, SlicedRun::Progress progress) {
  if (progress != SlicedRun::Progress::kSuspended) return tell_(entry.number, progress);
  if (!entry.was_overdue && entry.run->is_overdue()) {
    entry.was_overdue = true;
    tell_(entry.number, progress);
  }
  storage::MutexLock lock(mutex_);
  ready_.push_back(std::move(entry));
}

}  // namespace ringkv::server
