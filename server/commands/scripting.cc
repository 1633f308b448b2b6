// SPDX-License-Identifier: MIT
// Scripts: EVAL and its like, and SCRIPT.
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/script_call.h"
#include "server/composition/server.h"
#include "server/scripts/scripts.h"

namespace ringkv::server {
namespace {

// redis-cli --ldb ignores the refusal of SCRIPT DEBUG: what the user wants to step through must not run as a whole.
bool RefusesToDebug(AdminCall& call) {
  if (!call.session.wants_debugger) return false;
  call.session.wants_debugger = false;
  call.reply.Error("ERR there is no script debugger: the script behind SCRIPT DEBUG was not run");
  return true;
}

void Eval(AdminCall& call) {
  if (RefusesToDebug(call)) return;
  const std::optional<size_t> keys = ReadKeyCount(call, errors::kNotInteger);
  if (!keys) return;
  if (Scripts::IsLongText(call, call.args[1])) return call.server.scripts().RunLongText(call, *keys);
  const Script* const script = call.server.scripts().Obtain(call, call.args[1]);
  if (script != nullptr) RunProgram(call, *script, script->sha1(), *keys);
}

void EvalSha(AdminCall& call) {
  constexpr std::string_view kNoScriptFound = "NOSCRIPT No matching script. Please use EVAL.";
  if (RefusesToDebug(call)) return;
  if (call.args[1].size() != kSha1Digits) return call.reply.Error(kNoScriptFound);
  const std::optional<size_t> keys = ReadKeyCount(call, errors::kNotInteger);
  if (!keys) return;
  const Script* const script = call.server.scripts().Find(call.thread, call.args[1]);
  if (script == nullptr) return call.reply.Error(kNoScriptFound);
  RunProgram(call, *script, script->sha1(), *keys);
}

void ScriptLoad(AdminCall& call) { call.server.scripts().LoadScript(call, call.args[2]); }

void ScriptExists(AdminCall& call) {
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (const std::string_view sha1 : call.args.all().subspan(2)) {
    call.reply.Integer(call.server.scripts().Find(call.thread, sha1) != nullptr ? 1 : 0);
  }
}

void ScriptShow(AdminCall& call) {
  const Script* const script = call.server.scripts().Find(call.thread, call.args[2]);
  if (script == nullptr) return call.reply.Error("NOSCRIPT No matching script.");
  call.reply.Bulk(script->text());
}

// ASYNC and SYNC are the same: what runs keeps its script, and the others are small.
void ScriptFlush(AdminCall& call) {
  call.args.Skip(1);
  const bool is_known = call.args.AtEnd() || ((call.args.Take("ASYNC") || call.args.Take("SYNC")) && call.args.AtEnd());
  if (!is_known) return call.reply.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  call.server.scripts().registry().Flush();
  call.reply.Ok();
}

void ScriptKill(AdminCall& call) {
  const std::string_view error = call.server.scripts().Kill(false);
  error.empty() ? call.reply.Ok() : call.reply.Error(error);
}

void ScriptDebug(AdminCall& call) {
  call.args.Skip(1);
  call.session.wants_debugger = false;
  if (call.args.Take("NO")) return call.reply.Ok();
  if (!call.args.Take("YES") && !call.args.Take("SYNC")) {
    return call.reply.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
  }
  call.session.wants_debugger = true;
  call.reply.Error("ERR there is no script debugger: redis.log writes to the server's log");
}

constexpr std::string_view kTakesItsTime = "Depends on the script that is executed.";
constexpr uint32_t kEvalFlags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys;
constexpr uint32_t kEvalNeeds = kNeedsNoWritePause | kNeedsLogRoom | kNeedsNoFence;
constexpr std::string_view kScriptTips = "request_policy:all_nodes response_policy:all_succeeded";

// With cluster-redirect proxy: any node may be asked to run the script.
constexpr Joinable kOnEachNode{Spread::kEachShard, Join::kAllOk};

constexpr KeySpec DeclaredKeys(uint16_t flags, std::string_view note = {}) {
  KeySpec spec = CountedKeys(flags, 2);
  spec.note = note;
  return spec;
}
constexpr KeySpec kAnyKeys = DeclaredKeys(kKeyRW | kKeyAccess | kKeyUpdate);

constexpr Command kScriptingCommands[] = {
    {.name = "eval",
     .arity = -3,
     .flags = kEvalFlags,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .needs = kEvalNeeds,
     .keys = DeclaredKeys(kKeyRW | kKeyAccess | kKeyUpdate,
                          "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
     .group = Group::kScripting,
     .since = "2.6.0",
     .complexity = kTakesItsTime,
     .syntax = "script numkeys [key ...] [arg ...]",
     .summary = "Runs a Lua script.",
     .run = Admin(Eval)},
    {.name = "evalsha",
     .arity = -3,
     .flags = kEvalFlags,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .needs = kEvalNeeds,
     .keys = kAnyKeys,
     .group = Group::kScripting,
     .since = "2.6.0",
     .complexity = kTakesItsTime,
     .syntax = "sha1 numkeys [key ...] [arg ...]",
     .summary = "Runs a Lua script that the server knows.",
     .run = Admin(EvalSha)},
    {.name = "eval_ro",
     .arity = -3,
     .flags = kEvalFlags | kReadOnly,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .keys = DeclaredKeys(kKeyRO | kKeyAccess,
                          "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = kTakesItsTime,
     .syntax = "script numkeys [key ...] [arg ...]",
     .summary = "Runs a Lua script that only reads.",
     .run = Admin(Eval)},
    {.name = "evalsha_ro",
     .arity = -3,
     .flags = kEvalFlags | kReadOnly,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .keys = DeclaredKeys(kKeyRO | kKeyAccess),
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = kTakesItsTime,
     .syntax = "sha1 numkeys [key ...] [arg ...]",
     .summary = "Runs a Lua script that the server knows and that only reads.",
     .run = Admin(EvalSha)},
    {.name = "script",
     .arity = -2,
     .group = Group::kScripting,
     .since = "2.6.0",
     .complexity = "Depends on subcommand.",
     .syntax = "<subcommand> [arg ...]",
     .summary = "Administers the scripts that the server knows.",
     .is_container = true},
    {.name = "debug",
     .parent = "script",
     .arity = 3,
     .flags = kNoScript,
     .traits = kChangesSession,
     .group = Group::kScripting,
     .since = "3.2.0",
     .syntax = "YES|SYNC|NO",
     .summary = "Sets the debug mode; there is no debugger, so only NO is accepted.",
     .run = Admin(ScriptDebug)},
    {.name = "exists",
     .parent = "script",
     .arity = -3,
     .flags = kNoScript,
     .traits = kImpersonal | kOnlyShows,
     .group = Group::kScripting,
     .tips = "request_policy:all_shards response_policy:agg_logical_and",
     .since = "2.6.0",
     .complexity =
         "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
     .syntax = "sha1 [sha1 ...]",
     .summary = "Tells which scripts the server knows.",
     .run = Admin(ScriptExists)},
    {.name = "flush",
     .parent = "script",
     .arity = -2,
     .flags = kNoScript,
     .traits = kImpersonal,
     .joinable = kOnEachNode,
     .group = Group::kScripting,
     .tips = kScriptTips,
     .since = "2.6.0",
     .complexity = "O(N) with N being the number of scripts in cache",
     .syntax = "[ASYNC|SYNC]",
     .summary = "Forgets all scripts.",
     .run = Admin(ScriptFlush)},
    {.name = "help",
     .parent = "script",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kScripting,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "kill",
     .parent = "script",
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .traits = kRunsWhileReplacing,
     .group = Group::kScripting,
     .tips = "request_policy:all_shards response_policy:one_succeeded",
     .since = "2.6.0",
     .summary = "Ends scripts that run for long and have not written yet.",
     .run = Admin(ScriptKill)},
    {.name = "load",
     .parent = "script",
     .arity = 3,
     .flags = kNoScript | kStale,
     .traits = kImpersonal,
     .joinable = kOnEachNode,
     .group = Group::kScripting,
     .tips = kScriptTips,
     .since = "2.6.0",
     .complexity = "O(N) with N being the length in bytes of the script body.",
     .syntax = "script",
     .summary = "Keeps a script without running it, and returns its SHA-1.",
     .run = Admin(ScriptLoad)},
    {.name = "show",
     .parent = "script",
     .arity = 3,
     .flags = kNoScript,
     .traits = kOnlyShows,
     .group = Group::kScripting,
     .since = "8.0.0",
     .syntax = "sha1",
     .summary = "Returns the text of a script.",
     .run = Admin(ScriptShow)},
};
static_assert(RowsAreSound(kScriptingCommands));

}  // namespace

std::span<const Command> ScriptingCommands() { return kScriptingCommands; }

}  // namespace ringkv::server
