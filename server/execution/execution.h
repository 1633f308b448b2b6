// SPDX-License-Identifier: MIT
// The execution of one request. Connections, HTTP, local parts of proxied requests and the link from Redis execute
// their requests here and differ in the arguments. Queued commands of EXEC and retries of blocked clients go through
// the later stages of the same path (transaction.h, retry.h).
#pragma once

#include <optional>
#include <span>

#include "server/execution/caller.h"
#include "server/execution/outcome.h"
#include "server/execution/request.h"

namespace ringkv::server {

class Session;

// Executes one request: find, permit, route, admit, lock, run, account. Whatever refuses it writes the error.
Outcome Execute(const Caller& caller, const Request& request);

// Looks up the commands of the next requests and prefetches the memory of their keys together, so that their cache
// misses overlap.
void Prepare(const ExecutionParts& parts, ThreadState& thread, const Session& session, std::span<Request> requests);

// Executes the local part of a split request; returns the LSN that the reply depends on. None if it cannot be answered
// here now; then the reply must be discarded.
std::optional<storage::Lsn> ExecutePart(const Caller& caller, const ProxyPart& part);

}  // namespace ringkv::server
