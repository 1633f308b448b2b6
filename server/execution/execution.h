// SPDX-License-Identifier: MIT
// One request on its way to its reply. Connections, HTTP, parts of what a proxy was asked, the link from Redis: all
// have their requests executed here and differ by what they hand in. What EXEC has queued, and what a blocked client
// asks again, goes through the later stages of the same way (transaction.h, retry.h).
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

// Who has requests executed. All of it outlives the execution.
struct Caller {
  Server& server;
  ThreadState& thread;  // the calling one's own; the time of its transaction is that of the request
  Session& session;     // on whose behalf
  resp::ReplyWriter& reply;
  resp::ReplyWriter* pushes = nullptr;  // for what a subscriber is told, if the reply goes elsewhere
  bool may_wait = false;                // there is somebody who can be answered later
  bool may_ask_others = true;           // with cluster-redirect proxy: Elsewhere is an outcome, instead of an error
};

// Executes one request: find, permit, route, admit, lock, run, account. Whatever refuses it writes the error.
Outcome Execute(const Caller& caller, const Request& request);

// Looks up the commands of requests that will be executed next, and prefetches the memory of their keys: what each
// request would wait for alone, several wait for together.
void Prepare(Server& server, ThreadState& thread, const Session& session, std::span<Request> requests);

// A part of a request that was taken apart, whose keys are this node's own: executed here; the group that the reply
// depends on. None if it can't be answered here now: the reply is to be forgotten.
std::optional<storage::Lsn> ExecutePart(const Caller& caller, const ProxyPart& part);

}  // namespace ringkv::server
