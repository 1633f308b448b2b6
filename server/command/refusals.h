// SPDX-License-Identifier: MIT
// Why a request is not executed now. Everything that says no stands here, in the order in which Redis asks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/command/command_table.h"

namespace ringkv::server {

enum class Verdict {
  kAllowed,
  kRefused,  // the error is written; an open transaction is marked as failed
  kWait,     // clients are paused: execute later
};

// Looks closer at needs that may not be met.
Verdict Refuse(const CommandEntry& entry, uint32_t unmet, Server& server, ThreadState& thread, Session& session,
               std::span<const std::string_view> argv, resp::ReplyWriter& reply);

// Writes the error, marks an open transaction as failed, or ends it if it is EXEC that is rejected, and counts it;
// `entry` is null for no known command.
void Reject(const CommandEntry* entry, std::string_view error, ThreadState& thread, Session& session,
            resp::ReplyWriter& reply);

void RefuseUnknown(Server& server, ThreadState& thread, Session& session, std::span<const std::string_view> argv,
                   resp::ReplyWriter& reply);
void RefuseArity(const CommandEntry& entry, ThreadState& thread, Session& session, resp::ReplyWriter& reply);

// Puts the request into the open transaction, or refuses if it may not be there.
void Enqueue(const CommandEntry& entry, Server& server, ThreadState& thread, Session& session,
             std::span<const std::string_view> argv, resp::ReplyWriter& reply);

}  // namespace ringkv::server
