// SPDX-License-Identifier: MIT
#include "server/commands/debug.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "server/command/error_replies.h"
#include "server/commands/debug_parts.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/administer.h"
#include "server/session/session.h"
#include "storage/durability/reload.h"

namespace ringkv::server {
namespace {

void Sleep(AdminCall& call) {
  const double seconds = std::strtod(std::string(call.args[2]).c_str(), nullptr);
  constexpr double kLongest = 3600;
  if (seconds > 0 && seconds <= kLongest) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  call.reply.Ok();
}

void SetActiveExpiry(AdminCall& call) {
  call.server.housekeeping().set_active_expiry(call.args[2] != "0");
  call.reply.Ok();
}

void PauseCron(AdminCall& call) {
  call.server.housekeeping().set_paused(call.args[2] != "0");
  call.reply.Ok();
}

// For tests of clients: no failed call, as in Redis.
void ReplyError(AdminCall& call) { call.reply.UncountedError(call.args[2]); }

void WriteLog(AdminCall& call) {
  call.server.log().Warning("DEBUG LOG: " + std::string(call.args[2]));
  call.reply.Ok();
}

// As an application without a handler of its own would end.
void CrashBySignal(AdminCall& call) {
  call.server.log().Warning("DEBUG crashes the server at the request of " + call.session.card->address);
  std::signal(SIGSEGV, SIG_DFL);
  std::raise(SIGSEGV);
}

void Abort(AdminCall& call) {
  call.server.log().Warning("DEBUG aborts the server at the request of " + call.session.card->address);
  std::abort();
}

// Loads the data anew from the files, which are complete because nothing has changed since.
void LoadAnew(Server& server, bool saves_before, resp::ReplyWriter& reply) {
  constexpr int kAttempts = 10;
  storage::Durability& durability = server.durability();
  storage::Random random(server.store().placement().seed);
  storage::Txn txn(server.store(), server.clock().Now(), random);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    storage::Status ready = saves_before ? durability.Save() : durability.log().Flush();
    if (ready) {
      txn.LockAll();
      // Others may have written since.
      const bool is_complete = !saves_before || durability.ChangesSinceSave(txn) == 0;
      if (!saves_before) ready = durability.log().Flush();
      if (ready && is_complete) ready = ReloadFromFiles(txn, server.files(), DataKeeper::FilesOf(server.options()));
      txn.Unlock();
      if (ready && is_complete) return reply.Ok();
    }
    if (!ready) return reply.Error("ERR Error trying to load the data from the files: " + ready.error().text);
  }
  reply.Error("ERR the data changes all the time; pause clients with CLIENT PAUSE, or stop them");
}

void LoadAnew(AdminCall& call, bool saves_before) {
  Administer(call, Administration::Lane::kFiles, [&server = call.server, saves_before](resp::ReplyWriter& reply) {
    LoadAnew(server, saves_before, reply);
  });
}

constexpr std::string_view kNoDebugInTransaction = "ERR this subcommand of DEBUG isn't allowed inside a transaction";

void Reload(AdminCall& call) {
  if (call.in_transaction) return call.reply.Error(kNoDebugInTransaction);
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    // The loaded data is the same as that in memory, so these make no difference.
    if (call.args.Take("MERGE") || call.args.Take("NOFLUSH")) continue;
    if (call.args.Take("NOSAVE")) {
      return call.reply.Error(
          "ERR DEBUG RELOAD NOSAVE would go back to an earlier state, which replicas and the log do not follow; start "
          "the server with that file");
    }
    return call.reply.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  }
  LoadAnew(call, true);
}

void LoadAof(AdminCall& call) {
  if (call.in_transaction) return call.reply.Error(kNoDebugInTransaction);
  if (!call.server.durability().log().is_open()) return call.reply.Error("ERR there is no log (appendonly no)");
  LoadAnew(call, false);
}

void Help(AdminCall& call);

struct Subcommand {
  std::string_view name;
  size_t least;  // arguments behind the name
  size_t most;
  void (*run)(AdminCall& call);
  std::string_view arguments;
  std::string_view help;
};

