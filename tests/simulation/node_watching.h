// SPDX-License-Identifier: MIT
// How a cluster's node in a simulation learns whether the others are there: drives its watch, with a connection to
// each.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/link/link.h"
#include "cluster/watch/node_watch.h"
#include "tests/simulation/cluster_node.h"
#include "tests/simulation/lent_link.h"

namespace ringkv::test {

class ClusterNode::Watch final : private cluster::NodeWatch::Owner {
 public:
  explicit Watch(ClusterNode& node) : node_(node) {}

  // The nodes of the topology may be others now.
  void LookAround() {
    std::vector<cluster::NodeWatch::Address> others;
    for (const cluster::Node& each : node_.topology_->nodes()) {
      if (each.id != node_.id()) others.push_back({each.id, each.host, each.port});
    }
    watch_.Watch(others, now());
    Turn();
  }
  void Disconnect(bool is_noticed) {
    for (const auto& [name, line] : std::exchange(lines_, {})) {
      if (line.port != nullptr) line.port->Close(is_noticed);
      watch_.NoteEnd(*line.link, {"the connection was closed"});
    }
  }
  // Whether all others answer.
  bool SeesAll() const {
    const std::map<std::string, cluster::NodeNews> news = watch_.news();
    return std::none_of(news.begin(), news.end(), [](const auto& each) { return each.second.has_failed; });
  }

 private:
  // A connection to another node.
  struct Line {
    uint64_t number = 0;  // of all that there were
    cluster::Link* link = nullptr;
    std::shared_ptr<Port> port;  // null: nobody is there
  };

  int64_t now() const { return node_.clock_.SteadyMs(); }

  void Turn() {
    const int64_t rest = node_.network_.stopped_until(node_.number_) - node_.timeline_.now();
    if (rest > 0) return TurnIn(rest);
    watch_.Work(now());
    for (const auto& [name, line] : lines_) {
      if (line.port != nullptr) line.port->Wake();
    }
    TurnIn(std::max<int64_t>(watch_.wake_at() - now(), 1));
  }
  void TurnIn(int64_t milliseconds) {
    node_.timeline_.After(milliseconds, [this, number = ++turn_, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired() && number == turn_) Turn();
    });
  }
  void End(const std::string& name, uint64_t number, const std::string& why) {
    const auto found = lines_.find(name);
    if (found == lines_.end() || found->second.number != number) return;
    cluster::Link& link = *found->second.link;
    lines_.erase(found);
    watch_.NoteEnd(link, {why});
  }

  // --- what the watch asks for, and says ---
  int64_t timeout_ms() const override { return 2 * kTimeoutMs; }
  std::vector<std::string> authentication() const override { return {}; }
  void Connect(const cluster::NodeWatch::Address& to, cluster::Link& link) override {
    Line& line = lines_[to.name];
    line = {.number = ++lines_so_far_, .link = &link, .port = nullptr};
    const auto end = [this, name = to.name, number = line.number](const std::string& why) { End(name, number, why); };
    line.port = node_.ConnectTo(to.port - 1, std::make_unique<LentLink>(link), end);
    if (line.port != nullptr) return;
    node_.timeline_.After(node_.timeline_.Between(1, 500), [end, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) end("nobody is there");
    });
  }
  void Close(cluster::Link& link) override {
    std::erase_if(lines_, [&](const auto& each) { return each.second.link == &link; });
  }
  void NoteFailure(const std::string& name, bool has_failed, const std::string&) override {
    node_.timeline_.Note(node_.number_, (has_failed ? "takes for failed: " : "hears again from ") + name);
  }
  void NoteRefusal(const std::string& name, const std::string& why) override { NoteError(name, why); }
  void NoteError(const std::string& name, const std::string& error) override {
    node_.owner_.Violate(node_.number_, name + " answers the watch: " + error);
  }

  ClusterNode& node_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, Line> lines_;  // by the name of the node
  uint64_t lines_so_far_ = 0;
  uint64_t turn_ = 0;
  cluster::NodeWatch watch_{*this};  // the first to go: its links are closed then
};

}  // namespace ringkv::test
