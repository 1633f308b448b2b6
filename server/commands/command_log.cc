// SPDX-License-Identifier: MIT
// SLOWLOG and COMMANDLOG: commands that took long, or had much to say.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"

namespace ringkv::server {
namespace {

// The entries as many as the text says; -1: all.
void ReplyNewest(AdminCall& call, const CommandLog& log, std::optional<std::string_view> count) {
  constexpr int64_t kShownByDefault = 10;
  const std::optional<int64_t> shown = count ? resp::ParseInteger(*count) : kShownByDefault;
  if (!shown || *shown < -1) return call.reply.Error("ERR count should be greater than or equal to -1");
  const std::vector<CommandLog::Item> items = log.Newest(*shown);
  call.reply.Array(static_cast<int64_t>(items.size()));
  for (const CommandLog::Item& item : items) {
    call.reply.Array(6);
    call.reply.Integer(static_cast<int64_t>(item.id));
    call.reply.Integer(item.unix_seconds);
    call.reply.Integer(static_cast<int64_t>(item.amount));
    call.reply.Array(static_cast<int64_t>(item.arguments.size()));
    for (const std::string& argument : item.arguments) call.reply.Bulk(argument);
    call.reply.Bulk(item.address);
    call.reply.Bulk(item.client_name);
  }
}

void ReplySize(AdminCall& call, const CommandLog& log) { call.reply.Integer(static_cast<int64_t>(log.size())); }

void Clear(AdminCall& call, CommandLog& log) {
  log.Reset();
  call.reply.Ok();
}

// --- SLOWLOG --------------------------------------------------------------------------------------------------------

void SlowLogGet(AdminCall& call) {
  if (call.args.size() > 3) return call.reply.Error(WrongSubcommand(call.args[1], "SLOWLOG"));
  const bool has_count = call.args.size() == 3;
  ReplyNewest(call, call.server.command_logs().slow, has_count ? std::optional(call.args[2]) : std::nullopt);
}

void SlowLogLen(AdminCall& call) { ReplySize(call, call.server.command_logs().slow); }
void SlowLogReset(AdminCall& call) { Clear(call, call.server.command_logs().slow); }

// --- COMMANDLOG -----------------------------------------------------------------------------------------------------

// Null with the error written.
CommandLog* FindLog(AdminCall& call, std::string_view type) {
  static constexpr struct {
    std::string_view type;
    CommandLog CommandLogs::*log;
  } kLogs[] = {{"slow", &CommandLogs::slow},
               {"large-request", &CommandLogs::large_requests},
               {"large-reply", &CommandLogs::large_replies}};
  const auto* found = std::find_if(std::begin(kLogs), std::end(kLogs),
                                   [&](const auto& each) { return EqualsIgnoringCase(each.type, type); });
  if (found != std::end(kLogs)) return &(call.server.command_logs().*(found->log));
  call.reply.Error("ERR type should be one of the following: slow, large-request, large-reply");
  return nullptr;
}

void CommandLogGet(AdminCall& call) {
  const CommandLog* const log = FindLog(call, call.args[3]);
  if (log != nullptr) ReplyNewest(call, *log, call.args[2]);
}

void CommandLogLen(AdminCall& call) {
  const CommandLog* const log = FindLog(call, call.args[2]);
  if (log != nullptr) ReplySize(call, *log);
}

void CommandLogReset(AdminCall& call) {
  CommandLog* const log = FindLog(call, call.args[2]);
  if (log != nullptr) Clear(call, *log);
}

constexpr uint32_t kOfLogs = kAdmin | kLoading | kStale;
constexpr std::string_view kResets = "request_policy:all_nodes response_policy:all_succeeded";
constexpr std::string_view kType = "<SLOW | LARGE-REQUEST | LARGE-REPLY>";

constexpr Command kCommandLogCommands[] = {
    {.name = "commandlog",
     .arity = -2,
     .group = Group::kServer,
     .since = "8.1.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about the logs of commands.",
     .is_container = true},
    {.name = "get",
     .parent = "commandlog",
     .arity = 4,
     .flags = kOfLogs,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "request_policy:all_nodes nondeterministic_output",
     .since = "8.1.0",
     .complexity = "O(N) where N is the number of entries returned",
     .syntax = "count <SLOW | LARGE-REQUEST | LARGE-REPLY>",
     .summary = "Returns entries of a log, newest first.",
     .run = Admin(CommandLogGet)},
    {.name = "help",
     .parent = "commandlog",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "8.1.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "len",
     .parent = "commandlog",
     .arity = 3,
     .flags = kOfLogs,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
     .since = "8.1.0",
     .syntax = kType,
     .summary = "Returns the number of entries in a log.",
     .run = Admin(CommandLogLen)},
    {.name = "reset",
     .parent = "commandlog",
     .arity = 3,
     .flags = kOfLogs,
     .group = Group::kServer,
     .tips = kResets,
     .since = "8.1.0",
     .complexity = "O(N) where N is the number of entries in the log",
     .syntax = kType,
     .summary = "Clears a log.",
     .run = Admin(CommandLogReset)},
    {.name = "slowlog",
     .arity = -2,
     .group = Group::kServer,
     .since = "2.2.12",
     .complexity = "Depends on subcommand.",
     .summary = "Container of slow log commands.",
     .is_container = true},
    {.name = "get",
     .parent = "slowlog",
     .arity = -2,
     .flags = kOfLogs,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "request_policy:all_nodes nondeterministic_output",
     .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries returned",
     .syntax = "[count]",
     .summary = "Returns the entries of the slow log, newest first.",
     .run = Admin(SlowLogGet)},
    {.name = "help",
     .parent = "slowlog",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "len",
     .parent = "slowlog",
     .arity = 2,
     .flags = kOfLogs,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
     .since = "2.2.12",
     .summary = "Returns the number of entries in the slow log.",
     .run = Admin(SlowLogLen)},
    {.name = "reset",
     .parent = "slowlog",
     .arity = 2,
     .flags = kOfLogs,
     .group = Group::kServer,
     .tips = kResets,
     .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries in the slowlog",
     .summary = "Clears the slow log.",
     .run = Admin(SlowLogReset)},
};
static_assert(RowsAreSound(kCommandLogCommands));

}  // namespace

std::span<const Command> CommandLogCommands() { return kCommandLogCommands; }

}  // namespace ringkv::server
