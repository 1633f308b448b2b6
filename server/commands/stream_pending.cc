// SPDX-License-Identifier: MIT
// Pending entries of consumer groups: acknowledging them, and claiming those of other consumers.
#include <algorithm>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/stream_reply.h"
#include "storage/effects/key_event.h"
#include "storage/types/stream.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::Place;
using storage::StreamGroup;
using storage::StreamId;
using storage::StreamIn;
using storage::StreamPend;
using storage::StreamPending;
using storage::UnixMs;

// The stream at the first argument, which must have the group at the second. Nothing with the error written.
std::optional<Place> FindGroup(DataCall& call, Intent intent) {
  const std::optional<Place> found = FindStream(call, call.args[1], intent);
  if (!found || GroupOf(*found, call.args[2]) != nullptr) return found;
  call.reply.Error(NoGroup(call.args[1], call.args[2]));
  return std::nullopt;
}

// --- XACK, XPENDING -------------------------------------------------------------------------------------------------

void XAck(DataCall& call) {
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kRead);
  if (!found) return;
  if (GroupOf(*found, call.args[2]) == nullptr) return call.reply.Integer(0);
  const std::optional<std::vector<StreamId>> ids = ParseStreamIds(call, 3);
  if (!ids) return;
  int64_t acknowledged = 0;
  for (const StreamId& id : *ids) {
    const EffectResult outcome = call.txn.Do(*found, storage::StreamAcknowledge{call.args[2], id}, events::kNone);
    if (outcome != EffectResult::kUnchanged) ++acknowledged;
  }
  call.reply.Integer(acknowledged);
}

void ReplyPendingSummary(resp::ReplyWriter& reply, const StreamGroup& group) {
  reply.Array(4);
  reply.Integer(static_cast<int64_t>(group.pending().size()));
  if (group.pending().empty()) {
    reply.Null();
    reply.Null();
    return reply.NullArray();
  }
  reply.Bulk(storage::StreamIdText(group.pending().begin()->first));
  reply.Bulk(storage::StreamIdText(group.pending().rbegin()->first));
  const auto has_pending = [](const auto& consumer) { return !consumer.second.pending.empty(); };
  reply.Array(std::count_if(group.consumers().begin(), group.consumers().end(), has_pending));
  for (const auto& consumer : group.consumers()) {
    if (!has_pending(consumer)) continue;
    reply.Array(2);
    reply.Bulk(consumer.first);
    reply.BulkInteger(static_cast<int64_t>(consumer.second.pending.size()));
  }
}

struct PendingQuery {
  StreamRange range;
  int64_t most = 0;
  int64_t least_idle = 0;  // milliseconds
  std::optional<std::string_view> consumer;
};

// False with the error written.
bool ParsePendingQuery(DataCall& call, PendingQuery* query) {
  if (call.args.size() < 6 || call.args.size() > 9) {
    call.reply.Error(errors::kSyntax);
    return false;
  }
  call.args.Skip(2);
  if (call.args.Take("IDLE")) {
    const std::optional<int64_t> idle = resp::ParseInteger(call.args.Next());
    if (!idle || call.args.size() < 8) {
      call.reply.Error(idle ? errors::kSyntax : errors::kNotInteger);
      return false;
    }
    query->least_idle = *idle;
  }
  const std::string_view first = call.args.Next();
  const std::string_view last = call.args.Next();
  const std::optional<int64_t> most = resp::ParseInteger(call.args.Next());
  if (!most) {
    call.reply.Error(errors::kNotInteger);
    return false;
  }
  query->most = std::max<int64_t>(*most, 0);
  const std::optional<StreamRange> range = ParseStreamRange(call, first, last);
  if (!range) return false;
  query->range = *range;
  if (!call.args.AtEnd()) query->consumer = call.args.Next();
  return true;
}

struct PendingEntry {
  StreamId id;
  const StreamPending* pending;
};

