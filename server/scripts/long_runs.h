// SPDX-License-Identifier: MIT
// The runs that have been suspended: whoever waits for them, or wants to end them, finds them here.
//
// Threads: synchronised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/scripts/script_run.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class LongRuns {
 public:
  // The run can be killed from now on, until it is removed.
  void Add(ScriptRun& run);
  void Remove(ScriptRun& run);

  // SCRIPT KILL, or FUNCTION KILL. Returns the error; empty if some run will end, as soon as it goes on.
  std::string_view Kill(bool functions);
  // The function that has been suspended first, if there is one.
  struct Running {
    std::string name;
    std::vector<std::string> command;
    int64_t milliseconds = 0;
  };
  std::optional<Running> OldestFunction() const;
  void KillAll();
  // The error for requests that an overdue run keeps waiting; empty if no run has lasted longer than clients should be
  // kept waiting (busy-reply-threshold).
  std::string_view BusyError() const;

 private:
  // Null if there is none.
  const ScriptRun* FirstOverdue() const REQUIRES(mutex_);

  mutable storage::Mutex mutex_;
  std::vector<ScriptRun*> runs_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace ringkv::server
