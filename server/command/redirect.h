// SPDX-License-Identifier: MIT
// In a cluster: whether a request is executed here, by the slots of its keys.
#pragma once

#include "resp/reply_writer.h"
#include "server/cluster/cluster_state.h"
#include "server/command/request.h"
#include "server/server.h"

namespace ringkv::server {

// The view of now, kept by the thread.
inline const ClusterView& ViewOf(Server& server, ThreadState& thread) {
  if (thread.cluster_version != server.cluster().version()) {
    thread.cluster_version = server.cluster().version();
    thread.cluster_view = server.cluster().view();
  }
  return *thread.cluster_view;
}

// Whether the request has just one key, whose slot is served here. What it says no to, Redirect looks at closer.
inline bool IsServedHere(const Request& request, Server& server, ThreadState& thread) {
  return request.position && ViewOf(server, thread).served[SlotAt(*request.position)];
}

enum class Redirection : uint8_t {
  kHere,
  kReplied,    // it says where else the request belongs, or that its keys don't belong together; an open transaction is
               // marked as failed, or, at EXEC, forgotten
  kElsewhere,  // other nodes have to be asked, as the session's plan says
  kWait,       // nothing happened: the slot changes hands in this moment
};

// What a client that waits for a key would be answered if it asked now: the error that names who serves the key, empty
// while it is this node.
std::string WhyNotServedHere(const WaitingRequest& request, Server& server);

Redirection Redirect(const CommandEntry& entry, const Request& request, Server& server, ThreadState& thread,
                     Session& session, resp::ReplyWriter& reply);

}  // namespace ringkv::server