std::vector<PendingEntry> SelectPending(const StreamGroup& group, const PendingQuery& query, UnixMs now) {
  std::vector<PendingEntry> selected;
  const auto take = [&](const StreamId& id, const StreamPending& pending) {
    if (id > query.range.last || static_cast<int64_t>(selected.size()) == query.most) return false;
    if (query.least_idle == 0 || now - pending.delivered >= query.least_idle) selected.push_back({id, &pending});
    return true;
  };
  if (!query.consumer) {
    for (auto at = group.pending().lower_bound(query.range.first); at != group.pending().end(); ++at) {
      if (!take(at->first, at->second)) break;
    }
  } else if (const storage::StreamConsumer* consumer = group.FindConsumer(*query.consumer)) {
    for (auto at = consumer->pending.lower_bound(query.range.first); at != consumer->pending.end(); ++at) {
      if (!take(*at, group.pending().find(*at)->second)) break;
    }
  }
  return selected;
}

uint64_t StepsToSelect(const StreamGroup& group, const PendingQuery& query) {
  const uint64_t pending = group.pending().size();
  const uint64_t shown = std::min(pending, static_cast<uint64_t>(query.most));
  return kStepsOfEntry * shown + (query.least_idle > 0 ? pending : 0);
}

void XPending(DataCall& call) {
  const bool is_summary = call.args.size() == 3;
  PendingQuery query;
  if (!is_summary && !ParsePendingQuery(call, &query)) return;
  const std::optional<Place> found = FindGroup(call, Intent::kRead);
  if (!found) return;
  const StreamGroup& group = *GroupOf(*found, call.args[2]);
  if (is_summary) return ReplyPendingSummary(call.reply, group);
  if (call.TakesLong(StepsToSelect(group, query))) return;
  const std::vector<PendingEntry> selected = SelectPending(group, query, call.txn.now());
  call.reply.Array(static_cast<int64_t>(selected.size()));
  for (const PendingEntry& each : selected) {
    call.reply.Array(4);
    call.reply.Bulk(storage::StreamIdText(each.id));
    call.reply.Bulk(*each.pending->consumer);
    call.reply.Integer(std::max<int64_t>(call.txn.now() - each.pending->delivered, 0));
    call.reply.Integer(static_cast<int64_t>(each.pending->deliveries));
  }
}

// --- XCLAIM, XAUTOCLAIM ---------------------------------------------------------------------------------------------

void ReplyClaimed(DataCall& call, const Place& place, const std::vector<StreamId>& ids, bool only_ids) {
  call.reply.Array(static_cast<int64_t>(ids.size()));
  for (const StreamId& id : ids) {
    if (only_ids) {
      call.reply.Bulk(storage::StreamIdText(id));
    } else {
      StreamIn(place.entry()).Visit(id, id, false, [&](const storage::StreamEntry& entry) {
        ReplyStreamEntry(call.reply, entry);
        return false;
      });
    }
  }
}

struct ClaimOptions {
  int64_t least_idle = 0;  // milliseconds
  std::vector<StreamId> ids;
  UnixMs delivered = 0;
  std::optional<uint64_t> deliveries;
  StreamId last_id;
  bool makes_pending = false;  // FORCE
  bool only_ids = false;
};

// A number behind an option; nothing with the error written.
std::optional<int64_t> TakeClaimNumber(DataCall& call, std::string_view option) {
  const std::optional<int64_t> number = resp::ParseInteger(call.args.Next());
  if (!number) call.reply.Error("ERR Invalid " + std::string(option) + " option argument for XCLAIM");
  return number;
}

