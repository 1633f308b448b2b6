// SPDX-License-Identifier: MIT
// The server as a whole: its databases, its state, its end.
#include <string>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/version.h"
#include "server/command/error_replies.h"
#include "server/commands/debug.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/outcome.h"
#include "server/report/info_page.h"
#include "server/session/session.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

void DbSize(DataCall& call) { call.reply.Integer(static_cast<int64_t>(SizeOf(call.txn, call.db).keys)); }

// SYNC and ASYNC are both accepted; memory is freed in the background either way.
bool ParseFlushMode(DataCall& call) {
  if (call.args.AtEnd()) return true;
  if (call.args.Left() == 1 && (call.args.Take("SYNC") || call.args.Take("ASYNC"))) return true;
  call.reply.Error(errors::kSyntax);
  return false;
}

void FlushDb(DataCall& call) {
  if (!ParseFlushMode(call)) return;
  call.txn.FlushDatabase(call.db);
  call.reply.Ok();
}

void FlushAll(DataCall& call) {
  if (!ParseFlushMode(call)) return;
  for (storage::DbIndex db = 0; db < call.txn.store().databases(); ++db) call.txn.FlushDatabase(db);
  call.txn.store().NoteEmptied();
  call.reply.Ok();
}

void SwapDb(DataCall& call) {
  if (call.txn.store().placement().by_slot) return call.reply.Error("ERR SWAPDB is not allowed in cluster mode");
  const std::optional<int64_t> a = resp::ParseInteger(call.args[1]);
  const std::optional<int64_t> b = resp::ParseInteger(call.args[2]);
  if (!a || *a < INT32_MIN || *a > INT32_MAX) return call.reply.Error("ERR invalid first DB index");
  if (!b || *b < INT32_MIN || *b > INT32_MAX) return call.reply.Error("ERR invalid second DB index");
  const int64_t databases = call.txn.store().databases();
  if (*a < 0 || *a >= databases || *b < 0 || *b >= databases) return call.reply.Error(errors::kDbOutOfRange);
  if (*a != *b) call.txn.SwapDatabases(static_cast<storage::DbIndex>(*a), static_cast<storage::DbIndex>(*b));
  call.reply.Ok();
}

void Time(AdminCall& call) {
  const int64_t now = call.server.clock().NowMicros();
  call.reply.Array(2);
  call.reply.BulkInteger(now / 1'000'000);
  call.reply.BulkInteger(now % 1'000'000);
}

void Info(AdminCall& call) {
  std::vector<std::string_view> sections(call.args.all().begin() + 1, call.args.all().end());
  call.session.UpdateCard(call.server.clock().SteadyMs());
  call.reply.Verbatim(InfoPage(call.server.report_parts(), call.txn, sections), "txt");
}

void StartMonitor(AdminCall& call) {
  if (!call.may_wait) return call.reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  call.reply.Ok();
  if (call.session.is_monitor) return;
  call.session.is_monitor = true;
  call.session.card->is_monitor = true;
  call.server.monitor().Add(call.session.card);
}

