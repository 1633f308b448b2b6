// SPDX-License-Identifier: MIT
// The origin of requests: on whose behalf they are executed, and what may become of them.
#pragma once

#include "resp/reply_writer.h"

namespace ringkv::server {

struct ExecutionParts;
class Session;
struct ThreadState;

// All references must outlive the execution.
struct Caller {
  const ExecutionParts& parts;
  ThreadState& thread;  // the calling one's own; the time of its transaction is that of the request
  Session& session;     // of the client
  resp::ReplyWriter& reply;
  resp::ReplyWriter* pushes = nullptr;  // for what is sent in any case, if that is separate from the reply
  bool may_wait = false;                // the client can be answered later
  bool may_ask_others = true;           // with cluster-redirect proxy: Elsewhere is an outcome, instead of an error
  bool is_accounted = true;             // as a call of the command
};

}  // namespace ringkv::server
