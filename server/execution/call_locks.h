// SPDX-License-Identifier: MIT
// The locks of a command that another one calls, which did not know its keys when it began: a script's.
#pragma once

#include <span>
#include <string_view>

#include "server/command/command_table.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// Call before the command is run in `txn`, which belongs to the enclosing one. Locks what the command needs and is not
// locked yet, and prepares for its changes if it makes any. kLocked: run it. kHeldForLong: nothing has happened;
// suspend and call again. kMustRestart: Txn::Rollback, and run the enclosing command from its start after
// TryBeginIrrevocable.
storage::MoreLocks LockForCall(const CommandEntry& entry, std::span<const std::string_view> argv, storage::Txn& txn);

}  // namespace ringkv::server
