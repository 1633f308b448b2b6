// SPDX-License-Identifier: MIT
// Consumer groups of streams and their consumers.
#include <string>

#include "server/commands/families.h"
#include "server/commands/help.h"
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

// The stream at the second argument, with the group at the third one if that must be. Nothing with the error written.
std::optional<Place> FindForGroup(DataCall& call, bool needs_group, bool may_be_missing = false) {
  const std::optional<Place> found = FindStream(call, call.args[2], Intent::kWrite);
  if (!found) return std::nullopt;
  if (!*found && !may_be_missing) {
    call.reply.Error(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
        "option to create an empty stream automatically.");
    return std::nullopt;
  }
  if (needs_group && GroupOf(*found, call.args[3]) == nullptr) {
    call.reply.Error(NoGroupOfKey(call.args[2], call.args[3]));
    return std::nullopt;
  }
  return found;
}

void ReplyGroupSyntaxError(DataCall& call) { call.reply.Error(WrongSubcommand(call.args[1], "XGROUP")); }

struct GroupOptions {
  bool makes_stream = false;
  int64_t read = StreamGroup::kUnknown;
};

bool ParseGroupOptions(DataCall& call, bool may_make_stream, GroupOptions* options) {
  call.args.Skip(4);
  while (!call.args.AtEnd()) {
    if (may_make_stream && call.args.Take("MKSTREAM")) {
      options->makes_stream = true;
    } else if (call.args.TakeWithValue("ENTRIESREAD")) {
      const std::optional<int64_t> read = resp::ParseInteger(call.args.Next());
      if (!read || *read < StreamGroup::kUnknown) {
        call.reply.Error(read ? "ERR value for ENTRIESREAD must be positive or -1" : errors::kNotInteger);
        return false;
      }
      options->read = *read;
    } else {
      ReplyGroupSyntaxError(call);
      return false;
    }
  }
  return true;
}

// "$" is the last one of the stream, which may be missing.
std::optional<StreamId> ParseGroupStart(DataCall& call, const Place& place, bool may_be_edge) {
  const std::string_view text = call.args[4];
  if (text == "$") return place ? StreamIn(place.entry()).last_id() : StreamId{};
  const std::optional<StreamId> id = may_be_edge ? ParseStreamBound(text) : ParseStreamId(text);
  if (!id) call.reply.Error(errors::kBadStreamId);
  return id;
}

void GroupCreate(DataCall& call) {
  GroupOptions options;
  if (!ParseGroupOptions(call, true, &options)) return;
  if (call.args.size() > 8) return ReplyGroupSyntaxError(call);
  std::optional<Place> found = FindForGroup(call, false, options.makes_stream);
  if (!found) return;
  const std::optional<StreamId> start = ParseGroupStart(call, *found, false);
  if (!start) return;
  if (GroupOf(*found, call.args[3]) != nullptr) {
    return call.reply.Error("BUSYGROUP Consumer Group name already exists");
  }
  call.txn.Do(*found, storage::StreamGroupPut{call.args[3], *start, options.read}, events::kXGroupCreate);
  call.reply.Ok();
}

void GroupSetId(DataCall& call) {
  GroupOptions options;
  if (!ParseGroupOptions(call, false, &options)) return;
  std::optional<Place> found = FindForGroup(call, true);
  if (!found) return;
  if (call.args.size() > 7) return ReplyGroupSyntaxError(call);
  const std::optional<StreamId> start = ParseGroupStart(call, *found, true);
  if (!start) return;
  call.txn.Do(*found, storage::StreamGroupMove{call.args[3], *start, options.read}, events::kXGroupSetId);
  call.reply.Ok();
}

void GroupDestroy(DataCall& call) {
  std::optional<Place> found = FindForGroup(call, false);
  if (!found) return;
  const storage::StreamGroup* const group = GroupOf(*found, call.args[3]);
  if (group != nullptr && call.TakesLong(group->pending().size())) return;  // all are freed
  call.reply.Integer(call.txn.Do(*found, storage::StreamGroupErase{call.args[3]}, events::kXGroupDestroy) ==
                             EffectResult::kUnchanged
                         ? 0
                         : 1);
}

void GroupCreateConsumer(DataCall& call) {
  std::optional<Place> found = FindForGroup(call, true);
  if (!found) return;
  const bool is_there = GroupOf(*found, call.args[3])->FindConsumer(call.args[4]) != nullptr;
  if (!is_there)
    call.txn.Do(*found, storage::StreamConsumerPut{call.args[3], call.args[4], call.txn.now()},
                events::kXGroupCreateConsumer);
  call.reply.Integer(is_there ? 0 : 1);
}

void GroupDelConsumer(DataCall& call) {
  std::optional<Place> found = FindForGroup(call, true);
  if (!found) return;
  const storage::StreamConsumer* consumer = GroupOf(*found, call.args[3])->FindConsumer(call.args[4]);
  const size_t pending = consumer == nullptr ? 0 : consumer->pending.size();
  if (call.TakesLong(kStepsOfEntry * pending)) return;
  if (consumer != nullptr)
    call.txn.Do(*found, storage::StreamConsumerErase{call.args[3], call.args[4]}, events::kXGroupDelConsumer);
  call.reply.Integer(static_cast<int64_t>(pending));
}

constexpr Command kStreamGroupCommands[] = {
    {.name = "xgroup",
     .arity = -2,
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = "Depends on the subcommand",
     .summary = "Container of consumer group commands.",
     .is_container = true},
    {.name = "create",
     .parent = "xgroup",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
     .summary = "Creates a consumer group.",
     .run = Data(GroupCreate)},
    {.name = "createconsumer",
     .parent = "xgroup",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kStream,
     .since = "6.2.0",
     .syntax = "key group consumer",
     .summary = "Creates a consumer.",
     .run = Data(GroupCreateConsumer)},
    {.name = "delconsumer",
     .parent = "xgroup",
     .arity = 5,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key group consumer",
     .summary = "Deletes a consumer and its pending entries.",
     .run = Data(GroupDelConsumer)},
    {.name = "destroy",
     .parent = "xgroup",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = "O(N) in the number of entries pending",
     .syntax = "key group",
     .summary = "Deletes a consumer group.",
     .run = Data(GroupDestroy)},
    {.name = "help",
     .parent = "xgroup",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kStream,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "setid",
     .parent = "xgroup",
     .arity = -5,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyUpdate, 2),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key group <id | $> [ENTRIESREAD entries-read]",
     .summary = "Sets the last delivered ID of a group.",
     .run = Data(GroupSetId)},
};
static_assert(RowsAreSound(kStreamGroupCommands));

}  // namespace

std::span<const Command> StreamGroupCommands() { return kStreamGroupCommands; }

}  // namespace ringkv::server
