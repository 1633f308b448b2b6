// SPDX-License-Identifier: MIT
// MULTI's queue, and what EXEC does with it.
#pragma once

#include <functional>

#include "server/command/command.h"

namespace ringkv::server {

// Queues the request, or refuses it if it may not be queued.
void Enqueue(Execution& execution);

// EXEC's work: runs everything queued in one transaction that locks the keys of all of it, and those that are watched.
void RunQueued(AdminCall& call);

// Of a command inside of EXEC: does `work` when its locks are free.
void AfterUnlock(AdminCall& call, std::function<void()> work);

}  // namespace ringkv::server
