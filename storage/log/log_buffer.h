// SPDX-License-Identifier: MIT
// Groups of effects on their way from the transactions to the log writer. Here they get their LSN.
//
// A transaction appends while it holds the locks of all partitions that it changed, so the order of groups is the order
// of changes on every key, and whoever holds a partition's lock sees exactly the groups up to `appended` in it.
//
// Changes that nobody records take one number together, when recording begins again. So no two states have the same
// number, and groups from before such changes never seem to lead on to those behind them.
//
// Threads: guarded; its lock comes after those of partitions.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <string>
#include <string_view>

#include "storage/base/lsn.h"
#include "storage/base/mutex.h"

namespace ringkv::storage {

class LogBuffer {
 public:
  // While nobody records, transactions do not encode and LSNs do not move.
  bool is_recording() const { return recording_.load(std::memory_order_relaxed); }
  void BeginRecording();
  void EndRecording() { recording_.store(false, std::memory_order_relaxed); }
  // Whether changes were made within this period that were not recorded: a writable replica's own.
  bool has_unrecorded() const { return has_unrecorded_.load(std::memory_order_relaxed); }
  // A change is made that is not recorded. Its partition is locked.
  void NoteUnrecorded() {
    if (!has_unrecorded_.load(std::memory_order_relaxed)) has_unrecorded_.store(true, std::memory_order_relaxed);
  }
  // How often recording was begun: within one period every change has a number.
  uint64_t recording_periods() const { return periods_.load(std::memory_order_relaxed); }

  // The number of the last group.
  Lsn appended() const { return appended_.load(std::memory_order_acquire); }
  // The store is the state after group `last` from here on. While nobody appends.
  void StartBehind(Lsn last);

  // Returns the LSN of the group.
  Lsn Append(std::string_view effects);
  // Bytes that wait to be taken.
  size_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }

  struct Batch {
    Lsn first = 0;
    uint32_t groups = 0;
    std::string bytes;
  };
  // Everything that waits; `batch` is used again. False if there is nothing: then `first` says what comes next.
  bool Take(Batch* batch);

  // Somebody waits for what is appended: the writer should not sleep on it for more than a moment.
  void SetPrompt(bool prompt) { prompt_.store(prompt, std::memory_order_relaxed); }

  // The writer sleeps until somebody wakes it, much has come together, or the time is over.
  void WaitForWork(std::chrono::milliseconds most);
  void Wake();

 private:
  static constexpr size_t kWakeBytes = 1 << 20;
  static constexpr std::chrono::milliseconds kMoment{3};

  void Forget() REQUIRES(mutex_);

  std::atomic<bool> recording_{false};
  std::atomic<bool> has_unrecorded_{false};
  std::atomic<bool> prompt_{false};
  std::atomic<uint64_t> periods_{0};
  std::atomic<Lsn> appended_{0};
  std::atomic<size_t> pending_bytes_{0};
  std::condition_variable work_;
  Mutex mutex_;
  std::string bytes_ GUARDED_BY(mutex_);
  uint32_t groups_ GUARDED_BY(mutex_) = 0;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool is_idle_ GUARDED_BY(mutex_) = false;  // the writer sleeps with nothing to do
};

}  // namespace ringkv::storage
