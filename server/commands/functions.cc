// SPDX-License-Identifier: MIT
// Functions: FCALL, and FUNCTION, which administers the libraries.
#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/script_call.h"
#include "server/composition/server.h"
#include "server/execution/stages.h"
#include "server/scripts/scripts.h"
#include "storage/base/glob.h"
#include "storage/rdb/dump_payload.h"

namespace ringkv::server {
namespace {

// --- calls ----------------------------------------------------------------------------------------------------------

void FCall(AdminCall& call) {
  const SharedFunction function = call.server.scripts().FindFunction(call, call.args[1]);
  if (function == nullptr) return;
  if (const auto keys = ReadKeyCount(call, "ERR Bad number of keys provided")) {
    RunProgram(call, *function, function->name(), *keys);
  }
}

// --- changes --------------------------------------------------------------------------------------------------------

void FunctionLoad(AdminCall& call) {
  const std::string_view code = call.args[call.args.size() - 1];
  bool replaces = false;
  for (size_t i = 2; i + 1 < call.args.size(); ++i) {
    if (!EqualsIgnoringCase(call.args[i], "REPLACE")) {
      return call.reply.Error("ERR Unknown option given: " + std::string(call.args[i]));
    }
    replaces = true;
  }
  call.server.scripts().LoadLibraries(
      call, {.is_payload = false, .text = code, .policy = replaces ? RestorePolicy::kReplace : RestorePolicy::kAppend});
}

void FunctionDelete(AdminCall& call) {
  if (!call.txn.ReadLibraries()->contains(call.args[2])) return call.reply.Error("ERR Library not found");
  call.txn.Do(storage::LibraryErase{call.args[2]});
  call.reply.Ok();
}

// ASYNC and SYNC are the same: who uses a library keeps it.
void FunctionFlush(AdminCall& call) {
  if (call.args.size() > 3) return call.reply.Error(WrongSubcommand(call.args[1], "FUNCTION"));
  call.args.Skip(1);
  if (!call.args.AtEnd() && !call.args.Take("ASYNC") && !call.args.Take("SYNC")) {
    return call.reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  call.txn.Do(storage::LibrariesFlush{});
  call.reply.Ok();
}

void FunctionRestore(AdminCall& call) {
  if (call.args.size() > 4) return call.reply.Error(WrongSubcommand(call.args[1], "FUNCTION"));
  const std::string_view payload = call.args[2];
  RestorePolicy policy = RestorePolicy::kAppend;
  call.args.Skip(2);
  if (call.args.Take("REPLACE")) {
    policy = RestorePolicy::kReplace;
  } else if (call.args.Take("FLUSH")) {
    policy = RestorePolicy::kFlush;
  } else if (!call.args.AtEnd() && !call.args.Take("APPEND")) {
    return call.reply.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
  }
  call.server.scripts().LoadLibraries(call, {.is_payload = true, .text = payload, .policy = policy});
}

// --- what there is --------------------------------------------------------------------------------------------------

void ReplyFlags(resp::ReplyWriter& reply, uint32_t flags) {
  reply.Set(std::popcount(flags));
  for (const auto& [flag, name] : kFunctionFlagNames) {
    if ((flags & flag) != 0) reply.Simple(name);
  }
}

void ReplyFunction(resp::ReplyWriter& reply, const Function& function) {
  reply.Map(3);
  reply.Bulk("name");
  reply.Bulk(function.name());
  reply.Bulk("description");
  function.description() ? reply.Bulk(*function.description()) : reply.Null();
  reply.Bulk("flags");
  ReplyFlags(reply, function.flags());
}

void ReplyLibrary(resp::ReplyWriter& reply, const FunctionLibrary& library, bool with_code) {
  reply.Map(with_code ? 4 : 3);
  reply.Bulk("library_name");
  reply.Bulk(library.name);
  reply.Bulk("engine");
  reply.Bulk("LUA");
  reply.Bulk("functions");
  reply.Array(static_cast<int64_t>(library.functions.size()));
  for (const SharedFunction& each : library.functions) ReplyFunction(reply, *each);
  if (!with_code) return;
  reply.Bulk("library_code");
  reply.Bulk(*library.code);
}

void FunctionList(AdminCall& call) {
  std::optional<std::string_view> pattern;
  bool with_code = false;
  for (size_t i = 2; i < call.args.size(); ++i) {
    if (!with_code && EqualsIgnoringCase(call.args[i], "WITHCODE")) {
      with_code = true;
    } else if (!pattern && EqualsIgnoringCase(call.args[i], "LIBRARYNAME")) {
      if (i + 1 == call.args.size()) return call.reply.Error("ERR library name argument was not given");
      pattern = call.args[++i];
    } else {
      return call.reply.Error("ERR Unknown argument " + std::string(call.args[i]));
    }
  }
  const auto catalog = call.server.scripts().AllFunctions(call);
  if (catalog == nullptr) return;
  std::vector<const FunctionLibrary*> shown;
  for (const auto& [name, library] : catalog->libraries()) {
    if (!pattern || storage::GlobMatches(*pattern, name, storage::GlobCase::kInsensitive))
      shown.push_back(library.get());
  }
  call.reply.Array(static_cast<int64_t>(shown.size()));
  for (const FunctionLibrary* library : shown) ReplyLibrary(call.reply, *library, with_code);
}

void FunctionDump(AdminCall& call) {
  std::string payload;
  for (const auto& [name, code] : *call.txn.ReadLibraries()) storage::AddLibraryToPayload(&payload, *code);
  storage::SealPayload(&payload);
  call.reply.Bulk(payload);
}

void FunctionStats(AdminCall& call) {
  const auto running = call.server.scripts().LongestFunction();
  const std::string_view busy = call.server.scripts().BusyError();
  if (!running && !busy.empty()) return call.reply.Error(busy);
  const auto catalog = call.server.scripts().AllFunctions(call);
  if (catalog == nullptr) return;
  call.reply.Map(2);
  call.reply.Bulk("running_script");
  if (running) {
    call.reply.Map(3);
    call.reply.Bulk("name");
    call.reply.Bulk(running->name);
    call.reply.Bulk("command");
    call.reply.Array(static_cast<int64_t>(running->command.size()));
    for (const std::string& word : running->command) call.reply.Bulk(word);
    call.reply.Bulk("duration_ms");
    call.reply.Integer(running->milliseconds);
  } else {
    call.reply.Null();
  }
  call.reply.Bulk("engines");
  call.reply.Map(1);
  call.reply.Bulk("LUA");
  call.reply.Map(2);
  call.reply.Bulk("libraries_count");
  call.reply.Integer(static_cast<int64_t>(catalog->libraries().size()));
  call.reply.Bulk("functions_count");
  call.reply.Integer(static_cast<int64_t>(catalog->functions()));
}

void FunctionKill(AdminCall& call) {
  const std::string_view error = call.server.scripts().Kill(true);
  error.empty() ? call.reply.Ok() : call.reply.Error(error);
}

// --- rows -----------------------------------------------------------------------------------------------------------

constexpr std::string_view kTakesFunctionsTime = "Depends on the function that is executed.";
constexpr uint32_t kFCallFlags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys;
constexpr std::string_view kChangeTips = "request_policy:all_shards response_policy:all_succeeded";

// With cluster-redirect proxy: any node may be asked to call a function.
constexpr Joinable kOnEachShard{Spread::kEachShard, Join::kAllOk};

// Changes of libraries hold all partitions, so that they stand in the log in their order. They empty no database.
constexpr bool Always(std::span<const std::string_view>) { return true; }

constexpr KeySpec FunctionKeys(uint16_t flags, std::string_view note) {
  KeySpec spec = CountedKeys(flags, 2);
  spec.note = note;
  return spec;
}

constexpr Command kFunctionCommands[] = {
    {.name = "fcall",
     .arity = -3,
     .flags = kFCallFlags,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .needs = kNeedsNoWritePause | kNeedsLogRoom | kNeedsNoFence,
     .keys = FunctionKeys(kKeyRW | kKeyAccess | kKeyUpdate,
                          "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = kTakesFunctionsTime,
     .syntax = "function numkeys [key ...] [arg ...]",
     .summary = "Calls a function.",
     .run = Admin(FCall)},
    {.name = "fcall_ro",
     .arity = -3,
     .flags = kFCallFlags | kReadOnly,
     .traits = kLocksItself | kRunsScript | kImpersonal,
     .keys = FunctionKeys(kKeyRO | kKeyAccess,
                          "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = kTakesFunctionsTime,
     .syntax = "function numkeys [key ...] [arg ...]",
     .summary = "Calls a function that only reads.",
     .run = Admin(FCall)},
    {.name = "function",
     .arity = -2,
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = "Depends on subcommand.",
     .syntax = "<subcommand> [arg ...]",
     .summary = "Administers the libraries of functions.",
     .is_container = true},
    {.name = "delete",
     .parent = "function",
     .arity = 3,
     .flags = kWrite | kNoScript,
     .traits = kImpersonal,
     .joinable = kOnEachShard,
     .needs_everything = Always,
     .group = Group::kScripting,
     .tips = kChangeTips,
     .since = "7.0.0",
     .syntax = "library-name",
     .summary = "Deletes a library and its functions.",
     .run = Admin(FunctionDelete)},
    {.name = "dump",
     .parent = "function",
     .arity = 2,
     .flags = kNoScript,
     .traits = kShowsData | kOnlyShows,
     .group = Group::kScripting,
     .since = "7.0.0",
     .complexity = "O(N) with N being the number of functions",
     .summary = "Returns all libraries as a payload for FUNCTION RESTORE.",
     .run = Admin(FunctionDump)},
    {.name = "flush",
     .parent = "function",
     .arity = -2,
     .flags = kWrite | kNoScript,
     .traits = kImpersonal,
     .joinable = kOnEachShard,
     .needs_everything = Always,
     .group = Group::kScripting,
     .tips = kChangeTips,
     .since = "7.0.0",
     .complexity = "O(N) with N being the number of functions",
     .syntax = "[ASYNC|SYNC]",
     .summary = "Deletes all libraries.",
     .run = Admin(FunctionFlush)},
    {.name = "help",
     .parent = "function",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kScripting,
     .since = "7.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "kill",
     .parent = "function",
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .traits = kRunsWhileReplacing,
     .group = Group::kScripting,
     .tips = "request_policy:all_shards response_policy:one_succeeded",
     .since = "7.0.0",
     .summary = "Ends functions that run for long and have not written yet.",
     .run = Admin(FunctionKill)},
    {.name = "list",
     .parent = "function",
     .arity = -2,
     .flags = kNoScript,
     .traits = kShowsData | kOnlyShows,
     .group = Group::kScripting,
     .tips = "nondeterministic_output_order",
     .since = "7.0.0",
     .complexity = "O(N) with N being the number of functions",
     .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]",
     .summary = "Lists the libraries with their functions.",
     .run = Admin(FunctionList)},
    {.name = "load",
     .parent = "function",
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoScript,
     .traits = kImpersonal,
     .scope = Scope::kWalks,  // locks all partitions itself
     .joinable = kOnEachShard,
     .group = Group::kScripting,
     .tips = kChangeTips,
     .since = "7.0.0",
     .complexity = "O(N) with N being the length of the code, and what it does when it is loaded",
     .syntax = "[REPLACE] function-code",
     .summary = "Creates a library from its code.",
     .run = Admin(FunctionLoad)},
    {.name = "restore",
     .parent = "function",
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoScript,
     .traits = kImpersonal,
     .scope = Scope::kWalks,  // locks all partitions itself
     .joinable = kOnEachShard,
     .group = Group::kScripting,
     .tips = kChangeTips,
     .since = "7.0.0",
     .complexity = "O(N) with N being the number of functions in the payload",
     .syntax = "serialized-value [FLUSH|APPEND|REPLACE]",
     .summary = "Creates the libraries of a payload of FUNCTION DUMP.",
     .run = Admin(FunctionRestore)},
    {.name = "stats",
     .parent = "function",
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .traits = kOnlyShows,
     .group = Group::kScripting,
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     .since = "7.0.0",
     .summary = "Tells which function runs, and how many libraries and functions there are.",
     .run = Admin(FunctionStats)},
};
static_assert(RowsAreSound(kFunctionCommands));

}  // namespace

std::span<const Command> FunctionCommands() { return kFunctionCommands; }

}  // namespace ringkv::server
