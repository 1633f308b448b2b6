// SPDX-License-Identifier: MIT
// Commands that take so long that other clients of their I/O thread would feel it. They go on on a thread for long
// work, with the locks that they have taken already, so that nothing comes in between; their clients wait for a late
// reply. What they lock is held for long meanwhile: requests that need the same partitions are postponed
// (docs/decisions/038-long-commands.md).
//
// The threads are started when they are needed first. A command that finds all of them busy is postponed, so that none
// holds locks while it waits for a thread. Only a transaction that is under way waits for one, because it can't let go
// of its locks any more.
//
// Threads: synchronised.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "server/command/command.h"
#include "server/execution/execution_parts.h"
#include "server/session/thread_state.h"
#include "server/session/watched_keys.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class LongWork {
 public:
  static constexpr size_t kThreads = 4;
  // Of DataCall::TakesLong: about a millisecond, as the first slice of a script.
  static constexpr uint64_t kMostSteps = 24'000;

  using Execute = void (*)(Execution& execution);

  // `states`: one for each thread. All of these must outlive the object. `execute`: runs a command that was taken over.
  // `on_thread`: called by each thread first.
  LongWork(const ExecutionParts& parts, WatchedKeys& watched_keys, std::span<const std::unique_ptr<ThreadState>> states,
           Execute execute, std::function<void()> on_thread);
  ~LongWork();
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

  // Takes over a command that has written and changed nothing; `has_looked`: but has looked for its keys. Sets the
  // outcome, which is that it is postponed if no thread is free. By a thread of clients, within Run.
  void Take(Execution& execution, bool has_looked);
  // Does this work on the thread that is free next.
  void Do(std::function<void()> work);
  // Frees the object, which may take long, if nobody else has it.
  void FreeLater(std::shared_ptr<void> object);
  // Calls `then` when the commands of now have ended, by this thread or one of them.
  void After(std::function<void()> then);
  // Ends the threads after their current commands.
  void Stop();

 private:
  struct Command;
  struct Job {
    uint64_t number = 0;
    std::function<void(ThreadState& thread)> run = nullptr;
  };

  void RunThread(size_t index);
  // Nothing at the end.
  std::optional<Job> Next(size_t index);
  void RunCommand(Command& command, ThreadState& thread);
  // Whether somebody who needs many keys has waited for too long, while holds came and went.
  bool GivesWay() const;
  // Reserves a thread for one command. False if none is free.
  bool Reserve();
  uint64_t OldestUnderWay() const REQUIRES(mutex_);
  // A thread is reserved for it.
  void Add(std::function<void(ThreadState& thread)> run) REQUIRES(mutex_);
  void StartThread() REQUIRES(mutex_);
  // Notes that the thread's command has ended, and calls what that was awaited for.
  void NoteEnd(size_t index);

  const ExecutionParts& parts_;
  WatchedKeys& watched_keys_;
  const std::span<const std::unique_ptr<ThreadState>> states_;
  const Execute execute_;
  const std::function<void()> on_thread_;
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<void>> to_free_ GUARDED_BY(mutex_);
  size_t reserved_ GUARDED_BY(mutex_) = 0;  // threads with a command, or reserved for one
  bool has_refused_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  uint64_t next_number_ GUARDED_BY(mutex_) = 1;
  std::array<uint64_t, kThreads> under_way_ GUARDED_BY(mutex_) = {};  // the number of each thread's command; 0: none
  std::vector<std::pair<uint64_t, std::function<void()>>> after_ GUARDED_BY(mutex_);  // with the first number not meant
};

}  // namespace ringkv::server
