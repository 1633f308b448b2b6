// SPDX-License-Identifier: MIT
// The books of an execution: statistics, latency, the slow log, MONITOR. What waits is entered when it begins to, as
// calls and time; its latency, and whether it was slow or has failed, when it ends. So does Redis.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/command/command_table.h"
#include "server/server.h"

namespace ringkv::server {

struct LateAnswer;
struct WaitingRequest;

struct Finished {
  const CommandEntry& entry;
  std::span<const std::string_view> argv;
  storage::DbIndex db;
  const ClientCard& client;
  uint64_t nanoseconds;
  std::string_view error;  // its code; empty: none
  bool waits;
};

// A handler has returned. Called by the thread that has run it.
void Account(Server& server, ThreadState& thread, const Finished& finished);

// A client that waited since `spent` nanoseconds of its command were over is answered. Called by the client's thread.
void AccountWait(Server& server, ThreadState& thread, const WaitingRequest& request, uint64_t spent,
                 const LateAnswer& answer);

}  // namespace ringkv::server
