// SPDX-License-Identifier: MIT
// A simulated network: connections deliver bytes in pieces, late, and end at any byte. Between two nodes nothing may
// pass for a while, in one direction or in both.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "cluster/link/link.h"
#include "storage/base/clock.h"
#include "tests/simulation/timeline.h"

namespace ringkv::test {

class Port;

// A connection. Its ends are ports, or null once they were closed.
struct Wire {
  struct Direction {
    std::string in_flight;
    int64_t last_arrival = 0;
  };
  int nodes[2] = {};
  Port* ends[2] = {};
  Direction to[2];    // towards that end
  size_t window = 0;  // the most bytes in flight
};

class Network {
 public:
  // `violate(node, what)`: a connection does what none may do.
  using Violate = std::function<void(int node, const std::string& what)>;
  Network(Timeline& timeline, Violate violate) : timeline_(timeline), violate_(std::move(violate)) {}

  Timeline& timeline() { return timeline_; }
  void CheckBounds(int node, const cluster::Link& link);
  void Block(int from, int to) { blocked_.insert({from, to}); }
  void HealAll() { blocked_.clear(); }
  bool IsBlocked(int from, int to) const { return blocked_.contains({from, to}); }
  std::shared_ptr<Wire> Join(int from, int to);
  // Connections that at least one side has not closed.
  size_t wires() const { return *wires_; }

  // The process of a node stands still until then: bytes for it wait.
  void Stop(int node, int64_t until) { stopped_until_[node] = until; }
  int64_t stopped_until(int node) const {
    const auto found = stopped_until_.find(node);
    return found == stopped_until_.end() ? 0 : found->second;
  }
  bool IsStopped(int node) const { return stopped_until(node) > timeline_.now(); }

 private:
  Timeline& timeline_;
  const Violate violate_;
  const std::shared_ptr<size_t> wires_ = std::make_shared<size_t>(0);
  std::map<int, int64_t> stopped_until_;
  std::set<std::pair<int, int>> blocked_;
};

// One end of a connection with the link that it serves: the pump of a simulation.
class Port : public std::enable_shared_from_this<Port> {
 public:
  using OnEnd = std::function<void(const std::string& why)>;
  // All references must outlive the port. `on_end` is called from an event of its own.
  Port(Network& network, const storage::Clock& clock, std::unique_ptr<cluster::Link> link, OnEnd on_end);
  ~Port();

  void Open(std::shared_ptr<Wire> wire, int side);
  // The link may have more to do.
  void Turn();
  // Soon.
  void Wake();
  // Closes the connection; the other side learns of it, unless the machine has gone.
  void Close(bool is_noticed);
  cluster::Link& link() { return *link_; }
  bool has_ended() const { return has_ended_; }

 private:
  int node() const { return wire_->nodes[side_]; }
  int peer() const { return wire_->nodes[1 - side_]; }
  void TurnLater(int64_t milliseconds);
  void SendWaiting();
  void Deliver(size_t count);
  void ScheduleDelivery(int64_t at, size_t count);
  void Take(std::string bytes);
  void PeerHasClosed(const std::string& last_bytes);
  void End(const std::string& why);

  Network& network_;
  const storage::Clock& clock_;
  std::unique_ptr<cluster::Link> link_;
  OnEnd on_end_;
  std::shared_ptr<Wire> wire_;
  int side_ = 0;
  bool has_ended_ = false;
  uint64_t turn_ = 0;  // the number of the newest turn that was scheduled
};

}  // namespace ringkv::test
