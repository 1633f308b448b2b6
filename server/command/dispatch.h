// SPDX-License-Identifier: MIT
// From a request to its reply: look-up, refusals, MULTI's queue, locks, handler, bookkeeping.
#pragma once

#include <span>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/command/command.h"
#include "server/command/request.h"

namespace ringkv::server {

enum class DispatchOutcome {
  kDone,       // the reply is written
  kPostponed,  // nothing happened: ask again when the pause is over
  kElsewhere,  // nothing happened: other nodes are to be asked, as the session's plan says
};

// Looks up the commands of requests that will be executed next, and brings the memory of their keys near: what each
// request would wait for alone, several wait for together.
void Prepare(Server& server, ThreadState& thread, const Session& session, std::span<Request> requests);

// Executes one request. `thread` is the calling thread's own; its transaction's time is the request's time.
DispatchOutcome Dispatch(Server& server, ThreadState& thread, Session& session, const Request& request,
                         resp::ReplyWriter& reply);

// EXEC's work: everything queued, in one transaction over all keys.
void RunTransaction(AdminCall& call);

}  // namespace ringkv::server
