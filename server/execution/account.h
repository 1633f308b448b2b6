// SPDX-License-Identifier: MIT
// The accounting of an execution: statistics, latency, slow log, MONITOR. As in Redis, a blocked command is counted as
// a call with its time when it blocks. Its latency, slow log entry and failure are recorded when it is served. CLIENT
// UNBLOCK makes it a failed call, with an error or without; a timeout or the end of the connection records nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "server/command/command_table.h"
#include "server/execution/execution_parts.h"
#include "server/session/thread_state.h"

namespace ringkv::server {

struct LateAnswer;
struct WaitingRequest;

struct Finished {
  const CommandEntry& entry;
  std::span<const std::string_view> argv;
  storage::DbIndex db;
  const ClientCard& client;
  uint64_t nanoseconds;
  uint64_t reply_bytes;
  std::optional<std::string_view> error;  // its code, as CountError takes it
  bool waits;
  bool is_shown_later = false;  // to monitors, by whoever goes on with it
};

// Shows a request to the clients in MONITOR, unless its command is of administrators.
void TellMonitors(const ExecutionParts& parts, const Command& row, std::span<const std::string_view> argv,
                  storage::DbIndex db, const ClientCard& client);

// Accounts for a handler that has returned. Called by its thread.
void Account(const ExecutionParts& parts, ThreadState& thread, const Finished& finished);

// Accounts for a blocked client that is answered; `spent`: nanoseconds of its command before it blocked. Called by the
// client's thread.
void AccountWait(const ExecutionParts& parts, ThreadState& thread, const WaitingRequest& request, uint64_t spent,
                 const LateAnswer& answer);

// Accounts for a client that CLIENT UNBLOCK has unblocked; `spent` as above.
void AccountUnblock(const ExecutionParts& parts, ThreadState& thread, const CommandEntry& command, uint64_t spent);

}  // namespace ringkv::server
