// SPDX-License-Identifier: MIT
// Queueing after MULTI, and EXEC.
#pragma once

#include <functional>

#include "server/command/command.h"

namespace ringkv::server {

// Queues the request, or refuses it if it may not be queued.
void Enqueue(Execution& execution);

// Runs all queued commands in one transaction, which locks their keys and the watched keys.
void RunQueued(AdminCall& call);

// Runs `work` when no locks of data are held: at once, or after EXEC has released its locks.
void AfterUnlock(AdminCall& call, std::function<void()> work);

}  // namespace ringkv::server
