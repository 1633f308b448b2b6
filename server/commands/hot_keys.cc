// SPDX-License-Identifier: MIT
// HOTKEYS: looks for the keys that take the most time or bytes, and tells them.
#include <sys/resource.h>

#include <bitset>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/cluster/cluster_state.h"
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"

namespace ringkv::server {
namespace {

HotKeys::Times ProcessTimes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_usec) / 1000;
  };
  return {milliseconds(usage.ru_utime), milliseconds(usage.ru_stime)};
}

// --- START ----------------------------------------------------------------------------------------------------------

// A number in these bounds, or nothing with the error written.
std::optional<int64_t> ParseBounded(AdminCall& call, std::string_view name, int64_t least, int64_t most) {
  const std::optional<int64_t> number = resp::ParseInteger(call.args.Next());
  if (number && *number >= least && *number <= most) return number;
  call.reply.Error("ERR " + std::string(name) + " must be between " + std::to_string(least) + " and " +
                   std::to_string(most));
  return std::nullopt;
}

// What stands behind METRICS: how many there are, and each.
bool ParseMetrics(AdminCall& call, HotKeys::Plan* plan) {
  if (!call.args.TakeWithValue("METRICS")) {
    call.reply.Error("ERR METRICS is required");
    return false;
  }
  const std::optional<int64_t> count = ParseBounded(call, "METRICS", 1, 2);
  if (!count) return false;
  for (int64_t i = 0; i < *count; ++i) {
    const bool is_time = !plan->by_time && call.args.Take("CPU");
    const bool is_bytes = !is_time && !plan->by_bytes && call.args.Take("NET");
    if (!is_time && !is_bytes) {
      call.reply.Error("ERR METRICS takes CPU and NET, each once");
      return false;
    }
    plan->by_time = plan->by_time || is_time;
    plan->by_bytes = plan->by_bytes || is_bytes;
  }
  return true;
}

bool ParseSlots(AdminCall& call, HotKeys::Plan* plan) {
  if (!call.server.cluster().is_enabled()) {
    call.reply.Error("ERR SLOTS is for nodes of a cluster");
    return false;
  }
  const std::optional<int64_t> count = ParseBounded(call, "SLOTS", 1, storage::kSlots);
  if (!count) return false;
  if (call.args.Left() < static_cast<size_t>(*count)) {
    call.reply.Error(errors::kSyntax);
    return false;
  }
  plan->slots.emplace();
  for (int64_t i = 0; i < *count; ++i) {
    const std::optional<int64_t> slot = resp::ParseInteger(call.args.Next());
    if (!slot || *slot < 0 || *slot >= static_cast<int64_t>(storage::kSlots)) {
      call.reply.Error(errors::kInvalidSlot);
      return false;
    }
    plan->slots->set(static_cast<size_t>(*slot));
  }
  return true;
}

// Nothing with the error written.
std::optional<HotKeys::Plan> ParsePlan(AdminCall& call) {
  constexpr int64_t kLongestSeconds = 1'000'000;
  constexpr int64_t kGreatestRatio = 1'000'000;
  HotKeys::Plan plan;
  call.args.Skip(1);
  if (!ParseMetrics(call, &plan)) return std::nullopt;
  std::optional<int64_t> keys = plan.keys;
  std::optional<int64_t> seconds = 0;
  std::optional<int64_t> ratio = plan.ratio;
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("COUNT")) {
      keys = ParseBounded(call, "COUNT", 1, HotKeys::kMostKeys);
    } else if (call.args.TakeWithValue("DURATION")) {
      seconds = ParseBounded(call, "DURATION", 0, kLongestSeconds);
    } else if (call.args.TakeWithValue("SAMPLE")) {
      ratio = ParseBounded(call, "SAMPLE", 1, kGreatestRatio);
    } else if (!plan.slots && call.args.TakeWithValue("SLOTS")) {
      if (!ParseSlots(call, &plan)) return std::nullopt;
    } else {
      call.reply.Error(errors::kSyntax);
      return std::nullopt;
    }
    if (!keys || !seconds || !ratio) return std::nullopt;
  }
  plan.keys = static_cast<size_t>(*keys);
  plan.lasts_ms = *seconds * 1000;
  plan.ratio = static_cast<uint64_t>(*ratio);
  return plan;
}

void Start(AdminCall& call) {
  const std::optional<HotKeys::Plan> plan = ParsePlan(call);
  if (!plan) return;
  const storage::UnixMs now = call.server.clock().Now();
  if (!call.server.usage().hot_keys.Start(*plan, call.thread.random.Next(), now, ProcessTimes())) {
    return call.reply.Error("ERR hot keys are being tracked already");
  }
  call.reply.Ok();
}

// --- STOP, RESET ----------------------------------------------------------------------------------------------------

void Stop(AdminCall& call) {
  if (!call.server.usage().hot_keys.Stop(call.server.clock().Now(), ProcessTimes())) return call.reply.Null();
  call.reply.Ok();
}

void Reset(AdminCall& call) {
  if (!call.server.usage().hot_keys.Reset())
    return call.reply.Error("ERR hot keys are being tracked; HOTKEYS STOP first");
  call.reply.Ok();
}

// --- GET ------------------------------------------------------------------------------------------------------------

