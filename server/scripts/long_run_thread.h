// SPDX-License-Identifier: MIT
// The thread on which the runs that one I/O thread has suspended go on, so that the clients of the I/O thread don't
// wait for their slices. It is as nice as can be: where processors are few, threads of clients come first.
//
// Others wait for what a run holds, so it must not starve. A thread may not become less nice again, so there is a
// second one: it goes on instead while processors are so busy that the first gets too little of them, or does not wake.
//
// The runs stay the property of the I/O thread. One that is here is left alone there until it is told of.
//
// Threads: the functions are the I/O thread's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "server/scripts/sliced_run.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class LongRunThread {
 public:
  // Called by the thread when a run of this number has ended, or waits; or, once, has become overdue: kSuspended, and
  // it goes on.
  using Tell = std::function<void(uint64_t number, SlicedRun::Progress progress)>;

  explicit LongRunThread(Tell tell) : tell_(std::move(tell)) {}
  ~LongRunThread() { Stop(); }
  LongRunThread(const LongRunThread&) = delete;
  LongRunThread& operator=(const LongRunThread&) = delete;

  // Goes on with the run, in turns with the others that are here. The run must live until it is told of, or Stop.
  void Add(uint64_t number, SlicedRun& run);
  // Destroys what takes long to destroy.
  void Discard(std::shared_ptr<void> what);
  // Returns when no run goes on any more; those that are here stay as they are.
  void Stop();

 private:
  struct Entry {
    uint64_t number = 0;
    SlicedRun* run = nullptr;  // null: there is something to discard
    bool was_overdue = false;
    std::shared_ptr<void> discarded = nullptr;
  };

  enum class Priority : uint8_t { kBackground, kBoosted };

  void Put(Entry entry);
  void Run(Priority priority);
  // Waits until there is a turn for the thread of this priority. False at the end.
  bool Next(Priority priority, Entry& next);
  // By the second: until the first has begun a turn, or should have.
  void WaitForOther() REQUIRES(mutex_);
  void Settle(Entry entry, SlicedRun::Progress progress);
  // From now on, until there are no more runs, the second thread goes on with them.
  void Boost();

  const Tell tell_;
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> ready_ GUARDED_BY(mutex_);                    // in the order of their turns
  Priority priority_ GUARDED_BY(mutex_) = Priority::kBackground;  // of the thread whose turn it is
  uint64_t turns_ GUARDED_BY(mutex_) = 0;                         // that have begun
  bool has_turn_ GUARDED_BY(mutex_) = false;                      // the first thread
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // both begin with the first run
  std::thread boosted_thread_;
};

}  // namespace ringkv::server
