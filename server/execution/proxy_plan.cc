// SPDX-License-Identifier: MIT
#include "server/execution/proxy_plan.h"

#include <algorithm>

#include "resp/integer_text.h"
#include "server/cluster/cluster_state.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {
namespace {

using Argv = std::span<const std::string_view>;

// A cursor of SCAN over all shards is the shard's number above the position there.
using storage::kPositions;

void SpreadKeys(Argv argv, size_t step, const ClusterView& view, ProxyPlan* plan) {
  for (size_t i = 1; i + step <= argv.size(); i += step) {
    ProxyPart& part = plan->parts.emplace_back();
    part.argv.push_back(argv[0]);
    part.argv.insert(part.argv.end(), argv.begin() + static_cast<std::ptrdiff_t>(i),
                     argv.begin() + static_cast<std::ptrdiff_t>(i + step));
    part.shard = view.slots.owner(storage::KeySlot(argv[i]));
  }
}

bool AreInOneSlot(Argv argv, size_t step) {
  const size_t slot = storage::KeySlot(argv[1]);
  for (size_t i = 1 + step; i < argv.size(); i += step) {
    if (storage::KeySlot(argv[i]) != slot) return false;
  }
  return true;
}

void SpreadScan(Argv argv, const ClusterView& view, ProxyPlan* plan) {
  const std::optional<uint64_t> cursor = resp::ParseUnsigned(argv[1]);
  if (!cursor || *cursor / kPositions >= view.topology.shards().size()) return;
  ProxyPart& part = plan->parts.emplace_back();
  part.argv.assign(argv.begin(), argv.end());
  part.shard = static_cast<cluster::ShardIndex>(*cursor / kPositions);
  plan->texts.push_back(std::to_string(*cursor % kPositions));
  part.argv[1] = plan->texts.back();
}

// The number behind the kind of the reply, and what stands behind that line; 0 if there is none.
int64_t TakeNumber(std::string_view* reply) {
  const size_t line = std::min(reply->find("\r\n"), reply->size());
  std::string_view digits = reply->substr(0, line);
  digits.remove_prefix(std::min(digits.size(), size_t{1}));
  const std::optional<int64_t> number = resp::ParseInteger(digits);
  reply->remove_prefix(std::min(line + 2, reply->size()));
  return number.value_or(0);
}

std::string JoinScan(std::string_view reply, cluster::ShardIndex shard, size_t shards) {
  const std::string_view whole = reply;
  if (!reply.starts_with("*2\r\n$")) return std::string(whole);
  reply.remove_prefix(4);
  const auto length = static_cast<size_t>(TakeNumber(&reply));
  if (length > resp::kLongestInteger || length + 2 > reply.size()) return std::string(whole);  // no cursor
  uint64_t cursor = resp::ParseUnsigned(reply.substr(0, length)).value_or(0);
  reply.remove_prefix(length + 2);
  if (cursor != 0) {
    cursor += shard * kPositions;
  } else if (size_t{shard} + 1 < shards) {
    cursor = (uint64_t{shard} + 1) * kPositions;
  }
  const std::string text = std::to_string(cursor);
  return "*2\r\n$" + std::to_string(text.size()) + "\r\n" + text + "\r\n" + std::string(reply);
}

}  // namespace

std::optional<ProxyPlan> PlanJoin(const Command& row, Argv argv, const ClusterView& view) {
  const auto [spread, join] = row.joinable;
  if (spread == Spread::kNone) return std::nullopt;
  ProxyPlan plan{.join = join,
                 .parts = {},
                 .only_reads = row.Is(kReadOnly),
                 .takes_turns = false,
                 .asks = false,
                 .texts = {},
                 .queued = {}};
  const size_t step = spread == Spread::kEachKeyValue ? 2 : 1;
  switch (spread) {
    case Spread::kNone: break;
    case Spread::kEachKey:
    case Spread::kEachKeyValue:
      if ((argv.size() - 1) % step != 0) return plan;  // a key without its value
      if (AreInOneSlot(argv, step)) return std::nullopt;
      SpreadKeys(argv, step, view, &plan);
      break;
    case Spread::kEachShard:
      for (size_t i = 0; i < view.topology.shards().size(); ++i) {
        plan.parts.push_back({{argv.begin(), argv.end()}, static_cast<cluster::ShardIndex>(i)});
      }
      break;
    case Spread::kOneShard: SpreadScan(argv, view, &plan); break;
  }
  return plan;
}

std::string JoinReplies(Join join, std::span<const std::string> replies, cluster::ShardIndex first_shard,
                        size_t shards) {
  for (const std::string& reply : replies) {
    if (reply.starts_with('-')) return reply;
  }
  int64_t sum = 0;
  std::string elements;
  switch (join) {
    case Join::kOne:
    case Join::kAllOk: return replies[0];
    case Join::kTransaction: return replies.back();
    case Join::kScan: return JoinScan(replies[0], first_shard, shards);
    case Join::kSum:
    case Join::kArrays:
      for (const std::string& reply : replies) {
        std::string_view rest = reply;
        sum += TakeNumber(&rest);
        elements.append(rest);
      }
  }
  return (join == Join::kSum ? ":" : "*") + std::to_string(sum) + "\r\n" + elements;
}

}  // namespace ringkv::server
