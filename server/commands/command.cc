// SPDX-License-Identifier: MIT
// COMMAND: the command table, shown to clients.
#include <vector>

#include "server/command/command_docs.h"
#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "storage/base/glob.h"

namespace ringkv::server {
namespace {

void All(AdminCall& call) {
  const auto& commands = call.server.commands().top_level();
  call.reply.Array(static_cast<int64_t>(commands.size()));
  for (const CommandEntry* entry : commands) ReplyCommandInfo(*entry, call.reply);
}

void Count(AdminCall& call) { call.reply.Integer(static_cast<int64_t>(call.server.commands().top_level().size())); }

void CommandInfo(AdminCall& call) {
  if (call.args.size() == 2) return All(call);
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) {
    const CommandEntry* entry = call.server.commands().FindFullName(call.args[i]);
    if (entry == nullptr) {
      call.reply.Null();
    } else {
      ReplyCommandInfo(*entry, call.reply);
    }
  }
}

void Docs(AdminCall& call) {
  std::vector<const CommandEntry*> shown;
  if (call.args.size() == 2) shown = call.server.commands().top_level();
  for (size_t i = 2; i < call.args.size(); ++i) {
    const CommandEntry* entry = call.server.commands().FindFullName(call.args[i]);
    if (entry != nullptr) shown.push_back(entry);
  }
  call.reply.Map(static_cast<int64_t>(shown.size()));
  for (const CommandEntry* entry : shown) {
    call.reply.Bulk(entry->full_name);
    ReplyCommandDocs(*entry, call.reply);
  }
}

void CommandList(AdminCall& call) {
  const CommandTable& commands = call.server.commands();
  Arguments& args = call.args;
  args.Skip(1);
  std::string_view pattern = "*";
  std::string_view category;
  bool nothing = false;  // there are no modules
  if (!args.AtEnd()) {
    if (args.Left() != 3 || !args.Take("FILTERBY")) return call.reply.Error(errors::kSyntax);
    if (args.Take("PATTERN")) {
      pattern = args.Next();
    } else if (args.Take("ACLCAT")) {
      category = args.Next();
    } else if (args.Take("MODULE")) {
      nothing = true;
    } else {
      return call.reply.Error(errors::kSyntax);
    }
  }
  std::vector<std::string_view> names;
  for (size_t i = 0; i < commands.size() && !nothing; ++i) {
    const CommandEntry& entry = commands.entry(i);
    if (!storage::GlobMatches(pattern, entry.full_name, storage::GlobCase::kInsensitive)) continue;
    if (!category.empty() && !HasCategory(*entry.row, category)) continue;
    names.push_back(entry.full_name);
  }
  call.reply.Array(static_cast<int64_t>(names.size()));
  for (const std::string_view name : names) call.reply.Bulk(name);
}

// The keys of the request behind the two words of the command; false with the error written.
bool FindKeys(AdminCall& call, std::vector<std::pair<const KeySpec*, std::string_view>>* keys) {
  const Arguments::View request = call.args.all().subspan(2);
  const CommandEntry* entry = call.server.commands().Find(request);
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return false;
  };
  if (entry == nullptr) return fail("ERR Invalid command specified");
  const Command& row = *entry->row;
  if (row.keys.first == 0 || (row.keys.flags & kKeyNot) != 0) return fail("ERR The command has no key arguments");
  const auto argc = static_cast<int>(request.size());
  if ((row.arity > 0 && argc != row.arity) || argc < -row.arity) {
    return fail("ERR Invalid number of arguments specified for command");
  }
  ForEachKeyPosition(row, request,
                     [&](const KeySpec& spec, size_t index) { keys->emplace_back(&spec, request[index]); });
  if (row.Is(kNoMandatoryKeys)) return true;
  if (keys->empty() || !HasValidCounts(row, request)) return fail("ERR Invalid arguments specified for command");
  return true;
}

void GetKeys(AdminCall& call) {
  std::vector<std::pair<const KeySpec*, std::string_view>> keys;
  if (!FindKeys(call, &keys)) return;
  call.reply.Array(static_cast<int64_t>(keys.size()));
  for (const auto& [spec, key] : keys) call.reply.Bulk(key);
}

void GetKeysAndFlags(AdminCall& call) {
  std::vector<std::pair<const KeySpec*, std::string_view>> keys;
  if (!FindKeys(call, &keys)) return;
  call.reply.Array(static_cast<int64_t>(keys.size()));
  for (const auto& [spec, key] : keys) {
    call.reply.Array(2);
    call.reply.Bulk(key);
    ReplyKeyFlags(*spec, call.args.all().subspan(2), call.reply);
  }
}

constexpr uint32_t kCommandFlags = kLoading | kStale;
constexpr std::string_view kCommandTips = "nondeterministic_output_order";
constexpr std::string_view kOnConnection = "connection";

constexpr Command kCommandCommands[] = {
    {.name = "command",
     .arity = -1,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .tips = kCommandTips,
     .since = "2.8.13",
     .complexity = "O(N) where N is the total number of Redis commands",
     .syntax = "[subcommand]",
     .summary = "Returns details about all commands.",
     .run = Admin(All)},
    {.name = "count",
     .parent = "command",
     .arity = 2,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .since = "2.8.13",
     .summary = "Counts the commands.",
     .run = Admin(Count)},
    {.name = "docs",
     .parent = "command",
     .arity = -2,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .tips = kCommandTips,
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of commands to look up",
     .syntax = "[command-name ...]",
     .summary = "Returns the documentation of commands.",
     .run = Admin(Docs)},
    {.name = "getkeys",
     .parent = "command",
     .arity = -4,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .since = "2.8.13",
     .complexity = "O(N) where N is the number of arguments to the command",
     .syntax = "command arg [arg ...]",
     .summary = "Extracts the keys of a command.",
     .run = Admin(GetKeys)},
    {.name = "getkeysandflags",
     .parent = "command",
     .arity = -4,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of arguments to the command",
     .syntax = "command arg [arg ...]",
     .summary = "Extracts the keys of a command and their access flags.",
     .run = Admin(GetKeysAndFlags)},
    {.name = "help",
     .parent = "command",
     .arity = 2,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "info",
     .parent = "command",
     .arity = -2,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .tips = kCommandTips,
     .since = "2.8.13",
     .complexity = "O(N) where N is the number of commands to look up",
     .syntax = "[command-name ...]",
     .summary = "Returns details about commands.",
     .run = Admin(CommandInfo)},
    {.name = "list",
     .parent = "command",
     .arity = -2,
     .flags = kCommandFlags,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = kOnConnection,
     .tips = kCommandTips,
     .since = "7.0.0",
     .complexity = "O(N) where N is the total number of Redis commands",
     .syntax = "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
     .summary = "Returns the names of commands.",
     .run = Admin(CommandList)},
};
static_assert(RowsAreSound(kCommandCommands));

}  // namespace

std::span<const Command> CommandCommands() { return kCommandCommands; }

}  // namespace ringkv::server