// Numbers and lists under their names, of which the count comes first.
class Fields {
 public:
  void Number(std::string_view name, uint64_t number) {
    writers_.emplace_back(name, [number](resp::ReplyWriter& reply) { reply.Integer(static_cast<int64_t>(number)); });
  }
  void List(std::string_view name, std::vector<std::pair<std::string, uint64_t>> list) {
    writers_.emplace_back(name, [list = std::move(list)](resp::ReplyWriter& reply) {
      reply.Array(static_cast<int64_t>(2 * list.size()));
      for (const auto& [key, amount] : list) {
        reply.Bulk(key);
        reply.Integer(static_cast<int64_t>(amount));
      }
    });
  }
  void Add(std::string_view name, std::function<void(resp::ReplyWriter&)> write) {
    writers_.emplace_back(name, std::move(write));
  }
  void WriteTo(resp::ReplyWriter& reply) const {
    reply.Map(static_cast<int64_t>(writers_.size()));
    for (const auto& [name, write] : writers_) {
      reply.Bulk(name);
      write(reply);
    }
  }

 private:
  std::vector<std::pair<std::string_view, std::function<void(resp::ReplyWriter&)>>> writers_;
};

// Single ones and ranges: [slot] and [first, last].
void WriteSlots(resp::ReplyWriter& reply, const std::optional<std::bitset<storage::kSlots>>& slots) {
  std::vector<std::pair<size_t, size_t>> ranges;
  for (size_t slot = 0; slot < storage::kSlots; ++slot) {
    if (slots && !slots->test(slot)) continue;
    if (!ranges.empty() && ranges.back().second + 1 == slot) {
      ranges.back().second = slot;
    } else {
      ranges.emplace_back(slot, slot);
    }
  }
  reply.Array(static_cast<int64_t>(ranges.size()));
  for (const auto& [first, last] : ranges) {
    reply.Array(first == last ? 1 : 2);
    reply.Integer(static_cast<int64_t>(first));
    if (first != last) reply.Integer(static_cast<int64_t>(last));
  }
}

void Get(AdminCall& call) {
  const std::optional<HotKeys::Report> report =
      call.server.usage().hot_keys.Get(call.server.clock().Now(), ProcessTimes());
  if (!report) return call.reply.Null();
  const HotKeys::Plan& plan = report->plan;
  const bool is_sampled = plan.ratio > 1;
  Fields fields;
  fields.Number("tracking-active", report->is_on ? 1 : 0);
  fields.Number("sample-ratio", plan.ratio);
  fields.Add("selected-slots", [&plan](resp::ReplyWriter& reply) { WriteSlots(reply, plan.slots); });
  if (plan.slots && is_sampled) fields.Number("sampled-commands-selected-slots-us", report->sampled.nanoseconds / 1000);
  if (plan.slots) fields.Number("all-commands-selected-slots-us", report->in_slots.nanoseconds / 1000);
  fields.Number("all-commands-all-slots-us", report->all.nanoseconds / 1000);
  if (plan.slots && is_sampled) fields.Number("net-bytes-sampled-commands-selected-slots", report->sampled.bytes);
  if (plan.slots) fields.Number("net-bytes-all-commands-selected-slots", report->in_slots.bytes);
  fields.Number("net-bytes-all-commands-all-slots", report->all.bytes);
  fields.Number("collection-start-time-unix-ms", static_cast<uint64_t>(report->began_ms));
  fields.Number("collection-duration-ms", static_cast<uint64_t>(report->took_ms));
  if (plan.by_time) {
    fields.Number("total-cpu-time-user-ms", report->times.user_ms);
    fields.Number("total-cpu-time-sys-ms", report->times.system_ms);
  }
  if (plan.by_bytes) fields.Number("total-net-bytes", report->all.bytes);
  if (plan.by_time) fields.List("by-cpu-time-us", report->by_time);
  if (plan.by_bytes) fields.List("by-net-bytes", report->by_bytes);
  call.reply.Array(1);
  fields.WriteTo(call.reply);
}

constexpr uint32_t kOfHotKeys = kAdmin | kNoScript;

constexpr Command kHotKeysCommands[] = {
    {.name = "hotkeys",
     .arity = -2,
     .group = Group::kServer,
     .since = "8.6.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about the keys that take the most.",
     .is_container = true},
    {.name = "get",
     .parent = "hotkeys",
     .arity = 2,
     .flags = kOfHotKeys,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "nondeterministic_output request_policy:special",
     .since = "8.6.0",
     .complexity = "O(K) in the number of keys returned",
     .summary = "Returns the keys that took the most time or bytes.",
     .run = Admin(Get)},
    {.name = "help",
     .parent = "hotkeys",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "8.6.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "reset",
     .parent = "hotkeys",
     .arity = 2,
     .flags = kOfHotKeys,
     .group = Group::kServer,
     .tips = "request_policy:special",
     .since = "8.6.0",
     .summary = "Forgets what was found.",
     .run = Admin(Reset)},
    {.name = "start",
     .parent = "hotkeys",
     .arity = -5,
     .flags = kOfHotKeys,
     .group = Group::kServer,
     .tips = "request_policy:special",
     .since = "8.6.0",
     .syntax = "METRICS count <CPU | NET> [CPU | NET] [COUNT k] [DURATION seconds] [SAMPLE ratio] [SLOTS count slot "
               "[slot ...]]",
     .summary = "Looks from now on which keys take the most time or bytes.",
     .run = Admin(Start)},
    {.name = "stop",
     .parent = "hotkeys",
     .arity = 2,
     .flags = kOfHotKeys,
     .group = Group::kServer,
     .tips = "request_policy:special",
     .since = "8.6.0",
     .summary = "Ends the look for such keys, and keeps what was found.",
     .run = Admin(Stop)},
};
static_assert(RowsAreSound(kHotKeysCommands));

}  // namespace

std::span<const Command> HotKeysCommands() { return kHotKeysCommands; }

}  // namespace ringkv::server
