// SPDX-License-Identifier: MIT
// XINFO: what a stream, its groups and their consumers look like.
#include <algorithm>
#include <span>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/stream_reply.h"
#include "storage/types/stream.h"

namespace ringkv::server {
namespace {

using storage::Intent;
using storage::Place;
using storage::Stream;
using storage::StreamGroup;
using storage::StreamId;
using storage::StreamIn;

// The stream at the second argument. Nothing with the error written.
std::optional<Place> FindForInfo(DataCall& call) {
  const std::optional<Place> found = FindStream(call, call.args[2], Intent::kRead);
  if (!found || *found) return found;
  call.reply.Error(errors::kNoSuchKey);
  return std::nullopt;
}

// --- the nodes of Redis' radix tree ---------------------------------------------------------------------------------

constexpr size_t kIdBytes = 2 * sizeof(uint64_t);

unsigned ByteAt(const StreamId& id, size_t depth) {
  const uint64_t half = depth < sizeof(uint64_t) ? id.ms : id.seq;
  return half >> 8 * (sizeof(uint64_t) - 1 - depth % sizeof(uint64_t)) & 0xff;
}

// Nodes of a tree that has these keys, ascending, below their first `depth` bytes, in which they are equal: one for
// bytes that all have in common, one where they part, and a leaf each.
size_t CountTreeNodes(std::span<const StreamId> ids, size_t depth) {
  const size_t start = depth;
  while (depth < kIdBytes && ByteAt(ids.front(), depth) == ByteAt(ids.back(), depth)) ++depth;
  const size_t common = depth > start ? 1 : 0;
  if (depth == kIdBytes) return common + 1;
  size_t nodes = common + 1;
  while (!ids.empty()) {
    const unsigned byte = ByteAt(ids.front(), depth);
    const auto end =
        std::find_if(ids.begin(), ids.end(), [&](const StreamId& id) { return ByteAt(id, depth) != byte; });
    const auto size = static_cast<size_t>(end - ids.begin());
    nodes += CountTreeNodes(ids.first(size), depth + 1);
    ids = ids.subspan(size);
  }
  return nodes;
}

size_t CountTreeNodes(const Stream& stream) {
  std::vector<StreamId> ids;
  for (const storage::StreamBlock& block : stream.blocks()) ids.push_back(block.id());
  return ids.empty() ? 1 : CountTreeNodes(ids, 0);
}

// --- parts of replies -----------------------------------------------------------------------------------------------

void ReplyId(resp::ReplyWriter& reply, std::string_view name, const StreamId& id) {
  reply.Bulk(name);
  reply.Bulk(storage::StreamIdText(id));
}

void ReplyNumber(resp::ReplyWriter& reply, std::string_view name, uint64_t number) {
  reply.Bulk(name);
  reply.Integer(static_cast<int64_t>(number));
}

void ReplyHead(resp::ReplyWriter& reply, const Stream& stream) {
  ReplyNumber(reply, "length", stream.size());
  ReplyNumber(reply, "radix-tree-keys", stream.blocks().size());
  ReplyNumber(reply, "radix-tree-nodes", CountTreeNodes(stream));
  ReplyId(reply, "last-generated-id", stream.last_id());
  ReplyId(reply, "max-deleted-entry-id", stream.greatest_erased());
  ReplyNumber(reply, "entries-added", stream.added());
  ReplyId(reply, "recorded-first-entry-id", stream.first_entry());
}

// The group's position and lag; null if they are unknown.
void ReplyProgress(resp::ReplyWriter& reply, const Stream& stream, const StreamGroup& group) {
  const bool is_read_known = group.read != StreamGroup::kUnknown;
  reply.Bulk("entries-read");
  is_read_known ? reply.Integer(group.read) : reply.Null();
  reply.Bulk("lag");
  if (stream.added() == 0) return reply.Integer(0);
  const std::optional<uint64_t> read = is_read_known && !stream.HasGapsBehind(group.last_id)
                                           ? std::optional(static_cast<uint64_t>(group.read))
                                           : stream.CountUpTo(group.last_id);
  read ? reply.Integer(static_cast<int64_t>(stream.added() - *read)) : reply.Null();
}

// --- XINFO STREAM ---------------------------------------------------------------------------------------------------

void ReplyEdge(resp::ReplyWriter& reply, std::string_view name, const Stream& stream, bool is_last) {
  reply.Bulk(name);
  if (stream.size() == 0) return reply.Null();
  stream.Visit(storage::kFirstStreamId, storage::kLastStreamId, is_last, [&](const storage::StreamEntry& entry) {
    ReplyStreamEntry(reply, entry);
    return false;
  });
}

// How many of `all` are shown; 0: all of them.
int64_t Shown(size_t all, size_t most) { return static_cast<int64_t>(most == 0 ? all : std::min(all, most)); }

void ReplyFullConsumer(resp::ReplyWriter& reply, const StreamGroup& group, std::string_view name,
                       const storage::StreamConsumer& consumer, size_t most) {
  reply.Map(5);
  reply.Bulk("name");
  reply.Bulk(name);
  reply.Bulk("seen-time");
  reply.Integer(consumer.seen);
  reply.Bulk("active-time");
  reply.Integer(consumer.active);
  ReplyNumber(reply, "pel-count", consumer.pending.size());
  reply.Bulk("pending");
  int64_t left = Shown(consumer.pending.size(), most);
  reply.Array(left);
  for (auto at = consumer.pending.begin(); left > 0; ++at, --left) {
    const storage::StreamPending& pending = group.pending().find(*at)->second;
    reply.Array(3);
    reply.Bulk(storage::StreamIdText(*at));
    reply.Integer(pending.delivered);
    reply.Integer(static_cast<int64_t>(pending.deliveries));
  }
}

void ReplyFullGroup(resp::ReplyWriter& reply, const Stream& stream, std::string_view name, const StreamGroup& group,
                    size_t most) {
  reply.Map(7);
  reply.Bulk("name");
  reply.Bulk(name);
  ReplyId(reply, "last-delivered-id", group.last_id);
  ReplyProgress(reply, stream, group);
  ReplyNumber(reply, "pel-count", group.pending().size());
  reply.Bulk("pending");
  int64_t left = Shown(group.pending().size(), most);
  reply.Array(left);
  for (auto at = group.pending().begin(); left > 0; ++at, --left) {
    reply.Array(4);
    reply.Bulk(storage::StreamIdText(at->first));
    reply.Bulk(*at->second.consumer);
    reply.Integer(at->second.delivered);
    reply.Integer(static_cast<int64_t>(at->second.deliveries));
  }
  reply.Bulk("consumers");
  reply.Array(static_cast<int64_t>(group.consumers().size()));
  for (const auto& [consumer, state] : group.consumers()) ReplyFullConsumer(reply, group, consumer, state, most);
}

// What XINFO STREAM FULL takes.
uint64_t StepsOfAll(const DataCall& call, const Stream& stream, size_t most) {
  uint64_t steps = StepsOfEntries(call, stream, {}, most);
  for (const auto& [name, group] : stream.groups()) {
    // Each is shown with its consumer too.
    steps +=
        kStepsOfEntry * (2 * static_cast<uint64_t>(Shown(group.pending().size(), most)) + group.consumers().size());
  }
  return steps;
}

void ReplyInfoSyntaxError(DataCall& call) { call.reply.Error(WrongSubcommand(call.args[1], "XINFO")); }

void InfoStream(DataCall& call) {
  constexpr size_t kShown = 10;
  const std::optional<Place> found = FindForInfo(call);
  if (!found) return;
  const Stream& stream = StreamIn(found->entry());
  resp::ReplyWriter& reply = call.reply;
  call.args.Skip(2);
  if (call.args.AtEnd()) {
    reply.Map(10);
    ReplyHead(reply, stream);
    ReplyNumber(reply, "groups", stream.groups().size());
    ReplyEdge(reply, "first-entry", stream, false);
    return ReplyEdge(reply, "last-entry", stream, true);
  }
  size_t most = kShown;
  if (call.args.Left() == 2 || call.args.Left() > 3 || !call.args.Take("FULL")) return ReplyInfoSyntaxError(call);
  if (!call.args.AtEnd()) {
    if (!call.args.Take("COUNT")) return ReplyInfoSyntaxError(call);
    const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
    if (!count) return reply.Error(errors::kNotInteger);
    if (*count >= 0) most = static_cast<size_t>(*count);
  }
  if (call.TakesLong(StepsOfAll(call, stream, most))) return;
  reply.Map(9);
  ReplyHead(reply, stream);
  reply.Bulk("entries");
  ReplyEntries(reply, stream, {}, CountEntries(stream, {}, most));
  reply.Bulk("groups");
  reply.Array(static_cast<int64_t>(stream.groups().size()));
  for (const auto& [name, group] : stream.groups()) ReplyFullGroup(reply, stream, name, group, most);
}

// --- XINFO GROUPS, XINFO CONSUMERS ----------------------------------------------------------------------------------

void InfoGroups(DataCall& call) {
  const std::optional<Place> found = FindForInfo(call);
  if (!found) return;
  const Stream& stream = StreamIn(found->entry());
  call.reply.Array(static_cast<int64_t>(stream.groups().size()));
  for (const auto& [name, group] : stream.groups()) {
    call.reply.Map(6);
    call.reply.Bulk("name");
    call.reply.Bulk(name);
    ReplyNumber(call.reply, "consumers", group.consumers().size());
    ReplyNumber(call.reply, "pending", group.pending().size());
    ReplyId(call.reply, "last-delivered-id", group.last_id);
    ReplyProgress(call.reply, stream, group);
  }
}

void InfoConsumers(DataCall& call) {
  const std::optional<Place> found = FindForInfo(call);
  if (!found) return;
  const StreamGroup* group = StreamIn(found->entry()).FindGroup(call.args[3]);
  if (group == nullptr) return call.reply.Error(NoGroupOfKey(call.args[2], call.args[3]));
  call.reply.Array(static_cast<int64_t>(group->consumers().size()));
  for (const auto& [name, consumer] : group->consumers()) {
    call.reply.Map(4);
    call.reply.Bulk("name");
    call.reply.Bulk(name);
    ReplyNumber(call.reply, "pending", consumer.pending.size());
    ReplyNumber(call.reply, "idle", static_cast<uint64_t>(std::max<int64_t>(call.txn.now() - consumer.seen, 0)));
    const bool was_active = consumer.active != storage::StreamConsumer::kNever;
    call.reply.Bulk("inactive");
    call.reply.Integer(was_active ? std::max<int64_t>(call.txn.now() - consumer.active, 0) : -1);
  }
}

constexpr Command kStreamInfoCommands[] = {
    {.name = "xinfo",
     .arity = -2,
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = "Depends on the subcommand",
     .summary = "Container of commands about streams.",
     .is_container = true},
    {.name = "consumers",
     .parent = "xinfo",
     .arity = 4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "5.0.0",
     .syntax = "key group",
     .summary = "Lists the consumers of a group.",
     .run = Data(InfoConsumers)},
    {.name = "groups",
     .parent = "xinfo",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key",
     .summary = "Lists the groups of a stream.",
     .run = Data(InfoGroups)},
    {.name = "help",
     .parent = "xinfo",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kStream,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "stream",
     .parent = "xinfo",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key [FULL [COUNT count]]",
     .summary = "Returns information about a stream.",
     .run = Data(InfoStream)},
};
static_assert(RowsAreSound(kStreamInfoCommands));

}  // namespace

std::span<const Command> StreamInfoCommands() { return kStreamInfoCommands; }

}  // namespace ringkv::server