bool ParseClaimOption(DataCall& call, ClaimOptions* options, std::optional<UnixMs>* delivered) {
  Arguments& args = call.args;
  if (args.Take("FORCE")) {
    options->makes_pending = true;
  } else if (args.Take("JUSTID")) {
    options->only_ids = true;
  } else if (args.TakeWithValue("IDLE")) {
    const std::optional<int64_t> idle = TakeClaimNumber(call, "IDLE");
    if (!idle) return false;
    *delivered = static_cast<UnixMs>(static_cast<uint64_t>(call.txn.now()) - static_cast<uint64_t>(*idle));
  } else if (args.TakeWithValue("TIME")) {
    const std::optional<int64_t> time = TakeClaimNumber(call, "TIME");
    if (!time) return false;
    *delivered = *time;
  } else if (args.TakeWithValue("RETRYCOUNT")) {
    const std::optional<int64_t> deliveries = TakeClaimNumber(call, "RETRYCOUNT");
    if (!deliveries) return false;
    options->deliveries.reset();
    if (*deliveries >= 0) options->deliveries = static_cast<uint64_t>(*deliveries);
  } else if (args.TakeWithValue("LASTID")) {
    const std::optional<StreamId> last_id = ParseStreamId(args.Next());
    if (!last_id) {
      call.reply.Error(errors::kBadStreamId);
      return false;
    }
    options->last_id = *last_id;
  } else {
    call.reply.Error("ERR Unrecognized XCLAIM option '" + std::string(args.Peek()) + "'");
    return false;
  }
  return true;
}

bool ParseClaimOptions(DataCall& call, ClaimOptions* options) {
  const std::optional<int64_t> least_idle = resp::ParseInteger(call.args[4]);
  if (!least_idle) {
    call.reply.Error("ERR Invalid min-idle-time argument for XCLAIM");
    return false;
  }
  options->least_idle = std::max<int64_t>(*least_idle, 0);
  call.args.Skip(4);
  while (!call.args.AtEnd()) {
    const std::optional<StreamId> id = ParseStreamId(call.args.Peek());
    if (!id) break;
    options->ids.push_back(*id);
    call.args.Skip(1);
  }
  std::optional<UnixMs> delivered;
  while (!call.args.AtEnd()) {
    if (!ParseClaimOption(call, options, &delivered)) return false;
  }
  // A time that makes no sense counts as now.
  const UnixMs now = call.txn.now();
  options->delivered = delivered && *delivered >= 0 && *delivered <= now ? *delivered : now;
  return true;
}

void XClaim(DataCall& call) {
  std::optional<Place> found = FindGroup(call, Intent::kRead);
  if (!found) return;
  Place& place = *found;
  ClaimOptions options;
  if (!ParseClaimOptions(call, &options)) return;
  const std::string_view name = call.args[2];
  const StreamGroup& group = *GroupOf(place, name);
  const UnixMs now = call.txn.now();
  if (options.last_id > group.last_id) {
    call.txn.Do(place, storage::StreamGroupMove{name, options.last_id, group.read}, events::kNone);
  }
  std::vector<StreamId> claimed;
  for (const StreamId& id : options.ids) {
    const auto pending = group.pending().find(id);
    const bool is_pending = pending != group.pending().end();
    if (!StreamIn(place.entry()).Contains(id)) {
      if (is_pending) call.txn.Do(place, storage::StreamAcknowledge{name, id}, events::kNone);
      continue;
    }
    if (!is_pending && !options.makes_pending) continue;
    if (is_pending && options.least_idle > 0 && now - pending->second.delivered < options.least_idle) continue;
    uint64_t deliveries = is_pending ? pending->second.deliveries : 1;
    if (options.deliveries) {
      deliveries = *options.deliveries;
    } else if (!options.only_ids) {
      ++deliveries;
    }
    if (claimed.empty()) NoteConsumer(call, place, name, call.args[3], true);
    call.txn.Do(place, StreamPend{name, call.args[3], id, options.delivered, deliveries}, events::kNone);
    claimed.push_back(id);
  }
  ReplyClaimed(call, place, claimed, options.only_ids);
}

struct AutoClaimOptions {
  int64_t least_idle = 0;  // milliseconds
  StreamId start;
  size_t count = 100;
  bool only_ids = false;
};

