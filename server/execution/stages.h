// SPDX-License-Identifier: MIT
// The stages of an execution, in their order, and their shared state. A stage that refuses or redirects sets the
// outcome and returns false, which skips the following stages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/command/command_table.h"
#include "server/execution/caller.h"
#include "server/execution/enclosing.h"
#include "server/execution/execution_parts.h"
#include "server/execution/outcome.h"
#include "server/execution/request.h"
#include "server/session/session.h"
#include "server/session/thread_state.h"

namespace ringkv::server {

struct Execution {
  const Caller& caller;
  const Request& request;
  Outcome& outcome;
  const CommandEntry* entry = nullptr;  // set by the first stage
  uint32_t unmet = 0;                   // needs of the command that are not met
  bool was_asking = false;              // ASKING came before it
  uint64_t wait_generation = 0;         // of WaitingClients, before a blocking command is checked
  Enclosing* enclosing = nullptr;       // null: not inside another command
  bool has_run_queued = false;          // EXEC has run commands, whose errors are counted by themselves
  bool is_out_of_memory = false;        // maxmemory was exceeded when it was admitted
  uint64_t began = 0;                   // when its handler was called, in ticks
  bool was_shown = false;               // to the clients in MONITOR

  const ExecutionParts& parts() const { return caller.parts; }
  ThreadState& thread() const { return caller.thread; }
  Session& session() const { return caller.session; }
  resp::ReplyWriter& reply() const { return caller.reply; }
  std::span<const std::string_view> argv() const { return request.argv; }
  const Command& row() const { return *entry->row; }

  bool IsOutOfMemory() const { return is_out_of_memory || (enclosing != nullptr && enclosing->is_out_of_memory); }
  bool runs_queued() const { return entry != nullptr && row().Has(kRunsQueued); }
  // Whether it may be suspended while it holds locks: runs a script or function, by itself or, as EXEC, queued, or
  // sends keys inside EXEC.
  bool takes_turns() const { return row().Has(kRunsScript) || (runs_queued() && session().queue.takes_turns()); }
  bool MayWait() const { return caller.may_wait && enclosing == nullptr; }
  // Nothing has happened; the request is postponed, and will be executed like for the first time.
  bool Postpone(outcome::Postponed how = {}) const {
    session().is_asking = was_asking;
    outcome = how;
    return false;
  }
};

// --- find ---
bool FindCommand(Execution& execution);

// --- permit: whether the client may run the command at all; comes first, so that a refusal reveals nothing else ---
constexpr uint32_t kPermissions = kNeedsAuthentication | kNeedsDebugAllowed | kNeedsPermission;
// Refuses for unmet needs in kPermissions.
bool Permit(Execution& execution);
// Refuses what a subscriber of RESP2 may not run. redis-server asks this late, after the routing: so it is asked when
// the request is admitted here, or before other nodes are asked to run it.
bool PermitForSubscriber(Execution& execution);
// Refuses what a client in MONITOR, which Redis treats like a replica, may not run; asked likewise.
bool PermitForMonitor(Execution& execution);

// --- route: whether this node serves the keys ---
bool Route(Execution& execution);

// --- admit: whether the state of server and client allows the command now ---
// Refuses or postpones for other unmet needs.
bool Admit(Execution& execution);
// The error for a command that can't write, because what it writes would not reach the disk.
std::string DescribeDiskFailure(const ExecutionParts& parts);
// Whether the command would write to a key that is being sent to another server, or to all keys.
bool WritesToFencedKey(KeyFence& fence, const Command& row, std::span<const std::string_view> argv);

// Whether the request, or a command that it queued, may lock any data.
bool LocksAny(const Execution& execution);
// For how long others hold data that the request would lock.
storage::Hold HoldOn(const Execution& execution);
// Likewise that a call of a script would lock, beside what its transaction holds.
storage::Hold HoldOn(storage::Txn& txn, const Command& row, std::span<const std::string_view> argv);
// The error for a request that needs what is overdue.
std::string_view BusyError(const ExecutionParts& parts);

// --- lock, run ---
// False, and nothing is locked, if a key is held for long and the thread serves clients.
bool LockKeysOf(const Command& row, std::span<const std::string_view> argv, storage::Txn& txn);
// Likewise; the key of a prepared request needs no search.
inline bool LockKeys(const Command& row, const Request& request, storage::Txn& txn) {
  if (!request.position || row.Has(kLocksItself)) return LockKeysOf(row, request.argv, txn);
  return txn.LockKey(request.argv[static_cast<size_t>(row.keys.first)], *request.position, !txn.skips_held());
}
// The keys are locked.
void Run(Execution& execution);
// Shows a request that runs a script to the clients in MONITOR, before the calls of the script.
void TellMonitorsOnce(Execution& execution);

// --- refusals ---
// Writes the error, counts it, and marks an open transaction as failed, or ends it if the command is EXEC.
// Always false.
bool Reject(Execution& execution, std::string_view error);
// Like Reject; for EXEC the reason follows EXECABORT.
bool Refuse(Execution& execution, std::string_view error);

}  // namespace ringkv::server
