// SPDX-License-Identifier: MIT
#include "tests/simulation/network.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace ringkv::test {

using cluster::Link;

std::shared_ptr<Wire> Network::Join(int from, int to) {
  ++*wires_;
  const std::shared_ptr<Wire> wire(new Wire, [wires = wires_](Wire* ended) {
    --*wires;
    delete ended;
  });
  wire->nodes[0] = from;
  wire->nodes[1] = to;
  wire->window = size_t{1} << timeline_.Between(6, 18);
  return wire;
}

void Network::CheckBounds(int node, const Link& link) {
  // More than is produced while something waits, and one message of those that fit into a run.
  constexpr size_t kMostBytes = 512 * 1024;
  const size_t waiting = link.waiting();
  const size_t unread = link.unread();
  if (waiting > kMostBytes) violate_(node, std::to_string(waiting) + " bytes wait to be sent on one connection");
  if (unread > kMostBytes) violate_(node, std::to_string(unread) + " bytes of one connection were received in vain");
}

Port::Port(Network& network, const storage::Clock& clock, std::unique_ptr<Link> link, OnEnd on_end)
    : network_(network), clock_(clock), link_(std::move(link)), on_end_(std::move(on_end)) {}

Port::~Port() { Close(true); }

void Port::Open(std::shared_ptr<Wire> wire, int side) {
  wire_ = std::move(wire);
  side_ = side;
  wire_->ends[side] = this;
  const storage::Status opened = link_->Open(clock_.SteadyMs());
  if (!opened) return End(opened.error().text);
  SendWaiting();
  Turn();
}

// --- the link's turns -----------------------------------------------------------------------------------------------

void Port::Turn() {
  Timeline& timeline = network_.timeline();
  if (has_ended_) return;
  if (network_.IsStopped(node())) return TurnLater(network_.stopped_until(node()) - timeline.now());
  while (!has_ended_) {
    const storage::Result<Link::Next> next = link_->Work(clock_.SteadyMs());
    if (!next) return End(next.error().text);
    SendWaiting();
    if (!has_ended_) network_.CheckBounds(node(), *link_);
    if (*next == Link::Next::kRest) return TurnLater(timeline.Between(0, 5));
    if (*next == Link::Next::kWait || !link_->ToSend().empty()) break;
  }
  if (!has_ended_) TurnLater(std::max<int64_t>(link_->wake_at() - clock_.SteadyMs(), 1));
}

void Port::Wake() { TurnLater(0); }

void Port::TurnLater(int64_t milliseconds) {
  constexpr int64_t kLongest = 1'000'000;
  const uint64_t turn = ++turn_;
  network_.timeline().After(std::min(milliseconds, kLongest), [port = weak_from_this(), turn] {
    const std::shared_ptr<Port> alive = port.lock();
    if (alive != nullptr && alive->turn_ == turn) alive->Turn();
  });
}

// --- bytes ----------------------------------------------------------------------------------------------------------

void Port::SendWaiting() {
  Timeline& timeline = network_.timeline();
  Wire::Direction& out = wire_->to[1 - side_];
  while (!has_ended_ && !link_->ToSend().empty() && out.in_flight.size() < wire_->window) {
    const std::string_view bytes = link_->ToSend();
    size_t count = std::min(bytes.size(), wire_->window - out.in_flight.size());
    if (timeline.Percent(10)) count = 1 + timeline.random().Below(count);
    out.in_flight += bytes.substr(0, count);
    link_->Sent(count, clock_.SteadyMs());
    const int64_t delay = timeline.Percent(5) ? timeline.Between(0, 200) : timeline.Between(0, 5);
    out.last_arrival = std::max(out.last_arrival, timeline.now() + delay);
    ScheduleDelivery(out.last_arrival, count);
  }
}

void Port::ScheduleDelivery(int64_t at, size_t count) {
  network_.timeline().After(at - network_.timeline().now(), [port = weak_from_this(), count] {
    if (const std::shared_ptr<Port> alive = port.lock()) alive->Deliver(count);
  });
}

// At the sender's end: so many of the bytes in flight arrive.
void Port::Deliver(size_t count) {
  if (has_ended_) return;
  Wire::Direction& out = wire_->to[1 - side_];
  if (network_.IsBlocked(node(), peer())) return ScheduleDelivery(network_.timeline().now() + 50, count);
  if (network_.IsStopped(peer())) return ScheduleDelivery(network_.stopped_until(peer()), count);
  std::string bytes = out.in_flight.substr(0, count);
  out.in_flight.erase(0, count);
  network_.timeline().Include(bytes);
  network_.timeline().Trace(
      peer(), [&] { return "gets " + std::to_string(bytes.size()) + " bytes from node " + std::to_string(node()); });
  const std::shared_ptr<Wire> kept = wire_;
  if (Port* other = wire_->ends[1 - side_]; other != nullptr) other->Take(std::move(bytes));
  if (!has_ended_ && !link_->ToSend().empty()) Wake();
}

void Port::Take(std::string bytes) {
  const std::shared_ptr<Port> kept = shared_from_this();
  for (std::string_view rest = bytes; !rest.empty() && !has_ended_;) {
    const std::span<char> room = link_->Room();
    size_t count = std::min(rest.size(), room.size());
    if (network_.timeline().Percent(10)) count = 1 + network_.timeline().random().Below(count);
    std::copy_n(rest.begin(), count, room.begin());
    rest.remove_prefix(count);
    const storage::Status taken = link_->Received(count, clock_.SteadyMs());
    if (!taken) return End(taken.error().text);
    if (!has_ended_) network_.CheckBounds(node(), *link_);
  }
  if (!has_ended_) Wake();
}

// --- the end --------------------------------------------------------------------------------------------------------

void Port::Close(bool is_noticed) {
  has_ended_ = true;
  if (wire_ == nullptr) return;
  const std::shared_ptr<Wire> wire = std::move(wire_);
  wire_ = nullptr;
  wire->ends[side_] = nullptr;
  Port* other = wire->ends[1 - side_];
  if (other == nullptr || !is_noticed) return;
  Timeline& timeline = network_.timeline();
  const std::string& unread = wire->to[1 - side_].in_flight;
  std::string last = unread.substr(0, timeline.random().Below(unread.size() + 1));
  timeline.After(timeline.Between(0, 20), [port = other->weak_from_this(), last = std::move(last)] {
    if (const std::shared_ptr<Port> alive = port.lock()) alive->PeerHasClosed(last);
  });
}

void Port::PeerHasClosed(const std::string& last_bytes) {
  if (has_ended_) return;
  if (network_.IsBlocked(peer(), node())) return;  // it hears nothing
  if (network_.IsStopped(node())) {
    const int64_t rest = network_.stopped_until(node()) - network_.timeline().now();
    return network_.timeline().After(rest, [port = weak_from_this(), last_bytes] {
      if (const std::shared_ptr<Port> alive = port.lock()) alive->PeerHasClosed(last_bytes);
    });
  }
  Take(last_bytes);
  End("the peer has closed the connection");
}

void Port::End(const std::string& why) {
  if (has_ended_) return;
  network_.timeline().Note(node(), "link to " + std::to_string(peer()) + " ends: " + why);
  Close(true);
  network_.timeline().After(0, [port = weak_from_this(), why] {
    if (const std::shared_ptr<Port> alive = port.lock()) alive->on_end_(why);
  });
}

}  // namespace ringkv::test
