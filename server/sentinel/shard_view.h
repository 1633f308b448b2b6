// SPDX-License-Identifier: MIT
// The shard that clients of Sentinel are told about, as this node sees it at one moment: who is the primary, who
// replicates it, how far, since when, and which nodes answer for it.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/sentinel/node_report.h"

namespace ringkv::server {

struct ShardNode {
  NodeAddress address = {};
  NodeReport report = {};
  NodeAddress served_at = {};  // of a replica: as the primary lists it; empty: it does not
  bool is_self = false;
  bool is_connected = false;  // this node is, to it
  bool is_down = false;       // a question has had no answer for sentinel-down-after
  // Milliseconds since then.
  int64_t down_ms = 0;
  int64_t asked_ms = 0;  // 0: no answer is awaited
  int64_t answered_ms = 0;
  int64_t reported_ms = 0;
  int64_t in_role_ms = 0;
};

// A role that is being handed over by this node.
enum class HandOver : uint8_t { kNone, kSelects, kAwaitsPromotion };

struct ShardView {
  std::string service;
  ShardNode primary = {};
  std::vector<ShardNode> replicas = {};   // in the order of their addresses
  std::vector<ShardNode> answering = {};  // the nodes that answer for the service, without this one
  int64_t down_after_ms = 0;
  HandOver hand_over = HandOver::kNone;  // of the primary, which is this node
  bool is_primary_known = false;         // it is this node, or one that this node asks

  // Where this node is said to be, if it does not know that itself.
  void PlaceSelf(std::string_view host) {
    const auto place = [&](ShardNode& node) {
      if (node.is_self && !node.address.is_known()) node.address.host = host;
    };
    place(primary);
    for (ShardNode& node : replicas) place(node);
  }

  // This node and those others that answer.
  size_t usable() const {
    size_t count = 1;
    for (const ShardNode& node : answering) count += node.is_down ? 0 : 1;
    return count;
  }
  size_t majority() const { return (answering.size() + 1) / 2 + 1; }
};

}  // namespace ringkv::server