bool ParseAutoClaimOptions(DataCall& call, AutoClaimOptions* options) {
  const std::optional<int64_t> least_idle = resp::ParseInteger(call.args[4]);
  if (!least_idle) {
    call.reply.Error("ERR Invalid min-idle-time argument for XAUTOCLAIM");
    return false;
  }
  options->least_idle = std::max<int64_t>(*least_idle, 0);
  const std::optional<StreamId> start = ParseStreamStart(call, call.args[5]);
  if (!start) return false;
  options->start = *start;
  call.args.Skip(5);
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("COUNT")) {
      constexpr int64_t kMost = INT64_MAX / 16;
      const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
      if (!count || *count < 1 || *count > kMost) {
        call.reply.Error("ERR COUNT must be > 0");
        return false;
      }
      options->count = static_cast<size_t>(*count);
    } else if (call.args.Take("JUSTID")) {
      options->only_ids = true;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

void XAutoClaim(DataCall& call) {
  constexpr size_t kLooksForEach = 10;  // entries looked at for one that is claimed
  AutoClaimOptions options;
  if (!ParseAutoClaimOptions(call, &options)) return;
  std::optional<Place> found = FindGroup(call, Intent::kRead);
  if (!found) return;
  Place& place = *found;
  const std::string_view name = call.args[2];
  const StreamGroup& group = *GroupOf(place, name);
  const size_t pending = group.pending().size();
  if (call.TakesLong(kStepsOfDelivery * std::min(options.count, pending) +
                     std::min(options.count * kLooksForEach, pending))) {
    return;
  }
  std::vector<StreamId> claimed;
  std::vector<StreamId> gone;
  auto at = group.pending().lower_bound(options.start);
  for (size_t looks = options.count * kLooksForEach;
       looks > 0 && claimed.size() + gone.size() < options.count && at != group.pending().end(); --looks) {
    const StreamId id = at->first;
    const StreamPending before = at->second;
    ++at;
    if (!StreamIn(place.entry()).Contains(id)) {
      call.txn.Do(place, storage::StreamAcknowledge{name, id}, events::kNone);
      gone.push_back(id);
      continue;
    }
    if (options.least_idle > 0 && call.txn.now() - before.delivered < options.least_idle) continue;
    const uint64_t deliveries = before.deliveries + (options.only_ids ? 0 : 1);
    if (claimed.empty()) NoteConsumer(call, place, name, call.args[3], true);
    call.txn.Do(place, StreamPend{name, call.args[3], id, call.txn.now(), deliveries}, events::kNone);
    claimed.push_back(id);
  }
  call.reply.Array(3);
  call.reply.Bulk(storage::StreamIdText(at == group.pending().end() ? StreamId{} : at->first));
  ReplyClaimed(call, place, claimed, options.only_ids);
  call.reply.Array(static_cast<int64_t>(gone.size()));
  for (const StreamId& id : gone) call.reply.Bulk(storage::StreamIdText(id));
}

constexpr Command kStreamPendingCommands[] = {
    {.name = "xack",
     .arity = -4,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = "O(N) in the number of IDs given",
     .syntax = "key group id [id ...]",
     .summary = "Acknowledges pending entries.",
     .run = Data(XAck)},
    {.name = "xautoclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "6.2.0",
     .complexity = "O(N) in the count given",
     .syntax = "key group consumer min-idle-time start [COUNT count] [JUSTID]",
     .summary = "Claims entries that have been pending for a given time.",
     .run = Data(XAutoClaim)},
    {.name = "xclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "5.0.0",
     .complexity = "O(log N) for each ID, N entries pending",
     .syntax =
         "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] "
         "[FORCE] [JUSTID] [LASTID id]",
     .summary = "Claims pending entries for a consumer.",
     .run = Data(XClaim)},
    {.name = "xpending",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "5.0.0",
     .complexity = "O(N) in the number of entries returned",
     .syntax = "key group [[IDLE min-idle-time] start end count [consumer]]",
     .summary = "Returns pending entries.",
     .run = Data(XPending)},
};
static_assert(RowsAreSound(kStreamPendingCommands));

}  // namespace

std::span<const Command> StreamPendingCommands() { return kStreamPendingCommands; }

}  // namespace ringkv::server
