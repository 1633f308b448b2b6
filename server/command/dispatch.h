// SPDX-License-Identifier: MIT
// From a request to its reply: look-up, refusals, MULTI's queue, locks, handler, bookkeeping.
#pragma once

#include <span>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/command/command.h"

namespace ringkv::server {

enum class Outcome {
  kDone,       // the reply is written
  kPostponed,  // nothing happened: ask again when the pause is over
};

// Executes one request. `thread` is the calling thread's own; its transaction's time is the request's time.
Outcome Dispatch(Server& server, ThreadState& thread, Session& session, std::span<const std::string_view> argv,
                 resp::ReplyWriter& reply);

// EXEC's work: everything queued, in one transaction over all keys.
void RunTransaction(AdminCall& call);

}  // namespace ringkv::server
