// SPDX-License-Identifier: MIT
// Administrative commands that change the role of the server or write its files. They take locks under which others
// wait for data, which a script may hold for as long as it likes, or take long themselves. So no thread of clients does
// their work: threads of their own do, and the client is answered when it is done (see administer.h).
//
// Threads: synchronised.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>

#include "storage/base/mutex.h"

namespace ringkv::server {

class Administration {
 public:
  // The work of a lane is done in the order in which it was asked for.
  enum class Lane : uint8_t {
    kRoles,      // REPLICAOF, FAILOVER, CLUSTER RELOAD
    kFiles,      // SAVE
    kLibraries,  // the codes of libraries of functions, which others have accepted
  };

  Administration() = default;
  ~Administration() { Stop(); }
  Administration(const Administration&) = delete;
  Administration& operator=(const Administration&) = delete;

  // Does the work soon. What waits is bounded by the callers: one piece of work for each client.
  void Do(Lane lane, std::function<void()> work);
  // Returns when the work that has begun is done; nothing else is done any more.
  void Stop();

 private:
  struct Worker {
    std::deque<std::function<void()>> work;
    std::thread thread;  // begins with the first work
  };

  void Run(Worker& worker);
  // False at the end.
  bool Next(Worker& worker, std::function<void()>& work);

  storage::Mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::array<Worker, 3> workers_ GUARDED_BY(mutex_);  // by lane
};

}  // namespace ringkv::server
