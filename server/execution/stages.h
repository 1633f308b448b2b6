// SPDX-License-Identifier: MIT
// The stages of an execution, in their order, and what they share. A stage that refuses, or sends elsewhere, says so in
// the outcome and returns false: the next ones are left out.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "server/command/command_table.h"
#include "server/execution/execution.h"
#include "server/server.h"
#include "server/session/session.h"

namespace ringkv::server {

// What runs other commands and holds their locks.
struct Enclosing {
  std::vector<std::function<void()>> after_unlock;  // what they have put off
};

struct Execution {
  const Caller& caller;
  const Request& request;
  Outcome& outcome;
  const CommandEntry* entry = nullptr;  // set by the first stage
  uint32_t unmet = 0;                   // needs of the command that don't hold now
  uint64_t wait_generation = 0;         // of WaitingClients, before a blocking command was looked at
  Enclosing* enclosing = nullptr;       // null: not inside of another one

  Server& server() const { return caller.server; }
  ThreadState& thread() const { return caller.thread; }
  Session& session() const { return caller.session; }
  resp::ReplyWriter& reply() const { return caller.reply; }
  std::span<const std::string_view> argv() const { return request.argv; }
  const Command& row() const { return *entry->row; }

  bool runs_queued() const { return entry != nullptr && row().Has(kRunsQueued); }
  bool MayWait() const { return caller.may_wait && enclosing == nullptr; }
  // Nothing has happened; the request waits.
  bool Postpone() const {
    outcome = outcome::Postponed{};
    return false;
  }
};

// --- find ---
bool FindCommand(Execution& execution);

// --- permit: whether this client may do this at all; whoever may not learns nothing else ---
constexpr uint32_t kPermissions = kNeedsAuthentication | kNeedsDebugAllowed;
// Some of kPermissions are unmet.
bool Permit(Execution& execution);

// --- route: whether the keys are here ---
bool Route(Execution& execution);

// --- admit: whether the state of the server and of the client lets it run now ---
// Some needs are unmet.
bool Admit(Execution& execution);

// --- lock, run ---
void LockKeys(const Command& row, const Request& request, storage::Txn& txn);
// The keys are locked.
void Run(Execution& execution);

// --- whatever says no ---
// Writes the error, marks an open transaction as failed, or ends it if it is EXEC that is rejected, and counts it.
// Always false.
bool Reject(Execution& execution, std::string_view error);
// As Reject; what EXEC is refused for stands behind EXECABORT.
bool Refuse(Execution& execution, std::string_view error);

}  // namespace ringkv::server
