// SPDX-License-Identifier: MIT
// XDELEX and XACKDEL: deletion of entries that consumer groups may refer to.
#include <optional>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/stream_references.h"
#include "server/commands/stream_reply.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::Place;
using storage::StreamId;
using storage::StreamIn;

// What the reply says of an ID.
enum Deletion : int64_t { kNotThere = -1, kDeleted = 1, kStillReferenced = 2 };

struct DeletionQuery {
  References references = References::kKept;
  std::vector<StreamId> ids;
};

// The IDs behind IDS and their number; none with the error written.
std::optional<std::vector<StreamId>> TakeIds(DataCall& call) {
  const std::optional<int64_t> number = resp::ParseInteger(call.args.Next());
  if (!number || *number < 1) {
    call.reply.Error("ERR Number of IDs must be a positive integer");
    return std::nullopt;
  }
  if (static_cast<uint64_t>(*number) > call.args.Left()) {
    call.reply.Error("ERR The `numids` parameter must match the number of arguments");
    return std::nullopt;
  }
  std::vector<StreamId> ids;
  for (int64_t i = 0; i < *number; ++i) {
    const std::optional<StreamId> id = ParseStreamId(call.args.Next());
    if (!id) {
      call.reply.Error(errors::kBadStreamId);
      return std::nullopt;
    }
    ids.push_back(*id);
  }
  return ids;
}

// The options behind so many arguments, in any order; none with the error written.
std::optional<DeletionQuery> ParseDeletion(DataCall& call, size_t behind) {
  std::optional<References> references;
  std::optional<std::vector<StreamId>> ids;
  call.args.Skip(behind);
  while (!call.args.AtEnd()) {
    if (TakeReferences(call.args, &references)) continue;
    if (ids || !call.args.TakeWithValue("IDS")) {
      call.reply.Error(errors::kSyntax);
      return std::nullopt;
    }
    ids = TakeIds(call);
    if (!ids) return std::nullopt;
  }
  if (!ids) {
    call.reply.Error(errors::kSyntax);
    return std::nullopt;
  }
  return DeletionQuery{references.value_or(References::kKept), std::move(*ids)};
}

bool TakesLong(DataCall& call, const Place& place, const DeletionQuery& query) {
  const size_t groups = place ? StreamIn(place.entry()).groups().size() : 0;
  return call.TakesLong(kStepsOfInsertion * query.ids.size() *
                        (query.references == References::kKept ? 1 : 1 + groups));
}

void ReplyNoneThere(DataCall& call, const DeletionQuery& query) {
  call.reply.Array(static_cast<int64_t>(query.ids.size()));
  for (size_t i = 0; i < query.ids.size(); ++i) call.reply.Integer(kNotThere);
}

// --- XDELEX ---------------------------------------------------------------------------------------------------------

Deletion DeleteEntry(DataCall& call, Place& place, const DeletionQuery& query, const StreamId& id) {
  if (query.references == References::kDropped) DropReferences(call, place, id);
  const storage::Stream& stream = StreamIn(place.entry());
  if (!stream.Contains(id)) return kNotThere;
  if (query.references == References::kForbidding && IsReferenced(stream, id)) return kStillReferenced;
  call.txn.Do(place, storage::StreamErase{id}, events::kXDel);
  return kDeleted;
}

void XDelEx(DataCall& call) {
  const std::optional<DeletionQuery> query = ParseDeletion(call, 1);
  if (!query) return;
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return ReplyNoneThere(call, *query);
  if (TakesLong(call, *found, *query)) return;
  call.reply.Array(static_cast<int64_t>(query->ids.size()));
  for (const StreamId& id : query->ids) call.reply.Integer(DeleteEntry(call, *found, *query, id));
}

// --- XACKDEL --------------------------------------------------------------------------------------------------------

// An entry that is acknowledged counts as deleted, too, if it was deleted before.
Deletion AcknowledgeAndDelete(DataCall& call, Place& place, const DeletionQuery& query, const StreamId& id) {
  const auto acknowledged = call.txn.Do(place, storage::StreamAcknowledge{call.args[2], id}, events::kNone);
  const bool was_pending = acknowledged != EffectResult::kUnchanged;
  const bool is_there = StreamIn(place.entry()).Contains(id);
  if (query.references == References::kDropped && (was_pending || !is_there)) DropReferences(call, place, id);
  if (!was_pending) return kNotThere;
  if (query.references == References::kForbidding && IsReferenced(StreamIn(place.entry()), id)) return kStillReferenced;
  if (is_there) call.txn.Do(place, storage::StreamErase{id}, events::kXDel);
  return kDeleted;
}

void XAckDel(DataCall& call) {
  const std::optional<DeletionQuery> query = ParseDeletion(call, 2);
  if (!query) return;
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (GroupOf(*found, call.args[2]) == nullptr) return ReplyNoneThere(call, *query);
  if (TakesLong(call, *found, *query)) return;
  call.reply.Array(static_cast<int64_t>(query->ids.size()));
  for (const StreamId& id : query->ids) call.reply.Integer(AcknowledgeAndDelete(call, *found, *query, id));
}

constexpr Command kStreamDeletionCommands[] = {
    {.name = "xackdel",
     .arity = -6,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate | kKeyDelete),
     .group = Group::kStream,
     .since = "8.2.0",
     .complexity = "O(N) in the number of IDs given",
     .syntax = "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
     .summary = "Acknowledges pending entries of a group and deletes them.",
     .run = Data(XAckDel)},
    {.name = "xdelex",
     .arity = -5,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kStream,
     .since = "8.2.0",
     .complexity = "O(N) in the number of IDs given",
     .syntax = "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
     .summary = "Deletes entries, by what consumer groups still have to do with them.",
     .run = Data(XDelEx)},
};
static_assert(RowsAreSound(kStreamDeletionCommands));

}  // namespace

std::span<const Command> StreamDeletionCommands() { return kStreamDeletionCommands; }

}  // namespace ringkv::server
