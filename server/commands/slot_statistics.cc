// SPDX-License-Identifier: MIT
// CLUSTER SLOT-STATS: how many keys each slot of this shard has, and what the requests for them have taken.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/cluster_state.h"
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

struct SlotStatistics {
  size_t slot = 0;
  uint64_t keys = 0;
  SlotUsage::Sum usage;
};

using Metric = uint64_t (*)(const SlotStatistics&);

struct NamedMetric {
  std::string_view name;
  bool is_counted_always;
  Metric of;
};

constexpr NamedMetric kMetrics[] = {
    {"key-count", true, [](const SlotStatistics& of) { return of.keys; }},
    {"cpu-usec", false, [](const SlotStatistics& of) { return of.usage.nanoseconds / 1000; }},
    {"network-bytes-in", false, [](const SlotStatistics& of) { return of.usage.bytes_in; }},
    {"network-bytes-out", false, [](const SlotStatistics& of) { return of.usage.bytes_out; }},
};

bool CountsUsage(AdminCall& call) { return call.server.options().cluster_slot_stats_enabled != 0; }

// Of the slots that this shard owns.
std::vector<SlotStatistics> Collect(AdminCall& call, size_t first, size_t last) {
  const auto view = call.server.cluster().view();
  const std::vector<uint64_t> keys = storage::CountKeysOfSlots(call.txn, 0, first, last);
  std::vector<SlotStatistics> all;
  for (size_t slot = first; slot <= last; ++slot) {
    if (view->StateOf(slot).owner != view->here.shard) continue;
    all.push_back({slot, keys[slot - first], call.server.usage().slots.Of(slot)});
  }
  return all;
}

void Reply(AdminCall& call, const std::vector<SlotStatistics>& all, size_t most) {
  const bool counts_usage = CountsUsage(call);
  const auto shown = std::min(most, all.size());
  call.reply.Array(static_cast<int64_t>(shown));
  for (size_t i = 0; i < shown; ++i) {
    call.reply.Array(2);
    call.reply.Integer(static_cast<int64_t>(all[i].slot));
    call.reply.Map(counts_usage ? static_cast<int64_t>(std::size(kMetrics)) : 1);
    for (const NamedMetric& metric : kMetrics) {
      if (!metric.is_counted_always && !counts_usage) continue;
      call.reply.Bulk(metric.name);
      call.reply.Integer(static_cast<int64_t>(metric.of(all[i])));
    }
  }
}

// --- SLOTSRANGE -----------------------------------------------------------------------------------------------------

std::optional<size_t> ParseSlot(AdminCall& call) {
  const std::optional<int64_t> slot = resp::ParseInteger(call.args.Next());
  if (slot && *slot >= 0 && *slot < static_cast<int64_t>(storage::kSlots)) return static_cast<size_t>(*slot);
  call.reply.Error(errors::kInvalidSlot);
  return std::nullopt;
}

void ReplyRange(AdminCall& call) {
  const std::optional<size_t> first = ParseSlot(call);
  if (!first) return;
  const std::optional<size_t> last = ParseSlot(call);
  if (!last) return;
  if (*first > *last) {
    return call.reply.Error("ERR Start slot number " + std::to_string(*first) + " is greater than end slot number " +
                            std::to_string(*last));
  }
  Reply(call, Collect(call, *first, *last), storage::kSlots);
}

// --- ORDERBY --------------------------------------------------------------------------------------------------------

void ReplySyntaxError(AdminCall& call) { call.reply.Error(WrongSubcommand(call.args[1], "CLUSTER")); }

struct Order {
  Metric by = nullptr;
  std::optional<int64_t> most;
  std::optional<bool> ascends;
};

bool TakeDirection(Arguments& args, Order* order) {
  const bool ascends = !order->ascends && args.Take("ASC");
  if (!ascends && (order->ascends || !args.Take("DESC"))) return false;
  order->ascends = ascends;
  return true;
}

// Nothing with the error written.
std::optional<Order> ParseOrder(AdminCall& call) {
  Order order;
  for (const NamedMetric& metric : kMetrics) {
    if ((metric.is_counted_always || CountsUsage(call)) && EqualsIgnoringCase(metric.name, call.args.Peek())) {
      order.by = metric.of;
    }
  }
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    if (!order.most && call.args.TakeWithValue("LIMIT")) {
      order.most = resp::ParseInteger(call.args.Next()).value_or(0);
      if (*order.most >= 1 && *order.most <= static_cast<int64_t>(storage::kSlots)) continue;
      call.reply.Error("ERR Limit has to lie in between 1 and 16384 (maximum number of slots).");
      return std::nullopt;
    }
    if (TakeDirection(call.args, &order)) continue;
    ReplySyntaxError(call);
    return std::nullopt;
  }
  if (order.by != nullptr) return order;
  call.reply.Error("ERR Unrecognized sort metric for ORDERBY.");
  return std::nullopt;
}

void ReplyOrdered(AdminCall& call) {
  const std::optional<Order> order = ParseOrder(call);
  if (!order) return;
  std::vector<SlotStatistics> all = Collect(call, 0, storage::kSlots - 1);
  const bool ascends = order->ascends.value_or(false);
  // Equal ones stay in the order of slots.
  std::stable_sort(all.begin(), all.end(), [&](const SlotStatistics& a, const SlotStatistics& b) {
    return ascends ? order->by(a) < order->by(b) : order->by(a) > order->by(b);
  });
  Reply(call, all, static_cast<size_t>(order->most.value_or(storage::kSlots)));
}

void SlotStats(AdminCall& call) {
  if (!call.server.cluster().is_enabled()) return call.reply.Error(errors::kClusterDisabled);
  call.args.Skip(1);
  if (call.args.Left() == 3 && call.args.Take("SLOTSRANGE")) return ReplyRange(call);
  if (call.args.TakeWithValue("ORDERBY")) return ReplyOrdered(call);
  ReplySyntaxError(call);
}

constexpr Command kSlotStatisticsCommands[] = {
    {.name = "slot-stats",
     .parent = "cluster",
     .arity = -4,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .scope = Scope::kWalks,
     .group = Group::kCluster,
     .tips = "nondeterministic_output request_policy:all_shards",
     .since = "8.2.0",
     .complexity = "O(N) in the number of slots asked for, and O(N*log(N)) with ORDERBY",
     .syntax = "<SLOTSRANGE start-slot end-slot | ORDERBY metric [LIMIT limit] [ASC | DESC]>",
     .summary = "Returns how many keys slots have, and what requests for them have taken.",
     .run = Admin(SlotStats)},
};
static_assert(RowsAreSound(kSlotStatisticsCommands));

}  // namespace

std::span<const Command> SlotStatisticsCommands() { return kSlotStatisticsCommands; }

}  // namespace ringkv::server
