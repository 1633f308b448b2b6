// SPDX-License-Identifier: MIT
// With cluster-redirect proxy: which nodes a request goes to that this one can't answer alone, and how their replies
// become one.
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
  cluster::ShardIndex shard = 0;       // who is asked
};

struct ProxyPlan {
  Join join = Join::kOne;
  std::vector<ProxyPart> parts;
  bool only_reads = false;
  bool asks = false;                             // the part is sent behind ASKING
  std::deque<std::string> texts;                 // that parts refer to
  std::vector<TransactionQueue::Queued> queued;  // likewise
};

// The parts of a command whose keys may be anywhere, or that is about all keys. No plan if it is no such command, or
// all of its keys are in one slot: such a request goes to one node as it is. A plan without parts if the request makes
// no sense, which any node will say.
std::optional<ProxyPlan> PlanJoin(const Command& row, std::span<const std::string_view> argv, const ClusterView& view);

// The replies to all parts, as one. `shards`: how many there are, for kScan.
std::string JoinReplies(Join join, std::span<const std::string> replies, cluster::ShardIndex first_shard,
                        size_t shards);

}  // namespace ringkv::server
