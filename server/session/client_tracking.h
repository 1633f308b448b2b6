// SPDX-License-Identifier: MIT
// Begin and end of CLIENT TRACKING for a client, wherever it is noted: its session and card, its thread, the server.
// Called by the client's thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "server/session/session.h"
#include "server/session/thread_state.h"
#include "server/tracking/tracking.h"

namespace ringkv::server {

// The mode has what the client asked for; it replaces the client's, but prefixes are added. `redirect`: may be null.
void BeginTracking(Session& session, ThreadState& thread, Tracking& tracking, TrackingMode mode,
                   std::shared_ptr<const ClientCard> redirect, std::span<const std::string_view> prefixes);
void EndTracking(Session& session, ThreadState& thread, Tracking& tracking);
// The client that hears in its place is gone.
void NoteBrokenRedirect(Session& session);

}  // namespace ringkv::server
