// SPDX-License-Identifier: MIT
// The origin of requests: on whose behalf they are executed, and what may become of them.
#pragma once

#include "resp/reply_writer.h"
#include "server/session/thread_state.h"

namespace ringkv::server {

struct ExecutionParts;
class Session;

// All references must outlive the execution.
struct Caller {
  const ExecutionParts& parts;
  ThreadState& thread;  // the calling one's own; the time of its transaction is that of the request
  Session& session;     // of the client
  resp::ReplyWriter& reply;
  resp::ReplyWriter* pushes = nullptr;  // for what is sent in any case, if that is separate from the reply
  bool may_wait = false;                // the client can be answered later
  bool may_ask_others = true;           // with cluster-redirect proxy: Elsewhere is an outcome, instead of an error
  // Likewise, and a thread for long work may take the command over. Inside of another command: one that takes long is
  // postponed, and run again where it may take its time.
  bool may_hand_over = false;
  bool is_accounted = true;         // as a call of the command
  storage::Txn* own_txn = nullptr;  // of a script, which may outlast the turn of its thread; null: the thread's

  storage::Txn& txn() const { return own_txn != nullptr ? *own_txn : thread.txn; }
};

}  // namespace ringkv::server
