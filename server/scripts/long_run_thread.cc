// SPDX-License-Identifier: MIT
#include "server/scripts/long_run_thread.h"

#include <chrono>
#include <utility>

#include "server/base/scheduling.h"
#include "server/observe/log.h"
#include "storage/base/allocator.h"

namespace ringkv::server {
namespace {

// Of the first thread: whoever wakes on its processor runs at once.
constexpr int kBackgroundNice = 19;
// Of the second, which would inherit the niceness of the first if that began it: beside threads of clients that leave
// no processor free it still gets about a quarter of one. Its slices are the shortest that Linux has.
constexpr int kBoostedNice = 5;
constexpr std::chrono::microseconds kBoostedSlice{100};
// Beside busy processes the first may not even wake for seconds.
constexpr std::chrono::milliseconds kWakesWithin{2};

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
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { Run(Priority::kBackground); });
    boosted_thread_ = std::thread([this] { Run(Priority::kBoosted); });
  }
  changed_.notify_all();
}

void LongRunThread::Stop() {
  {
    storage::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (boosted_thread_.joinable()) boosted_thread_.join();
}

void LongRunThread::Run(Priority priority) {
  const bool is_boosted = priority == Priority::kBoosted;
  NameThisThread(is_boosted ? "scripts-boosted" : "scripts");
  storage::CountMemoryOfThisThread();
  is_boosted ? RunInSlices(kBoostedSlice, kBoostedNice) : RunInSlices({}, kBackgroundNice);
  ShareOfProcessor share;
  Entry entry;
  while (Next(priority, entry)) {
    share.BeginTurn();
    entry.discarded.reset();
    if (entry.run != nullptr) Settle(entry, entry.run->Resume());
    if (share.EndTurn() && !is_boosted) Boost();
  }
}

void LongRunThread::Boost() {
  {
    storage::MutexLock lock(mutex_);
    priority_ = Priority::kBoosted;
  }
  changed_.notify_all();
}

bool LongRunThread::Next(Priority priority, Entry& next) {
  storage::MutexLock lock(mutex_);
  const bool is_boosted = priority == Priority::kBoosted;
  if (is_boosted && ready_.empty()) priority_ = Priority::kBackground;
  if (!is_boosted) has_turn_ = false;
  while (!is_stopping_ && (ready_.empty() || priority_ != priority)) {
    const bool watches = is_boosted && !ready_.empty() && !has_turn_;
    watches ? WaitForOther() : mutex_.Wait(changed_);
  }
  if (is_stopping_) return false;
  next = std::move(ready_.front());
  ready_.pop_front();
  ++turns_;
  if (!is_boosted) has_turn_ = true;
  return true;
}

void LongRunThread::WaitForOther() {
  const uint64_t before = turns_;
  const auto until = std::chrono::steady_clock::now() + kWakesWithin;
  while (!is_stopping_ && turns_ == before && mutex_.WaitUntil(changed_, until)) continue;
  if (turns_ == before && !has_turn_ && !ready_.empty()) priority_ = Priority::kBoosted;
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