void EndServer(AdminCall& call) {
  ShutdownRequest request{.saves = call.server.data().SavesAtEnd(), .by = call.session.card};
  bool abort = false;
  bool other = false;
  bool is_save = false;
  bool is_nosave = false;
  while (!call.args.AtEnd()) {
    if (call.args.Take("ABORT")) {
      abort = true;
      continue;
    }
    other = true;
    if (call.args.Take("SAVE")) {
      request.saves = is_save = true;
    } else if (call.args.Take("NOSAVE")) {
      request.saves = false;
      is_nosave = true;
    } else if (call.args.Take("FORCE")) {
      request.is_forced = true;
    } else if (call.args.Take("NOW")) {
      request.waits_for_replicas = false;
    } else {
      return call.reply.Error(errors::kSyntax);
    }
  }
  if ((abort && other) || (is_save && is_nosave)) return call.reply.Error(errors::kSyntax);
  if (abort && call.server.shutdown().Abort()) return call.reply.Ok();
  if (abort) return call.reply.Error("ERR No shutdown in progress.");
  if (!call.may_wait) {
    return call.reply.Error("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
  }
  if (const std::string_view busy = call.server.scripts().BusyError(); !busy.empty()) {
    if (!is_nosave) return call.reply.Error(busy);
    request.leaves_scripts = true;
  }
  call.server.log().Notice("SHUTDOWN requested by " + call.session.card->address);
  call.outcome = outcome::LateReply{};
  call.server.shutdown().Request(std::move(request));
}

// A ring with a key on it.
void Lolwut(AdminCall& call) {
  const bool names_version = call.args.size() > 2 && EqualsIgnoringCase(call.args[1], "VERSION");
  if (names_version && !resp::ParseInteger(call.args[2])) return call.reply.Error(errors::kNotInteger);
  std::string text =
      "      .-''''-.\n"
      "    .'  .--.  '.        o----.\n"
      "   /   /    \\   \\      /      \\___,-,_\n"
      "  |   |      |   |----(        ___   ,\n"
      "   \\   \\    /   /      \\      /   '-'\n"
      "    '.  '--'  .'        o----'\n"
      "      '-....-'\n\n";
  text += "RingKV ver. " + std::string(kRingKvVersion) + ", Redis ver. " + std::string(kRedisVersion) + "\n";
  call.reply.Verbatim(text, "txt");
}

constexpr Command kServerCommands[] = {
    {.name = "dbsize",
     .arity = 1,
     .flags = kReadOnly | kFast,
     .scope = Scope::kWalks,
     .joinable = {Spread::kEachShard, Join::kSum},
     .group = Group::kServer,
     .categories = "keyspace",
     .tips = "request_policy:all_shards response_policy:agg_sum",
     .since = "1.0.0",
     .summary = "Counts the keys of the database.",
     .run = Data(DbSize)},
    {.name = "debug",
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .needs = kNeedsDebugAllowed,
     .scope = Scope::kWalks,
     .group = Group::kServer,
     .since = "1.0.0",
     .complexity = "Depends on subcommand.",
     .syntax = "subcommand [arg ...]",
     .summary = "Offers functions for tests and debugging.",
     .run = Admin(Debug)},
    {.name = "flushall",
     .arity = -1,
     .flags = kWrite,
     .scope = Scope::kEverything,
     .joinable = {Spread::kEachShard, Join::kAllOk},
     .group = Group::kServer,
     .categories = "keyspace dangerous",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .since = "1.0.0",
     .complexity = "O(1); memory is freed in the background",
     .syntax = "[ASYNC | SYNC]",
     .summary = "Deletes all keys of all databases.",
     .run = Data(FlushAll)},
    {.name = "flushdb",
     .arity = -1,
     .flags = kWrite,
     .scope = Scope::kEverything,
     .joinable = {Spread::kEachShard, Join::kAllOk},
     .group = Group::kServer,
     .categories = "keyspace dangerous",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .since = "1.0.0",
     .complexity = "O(1); memory is freed in the background",
     .syntax = "[ASYNC | SYNC]",
     .summary = "Deletes all keys of the database.",
     .run = Data(FlushDb)},
    {.name = "info",
     .arity = -1,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .scope = Scope::kWalks,
     .group = Group::kServer,
     .categories = "dangerous",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     .since = "1.0.0",
     .syntax = "[section ...]",
     .summary = "Returns information and statistics about the server.",
     .run = Admin(Info)},
    {.name = "lolwut",
     .arity = -1,
     .flags = kReadOnly | kFast,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = "read",
     .since = "5.0.0",
     .complexity = "None",
     .syntax = "[VERSION version]",
     .summary = "Draws an image and shows the version.",
     .run = Admin(Lolwut)},
    {.name = "monitor",
     .arity = 1,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .traits = kChangesSession,
     .group = Group::kServer,
     .since = "1.0.0",
     .complexity = "None",
     .summary = "Streams all executed commands.",
     .run = Admin(StartMonitor)},
    {.name = "shutdown",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     .group = Group::kServer,
     .since = "1.0.0",
     .syntax = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
     .summary = "Shuts the server down.",
     .run = Admin(EndServer)},
    {.name = "swapdb",
     .arity = 3,
     .flags = kWrite | kFast,
     .scope = Scope::kEverything,
     .group = Group::kServer,
     .categories = "keyspace dangerous",
     .since = "4.0.0",
     .complexity = "O(N) in the number of keys watched in both databases",
     .syntax = "index1 index2",
     .summary = "Swaps two databases.",
     .run = Data(SwapDb)},
    {.name = "time",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .traits = kImpersonal | kOnlyShows,
     .group = Group::kServer,
     .tips = "nondeterministic_output",
     .since = "2.6.0",
     .summary = "Returns the server's time.",
     .run = Admin(Time)},
};
static_assert(RowsAreSound(kServerCommands));

}  // namespace

std::span<const Command> ServerCommands() { return kServerCommands; }

}  // namespace ringkv::server