constexpr Subcommand kSubcommands[] = {
    {"ASSERT", 0, 0, Abort, "", "Aborts the server."},
    {"CHANGE-REPL-ID", 0, 0, DebugChangeReplicationId, "", "Begins another history: replicas need a full sync."},
    {"CONFIG-REWRITE-FORCE-ALL", 0, 0, DebugRewriteAll, "", "Like CONFIG REWRITE, with a line for every option."},
    {"DIGEST", 0, 0, DebugDigest, "", "Returns a digest of all data, as forty digits."},
    {"DIGEST-VALUE", 0, SIZE_MAX, DebugDigestValue, "[key ...]", "Returns a digest of each value."},
    {"ERROR", 1, 1, ReplyError, "string", "Returns this error."},
    {"HELP", 0, 0, Help, "", "Lists the subcommands."},
    {"HTSTATS", 1, 1, DebugTables, "dbid", "Returns the sizes of the tables of a database."},
    {"HTSTATS-KEY", 1, 1, DebugTableOf, "key", "Returns the size of the table of a value."},
    {"LOADAOF", 0, 0, LoadAof, "", "Loads the data anew from the snapshot and the log."},
    {"LEAK", 1, 1, DebugLeak, "string", "Leaks the memory of this string."},
    {"LISTPACK", 1, 1, DebugListpack, "key", "Logs the size of a packed value."},
    {"LOG", 1, 1, WriteLog, "message", "Writes a line to the log."},
    {"OBJECT", 1, 1, DebugObject, "key", "Shows the internal representation of a value."},
    {"OOM", 0, 0, Abort, "", "Aborts the server."},
    {"PANIC", 0, 0, Abort, "", "Aborts the server."},
    {"PAUSE-CRON", 1, 1, PauseCron, "<0|1>", "Stops or resumes background jobs: expiry, eviction, save points."},
    {"POPULATE", 1, 3, DebugPopulate, "count [prefix] [size]",
     "Creates strings key:0, key:1 and so on, where missing."},
    {"PROTOCOL", 1, 1, DebugProtocol, "type", "Returns a reply of this type."},
    {"QUICKLIST", 1, 2, DebugQuicklist, "key [<0|1>]", "Logs the size of a list that is not packed."},
    {"QUICKLIST-PACKED-THRESHOLD", 1, 1, DebugPackedThreshold, "size",
     "Sets the bytes from which an element of a list is kept by itself; 0 for the default."},
    {"RELOAD", 0, SIZE_MAX, Reload, "[MERGE] [NOFLUSH]", "Makes a snapshot and loads the data anew from it."},
    {"REPLICATE", 1, SIZE_MAX, DebugReplicate, "command [arg ...]",
     "Sends the command to the Redis replicas without executing it."},
    {"SDSLEN", 1, 1, DebugSdsLen, "key", "Shows the lengths of a key and its string."},
    {"SEGFAULT", 0, 0, CrashBySignal, "", "Crashes the server."},
    {"SET-ACTIVE-EXPIRE", 1, 1, SetActiveExpiry, "<0|1>", "Disables or enables active expiry."},
    {"SET-DISABLE-DENY-SCRIPTS", 1, 1, DebugDisableDenyScripts, "<0|1>",
     "Lets scripts call commands that are not for scripts, if a transaction may run them."},
    {"SLEEP", 1, 1, Sleep, "seconds", "Blocks the thread of this connection."},
    {"STRINGMATCH-TEST", 0, 0, DebugStringMatch, "", "Matches random patterns."},
    {"STRUCTSIZE", 0, 0, DebugStructSize, "", "Returns the sizes of internal structures."},
};

void Help(AdminCall& call) {
  ReplyHelpHead(call.reply, "DEBUG", std::size(kSubcommands));
  for (const Subcommand& each : kSubcommands) ReplyHelpOf(call.reply, each.name, each.arguments, each.help);
}

}  // namespace

void Debug(AdminCall& call) {
  const size_t count = call.args.size() - 2;
  for (const Subcommand& each : kSubcommands) {
    if (EqualsIgnoringCase(call.args[1], each.name) && count >= each.least && count <= each.most) return each.run(call);
  }
  call.reply.Error(WrongSubcommand(call.args[1], "DEBUG"));
}

}  // namespace ringkv::server
