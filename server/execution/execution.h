// SPDX-License-Identifier: MIT
// The execution of one request. Connections, HTTP, local parts of proxied requests and the link from Redis execute
// their requests here and differ in the arguments. Queued commands of EXEC and retries of blocked clients go through
// the later stages of the same path (transaction.h, retry.h).
#pragma once

#include <optional>
#include <span>

#include "resp/reply_writer.h"
#include "server/execution/outcome.h"
#include "server/execution/request.h"

namespace ringkv::server {

class Server;
class Session;
struct ThreadState;

// The origin of requests. All references must outlive the execution.
struct Caller {
  Server& server;
  ThreadState& thread;  // the calling one's own; the time of its transaction is that of the request
  Session& session;     // of the client
  resp::ReplyWriter& reply;
  resp::ReplyWriter* pushes = nullptr;  // for what is sent in any case, if that is separate from the reply
  bool may_wait = false;                // the client can be answered later
  bool may_ask_others = true;           // with cluster-redirect proxy: Elsewhere is an outcome, instead of an error
};

// Executes one request: find, permit, route, admit, lock, run, account. Whatever refuses it writes the error.
Outcome Execute(const Caller& caller, const Request& request);

// Looks up the commands of the next requests and prefetches the memory of their keys together, so that their cache
// misses overlap.
void Prepare(Server& server, ThreadState& thread, const Session& session, std::span<Request> requests);

// Executes the local part of a split request; returns the LSN that the reply depends on. None if it cannot be answered
// here now; then the reply must be discarded.
std::optional<storage::Lsn> ExecutePart(const Caller& caller, const ProxyPart& part);

}  // namespace ringkv::server
