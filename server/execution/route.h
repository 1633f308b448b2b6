// SPDX-License-Identifier: MIT
// In a cluster: whether a request is executed here, by the slots of its keys.
#pragma once

#include <string>

#include "server/cluster/cluster_state.h"
#include "server/execution/request.h"
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

// Whether the request has just one key, whose slot is served here. What it says no to, Route looks at closer.
inline bool IsServedHere(const Request& request, Server& server, ThreadState& thread) {
  return request.position && ViewOf(server, thread).served[SlotAt(*request.position)];
}

// What a client that waits for a key would be answered if it asked now: the error that names who serves the key, empty
// while it is this node.
std::string WhyNotServedHere(const WaitingRequest& request, Server& server);

}  // namespace ringkv::server
