// SPDX-License-Identifier: MIT
// The runs of one thread that have been suspended. Those that have used up a turn go on in a thread beside it; those
// that can't leave theirs, for a slice each between the rounds of the event loop.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/base/client_links.h"
#include "server/scripts/long_run_thread.h"
#include "server/scripts/sliced_run.h"
#include "server/session/thread_state.h"

namespace ringkv::server {

class SlicedRuns {
 public:
  // `thread`: its number. `links` must outlive the object.
  // `aside`: the state of the thread beside it.
  SlicedRuns(ClientLinks& links, size_t thread, ThreadState* aside)
      : links_(links),
        thread_(thread),
        aside_(aside),
        long_run_thread_([this](auto... ended) { NoteLater(ended...); }) {}
  SlicedRuns(const SlicedRuns&) = delete;
  SlicedRuns& operator=(const SlicedRuns&) = delete;

  // There are as many as memory and the other work of the thread bear.
  bool is_full() const { return runs_.size() >= kMost; }
  // Takes over a run that has been suspended. `state`: of the thread; must outlive the object.
  void Add(std::unique_ptr<SlicedRun> run, SlicedRun::Progress progress, ThreadState& state);
  // From now on there is a thread beside this one.
  void StartMoving() { moves_ = aside_ != nullptr; }
  // Destroys it where nobody waits for that.
  void Discard(std::shared_ptr<void> what) {
    if (moves_) long_run_thread_.Discard(std::move(what));
  }
  // Goes on with those that wait for locks.
  void ResumeWaiting();
  // Calls `then` when those of now have ended, or are postponed.
  void After(std::function<void()> then);
  // Ends them in any case. False if some could not be undone: these stay in memory.
  [[nodiscard]] bool EndAll();

 private:
  static constexpr size_t kMost = 64;

  struct Suspended {
    std::unique_ptr<SlicedRun> run;
    uint64_t number;         // in the order of suspension
    bool is_aside = false;   // the other thread goes on with it
    bool waits = false;      // for locks; it goes on nowhere
    bool was_woken = false;  // by ResumeWaiting, since it went on
    bool is_postponed = false;
  };

  void Settle(Suspended& suspended, SlicedRun::Progress progress);
  // Has it go on later, beside this thread if it can.
  void Leave(Suspended& suspended);
  // By the thread beside this one.
  void NoteLater(uint64_t number, SlicedRun::Progress progress);
  // Null if it has been removed.
  Suspended* Find(uint64_t number);
  // One goes on in each round of the event loop, however many there are.
  void ResumeLater(Suspended& suspended);
  void PostNext();
  void ResumeNext();
  void Resume(uint64_t number);
  void Remove(uint64_t number);
  bool HasOverdue() const;
  void CallAfter();

  ClientLinks& links_;
  const size_t thread_;
  ThreadState* state_ = nullptr;
  ThreadState* const aside_;
  bool moves_ = false;
  std::vector<std::unique_ptr<Suspended>> runs_;
  std::deque<uint64_t> ready_;  // in the order of their turns
  bool is_posted_ = false;      // ResumeNext
  uint64_t next_number_ = 0;
  std::vector<std::pair<uint64_t, std::function<void()>>> after_;  // with the number of the first run not meant
  LongRunThread long_run_thread_;
};

}  // namespace ringkv::server
