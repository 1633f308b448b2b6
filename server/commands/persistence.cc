// SPDX-License-Identifier: MIT
// Snapshots on request.
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/administer.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

using storage::SnapshotReason;

constexpr std::string_view kSaveRuns = "ERR Background save already in progress";
constexpr std::string_view kOtherRuns =
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a "
    "BGSAVE whenever possible.";

void Save(AdminCall& call) {
  Administer(call, Administration::Lane::kFiles, [&durability = call.server.durability()](resp::ReplyWriter& reply) {
    const storage::Status saved = durability.Save();
    saved ? reply.Ok() : reply.Error("ERR " + saved.error().text);
  });
}

void BackgroundSave(AdminCall& call) {
  bool schedule = false;
  if (call.args.size() > 1) {
    if (call.args.size() > 2 || !call.args.Take("SCHEDULE")) return call.reply.Error(errors::kSyntax);
    schedule = true;
  }
  storage::Durability& durability = call.server.durability();
  const storage::Durability::SnapshotState state = durability.snapshot_state();
  if (state.is_running && state.reason == SnapshotReason::kSave) return call.reply.Error(kSaveRuns);
  if (state.is_running || call.in_transaction) {
    if (!schedule && !call.in_transaction) return call.reply.Error(kOtherRuns);
    durability.ScheduleSave(SnapshotReason::kSave);
    return call.reply.Simple("Background saving scheduled");
  }
  if (!durability.StartSave(SnapshotReason::kSave)) return call.reply.Error(kSaveRuns);
  call.reply.Simple("Background saving started");
}

void RewriteLog(AdminCall& call) {
  storage::Durability& durability = call.server.durability();
  const storage::Durability::SnapshotState state = durability.snapshot_state();
  if (state.is_running && state.reason == SnapshotReason::kLogRewrite) {
    return call.reply.Error("ERR Background append only file rewriting already in progress");
  }
  if (state.is_running || call.in_transaction || !durability.StartSave(SnapshotReason::kLogRewrite)) {
    durability.ScheduleSave(SnapshotReason::kLogRewrite);
    return call.reply.Simple("Background append only file rewriting scheduled");
  }
  call.reply.Simple("Background append only file rewriting started");
}

void LastSave(AdminCall& call) { call.reply.Integer(call.server.durability().snapshot_state().last_success / 1000); }

constexpr uint32_t kSaves = kAdmin | kNoScript | kNoAsyncLoading;

constexpr Command kPersistenceCommands[] = {
    {.name = "bgrewriteaof",
     .arity = 1,
     .flags = kSaves,
     .group = Group::kServer,
     .since = "1.0.0",
     .summary = "Saves a snapshot in the background, so that old log files can be deleted.",
     .run = Admin(RewriteLog)},
    {.name = "bgsave",
     .arity = -1,
     .flags = kSaves,
     .group = Group::kServer,
     .since = "1.0.0",
     .syntax = "[SCHEDULE]",
     .summary = "Saves a snapshot in the background.",
     .run = Admin(BackgroundSave)},
    {.name = "lastsave",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = "admin dangerous",
     .tips = "nondeterministic_output",
     .since = "1.0.0",
     .summary = "Returns the time of the last successful snapshot.",
     .run = Admin(LastSave)},
    {.name = "save",
     .arity = 1,
     .flags = kSaves | kNoMulti,
     .group = Group::kServer,
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys in all databases",
     .summary = "Saves a snapshot synchronously.",
     .run = Admin(Save)},
};
static_assert(RowsAreSound(kPersistenceCommands));

}  // namespace

std::span<const Command> PersistenceCommands() { return kPersistenceCommands; }

}  // namespace ringkv::server
