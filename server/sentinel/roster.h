// SPDX-License-Identifier: MIT
// The nodes of a shard, from what this node and the others say of themselves, and which of them is the primary.
//
// The primary is who says that it is one, in the highest epoch and in none before that of the data here. A node that
// doesn't answer is taken for what it was.
// Without a primary that says so, it is who was it last, or whom this node follows.
//
// Nodes are found through whom this node follows, through the replicas that nodes of the shard have, and by nodes that
// introduce themselves. A node that follows somebody else is of another shard, and forgotten.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/link/silence.h"
#include "server/sentinel/node_report.h"
#include "server/sentinel/shard_view.h"

namespace ringkv::server {

class Roster {
 public:
  static constexpr size_t kMostNodes = 128;

  explicit Roster(std::string service) : service_(std::move(service)) {}

  const std::string& service() const { return service_; }
  // After this time without an answer a node is down.
  void set_down_after_ms(int64_t down_after_ms) { down_after_ms_ = down_after_ms; }

  // Times are milliseconds by the steady clock.
  // `announced`: where others reach this node, if somebody has said.
  void NoteSelf(NodeReport report, const NodeAddress& announced, int64_t now);
  // A node says that it answers for the service too.
  void Introduce(const NodeAddress& address, int64_t now);

  // Whom to ask.
  std::vector<NodeAddress> Peers() const;
  void NoteConnected(const NodeAddress& address, bool is_connected);
  void NoteAsked(const NodeAddress& address, int64_t now);
  // Finds out who is down; call when the answers that have come are noted.
  void Judge(int64_t now);
  // `report`: nothing if the answer was no report, such as an error.
  void NoteAnswer(const NodeAddress& address, std::optional<NodeReport> report, int64_t now);
  // Forgets nodes that are down, but for the primary if this node follows it.
  void ForgetDown();

  ShardView View(int64_t now) const;
  // The address of this node, as others are told; the host may be empty.
  NodeAddress self() const;
  const NodeAddress& announced() const { return announced_; }

 private:
  struct Node {
    std::optional<NodeReport> report = {};
    bool may_be_self = false;    // a replica of this node says that it follows this address
    bool is_introduced = false;  // and nobody else has named it
    bool is_connected = false;
    bool is_down = false;
    cluster::Silence silence = {};  // since it was asked
    int64_t asked = 0;              // 0: no answer is awaited
    int64_t answered = 0;           // or when it became known
    int64_t reported = 0;
    int64_t in_role_since = 0;
  };

  bool IsSelf(const NodeAddress& address) const;
  void NoteOwnAddress(const NodeAddress& address, bool is_introduced);
  // The address under which the node is known.
  const NodeAddress& Resolve(const NodeAddress& address) const;
  void Add(const NodeAddress& address, int64_t now);
  bool MakeRoom();
  void Erase(const NodeAddress& address);
  // Adds those whom nodes of the shard name.
  void Follow(int64_t now);
  void FollowChain(int64_t now);
  void FindSelf(int64_t now);
  void ForgetForeign();
  // Whether the node is of the shard: it is a primary, follows one of its nodes, or is one's replica.
  bool Belongs(const NodeAddress& address, const Node& node) const;
  bool IsReplicaOfKnown(const NodeAddress& address) const;
  const NodeReport* ReportOf(const NodeAddress& address) const;
  // Whether somebody must have been promoted after it: the data here is of a later epoch.
  bool IsDeposed(const NodeReport& report) const { return report.epoch.value_or(0) < own_.epoch.value_or(0); }
  void Decide();
  // Whom this node follows, through others if that is a replica; an empty host if it is a circle.
  NodeAddress EndOfChain() const;
  // As which of these addresses the node is listed; an empty host if it is not.
  NodeAddress ListedAs(const std::vector<NodeAddress>& list, const ShardNode& node) const;
  ShardNode Show(const NodeAddress& address, const Node& node, int64_t now) const;
  ShardNode ShowSelf(int64_t now) const;

  const std::string service_;
  int64_t down_after_ms_ = 0;
  NodeReport own_;
  int64_t own_since_ = 0;  // in its role
  NodeAddress announced_;
  NodeAddress learned_;                // where it has reached itself
  std::set<NodeAddress> selves_;       // all such addresses
  std::map<NodeAddress, Node> nodes_;  // the others
  std::map<NodeAddress, NodeAddress> aliases_;
  NodeAddress primary_;
  bool leads_ = false;  // this node is the primary
};

}  // namespace ringkv::server
