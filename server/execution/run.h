// SPDX-License-Identifier: MIT
// Calls the handlers of commands.
#pragma once

#include <span>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

struct Caller;
struct CommandEntry;
struct Enclosing;
struct ExecutionParts;
struct Outcome;

// The call of a data command's handler.

DataCall MakeCall(const ExecutionParts& parts, storage::Txn& txn, std::span<const std::string_view> argv,
                  storage::DbIndex db, resp::ReplyWriter& reply);

// Runs a command inside another one, which holds the locks of its keys, and accounts for it. It was permitted and
// admitted by who calls this.
void RunEnclosed(const CommandEntry& entry, std::span<const std::string_view> argv, const Caller& caller,
                 server::Outcome& outcome, Enclosing& enclosing);

}  // namespace ringkv::server
