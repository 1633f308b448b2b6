// SPDX-License-Identifier: MIT
// The queue of groups of effects between transactions and the log writer. It assigns LSNs.
//
// A transaction appends while it holds the locks of all partitions that it changed, so groups are in the order of
// changes of every key, and a thread with a partition's lock sees exactly the groups up to `appended` in it.
//
// Unrecorded changes take one LSN together when recording begins. So no two states have the same LSN, and groups from
// before such changes never connect to groups after them.
//
// Threads: guarded; its lock is taken after those of partitions.
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
  // Without recording, transactions do not encode effects and LSNs do not advance.
  bool is_recording() const { return recording_.load(std::memory_order_relaxed); }
  void BeginRecording();
  void EndRecording() { recording_.store(false, std::memory_order_relaxed); }
  // Whether there were unrecorded changes within this period, as by clients of a writable replica.
  bool has_unrecorded() const { return has_unrecorded_.load(std::memory_order_relaxed); }
  // Notes an unrecorded change. Call with its partition locked.
  void NoteUnrecorded() {
    if (!has_unrecorded_.load(std::memory_order_relaxed)) has_unrecorded_.store(true, std::memory_order_relaxed);
  }
  // The number of recording periods; within one period every change has an LSN.
  uint64_t recording_periods() const { return periods_.load(std::memory_order_relaxed); }

  // The LSN of the last group.
  Lsn appended() const { return appended_.load(std::memory_order_acquire); }
  // Sets the LSN of the store's state. No thread may append meanwhile.
  void StartBehind(Lsn last);
  // Assigns an LSN to unrecorded changes within a period. No thread may append meanwhile, and nothing may be left to
  // take.
  void NumberUnrecorded();

  // Returns the LSN of the group.
  Lsn Append(std::string_view effects);
  // Bytes that the writer has not taken yet.
  size_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }

  // Memory of those, and of what the writer has in hand: at no moment less than is allocated.
  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }
  // Reserves room for so many more bytes in `text`, whose memory counts in memory_bytes. `text` is one of the writer's.
  void MakeRoom(std::string* text, size_t more);
  // Likewise, frees the room that is not in use.
  void FreeRoom(std::string* text);

  struct Batch {
    Lsn first = 0;
    uint32_t groups = 0;
    std::string bytes;
  };
  // Moves all waiting groups into `batch`, and takes its memory for the next ones. False if there are none;
  // `batch.first` is the next LSN then.
  bool Take(Batch* batch);

  // A client waits for the appended groups: the writer should write them soon.
  void SetPrompt(bool prompt) { prompt_.store(prompt, std::memory_order_relaxed); }

  // Blocks the writer until Wake, a large amount of bytes, or the timeout.
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
  std::atomic<size_t> memory_bytes_{0};
  std::condition_variable work_;
  Mutex mutex_;
  std::string bytes_ GUARDED_BY(mutex_);
  uint32_t groups_ GUARDED_BY(mutex_) = 0;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool is_idle_ GUARDED_BY(mutex_) = false;  // the writer sleeps and there are no groups
};

}  // namespace ringkv::storage
