// SPDX-License-Identifier: MIT
// Routing in a cluster: whether this node executes a request, by the slots of its keys.
#pragma once

#include <string>

#include "server/cluster/cluster_state.h"
#include "server/execution/request.h"
#include "server/server.h"

namespace ringkv::server {

// The current view, cached by the thread.
inline const ClusterView& ViewOf(Server& server, ThreadState& thread) {
  if (thread.cluster_version != server.cluster().version()) {
    thread.cluster_version = server.cluster().version();
    thread.cluster_view = server.cluster().view();
  }
  return *thread.cluster_view;
}

// Whether the request has exactly one key, in a slot that is served here. A fast path before Route.
inline bool IsServedHere(const Request& request, Server& server, ThreadState& thread) {
  return request.position && ViewOf(server, thread).served[SlotAt(*request.position)];
}

// The redirect that a blocked client would get for its request now; empty while this node serves its keys.
std::string WhyNotServedHere(const WaitingRequest& request, Server& server);

}  // namespace ringkv::server
