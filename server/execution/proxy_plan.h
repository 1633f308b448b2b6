// SPDX-License-Identifier: MIT
// The plan of a proxied request (cluster-redirect proxy): its parts, their nodes, and how their replies are merged.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/topology.h"
#include "server/command/command.h"
#include "server/session/transaction_queue.h"

namespace ringkv::server {

struct ClusterView;

struct ProxyPart {
  std::vector<std::string_view> argv;  // into the request or the plan
  cluster::ShardIndex shard = 0;       // the shard that executes it
};

struct ProxyPlan {
  Join join = Join::kOne;
  std::vector<ProxyPart> parts;
  bool only_reads = false;
  bool takes_turns = false;
  bool asks = false;                             // the part is sent after ASKING
  std::deque<std::string> texts;                 // texts that parts refer to
  std::vector<TransactionQueue::Queued> queued;  // likewise
};

// Splits a command with keys in several slots, or on all keys. No plan if the command cannot be split, or if all of its
// keys are in one slot: such a request is forwarded unchanged. A plan without parts for an invalid request, which any
// node refuses.
std::optional<ProxyPlan> PlanJoin(const Command& row, std::span<const std::string_view> argv, const ClusterView& view);

// Merges the replies of all parts. `shards`: the number of shards, for kScan.
std::string JoinReplies(Join join, std::span<const std::string> replies, cluster::ShardIndex first_shard,
                        size_t shards);

}  // namespace ringkv::server
