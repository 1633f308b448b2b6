// SPDX-License-Identifier: MIT
// In a cluster: whether a request is executed here, by the slots of its keys.
#pragma once

#include "resp/reply_writer.h"
#include "server/command/request.h"

namespace ringkv::server {

class Server;
class Session;
struct ThreadState;

// True when the reply says where else the request belongs, or that its keys don't belong together; an open transaction
// is marked as failed then, or, at EXEC, forgotten.
bool Redirect(const CommandEntry& entry, const Request& request, Server& server, ThreadState& thread, Session& session,
              resp::ReplyWriter& reply);

}  // namespace ringkv::server
