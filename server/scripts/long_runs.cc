// SPDX-License-Identifier: MIT
#include "server/scripts/long_runs.h"

#include <algorithm>

#include "server/command/error_replies.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kNotBusy = "NOTBUSY No scripts in execution right now.";
constexpr std::string_view kHasWritten =
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script "
    "termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
constexpr std::string_view kIsReplicated =
    "UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be killed.";

}  // namespace

void LongRuns::Add(ScriptRun& run) {
  storage::MutexLock lock(mutex_);
  runs_.push_back(&run);
}

void LongRuns::Remove(ScriptRun& run) {
  storage::MutexLock lock(mutex_);
  std::erase(runs_, &run);
}

const ScriptRun* LongRuns::FirstOverdue() const {
  const auto found = std::find_if(runs_.begin(), runs_.end(), [](const ScriptRun* run) { return run->is_overdue(); });
  return found == runs_.end() ? nullptr : *found;
}

std::optional<LongRuns::Running> LongRuns::OldestFunction() const {
  storage::MutexLock lock(mutex_);
  const auto oldest = std::find_if(runs_.begin(), runs_.end(), [](const ScriptRun* run) { return run->is_function(); });
  if (oldest == runs_.end()) return std::nullopt;
  const ScriptRun& run = **oldest;
  return Running{std::string(run.name()), run.CommandWords(), static_cast<int64_t>(run.Nanoseconds() / 1'000'000)};
}

std::string_view LongRuns::BusyError() const {
  storage::MutexLock lock(mutex_);
  const ScriptRun* const overdue = FirstOverdue();
  if (overdue == nullptr) return {};
  return overdue->is_function() ? errors::kBusyWithFunction : errors::kBusyWithScript;
}

void LongRuns::KillAll() {
  storage::MutexLock lock(mutex_);
  for (ScriptRun* run : runs_) run->Kill();
}

// Those that keep clients waiting for too long are meant; while there are none, whatever takes long.
std::string_view LongRuns::Kill(bool functions) {
  storage::MutexLock lock(mutex_);
  if (runs_.empty()) return kNotBusy;
  const bool has_overdue = FirstOverdue() != nullptr;
  // If all of them are of the other kind, and could be killed.
  std::string_view error = functions ? errors::kBusyWithScript : errors::kBusyWithFunction;
  bool has_killed = false;
  for (ScriptRun* run : runs_) {
    if (has_overdue && !run->is_overdue()) continue;
    const bool is_meant = run->is_function() == functions;
    switch (is_meant ? run->Kill() : run->MayKill()) {
      case ScriptRun::Killed::kYes: has_killed = has_killed || is_meant; break;
      case ScriptRun::Killed::kHasWritten: error = kHasWritten; break;
      case ScriptRun::Killed::kIsReplicated: error = kIsReplicated; break;
    }
  }
  return has_killed ? std::string_view() : error;
}

}  // namespace ringkv::server
