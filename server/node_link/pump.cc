// SPDX-License-Identifier: MIT
#include "server/node_link/pump.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "storage/snapshot/pace.h"

namespace ringkv::server {
namespace {

using cluster::Link;
using storage::Result;
using storage::Status;

// Sends as much as the socket takes at once.
Status SendWaiting(Link& link, PeerSocket& socket, const storage::Clock& clock) {
  for (;;) {
    const std::string_view bytes = link.ToSend();
    if (bytes.empty()) return {};
    const Result<size_t> sent = socket.SendSome(bytes);
    if (!sent) return tl::unexpected(sent.error());
    if (*sent == 0) return {};
    link.Sent(*sent, clock.SteadyMs());
  }
}

// One step: work, send, and receive, which waits if there is nothing to do.
Status Step(Link& link, PeerSocket& socket, const storage::Clock& clock, storage::Pace& pace) {
  const Result<Link::Next> next = link.Work(clock.SteadyMs());
  if (!next) return tl::unexpected(next.error());
  if (Status sent = SendWaiting(link, socket, clock); !sent) return sent;
  const bool is_blocked = !link.ToSend().empty();
  const bool waits = is_blocked || *next == Link::Next::kWait;
  const int64_t wait_ms = waits ? std::max<int64_t>(link.wake_at() - clock.SteadyMs(), 0) : 0;
  const std::span<char> room = link.Room();
  const Result<size_t> got = socket.Receive(room.data(), room.size(), wait_ms, is_blocked);
  if (!got) return tl::unexpected(got.error());
  if (*got > 0) {
    if (Status taken = link.Received(*got, clock.SteadyMs()); !taken) return taken;
  }
  if (*next == Link::Next::kRest) pace.Rest();
  return {};
}

}  // namespace

storage::Error Pump(Link& link, PeerSocket& socket, const storage::Clock& clock) {
  storage::Pace pace;
  Status going = link.Open(clock.SteadyMs());
  if (going) going = SendWaiting(link, socket, clock);
  while (going) going = Step(link, socket, clock, pace);
  return going.error();
}

}  // namespace ringkv::server
