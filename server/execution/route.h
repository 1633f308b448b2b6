// SPDX-License-Identifier: MIT
// Routing in a cluster: whether this node executes a request, by the slots of its keys.
#pragma once

#include <string>

#include "server/cluster/cluster_state.h"
#include "server/execution/execution_parts.h"
#include "server/execution/request.h"
#include "server/session/thread_state.h"

namespace ringkv::server {

struct WaitingRequest;

// The current view, cached by the thread.
inline const ClusterView& ViewOf(const ExecutionParts& parts, ThreadState& thread) {
  if (thread.cluster_version != parts.cluster.version()) {
    thread.cluster_version = parts.cluster.version();
    thread.cluster_view = parts.cluster.view();
  }
  return *thread.cluster_view;
}

// Whether the request has exactly one key, in a slot that is served here, and no slot lacks an owner. A fast path
// before Route.
inline bool IsServedHere(const Request& request, const ExecutionParts& parts, ThreadState& thread) {
  if (!request.position) return false;
  const ClusterView& view = ViewOf(parts, thread);
  return view.served[SlotAt(*request.position)] && !view.has_gap;
}

// What may empty a store must not do so while slots change hands: the keys would be gone here and come back there.
inline bool EmptiesAll(const Command& row) { return row.scope == Scope::kEverything && row.Is(kWrite); }

// The primary of this replica can't be reached, and reads are to be answered all the same.
bool StandsInForPrimary(const ClusterView& view, const ExecutionParts& parts);

// The redirect that a blocked client would get for its request now; empty while this node serves its keys.
std::string WhyNotServedHere(const WaitingRequest& request, const ExecutionParts& parts);

}  // namespace ringkv::server
