// SPDX-License-Identifier: MIT
#include "server/session/client_tracking.h"

#include <string>
#include <utility>

namespace ringkv::server {
namespace {

void ShowTracking(Session& session) {
  const TrackingMode& mode = session.tracking;
  ClientCard& card = *session.card;
  card.tracks = mode.is_on;
  card.tracks_prefixes = mode.is_broadcast;
  card.has_broken_redirect = mode.is_broken;
  card.redirect = mode.is_on ? static_cast<int64_t>(mode.redirect) : -1;
}

}  // namespace

void BeginTracking(Session& session, ThreadState& thread, Tracking& tracking, TrackingMode mode,
                   std::shared_ptr<const ClientCard> redirect, std::span<const std::string_view> prefixes) {
  const bool is_first = !session.tracking.is_on;
  const uint64_t client = session.card->id;
  mode.is_on = true;
  mode.is_caching = session.tracking.is_caching;
  mode.self = TrackerOf(session.card->thread, client);
  mode.Update();
  session.tracking = mode;
  session.redirect = std::move(redirect);
  if (is_first) {
    thread.trackers.Add(client);
    tracking.Begin(mode);
  }
  for (const std::string_view prefix : prefixes) {
    const auto [added, is_new] = session.tracked_prefixes.emplace(prefix);
    if (!is_new) continue;
    session.tracked_bytes += Subscriptions::BytesOf(*added);
    thread.trackers.AddPrefix(*added, client);
    tracking.AddPrefix(*added);
  }
  ShowTracking(session);
}

void EndTracking(Session& session, ThreadState& thread, Tracking& tracking) {
  if (!session.tracking.is_on) return;
  const uint64_t client = session.card->id;
  for (const std::string& prefix : session.tracked_prefixes) {
    thread.trackers.RemovePrefix(prefix, client);
    tracking.RemovePrefix(prefix);
  }
  thread.trackers.Remove(client);
  tracking.End(session.tracking);
  session.tracked_prefixes.clear();
  session.tracked_bytes = 0;
  session.redirect.reset();
  session.tracking = {};
  ShowTracking(session);
}

void NoteBrokenRedirect(Session& session) {
  session.tracking.is_broken = true;
  session.card->has_broken_redirect = true;
}

}  // namespace ringkv::server
