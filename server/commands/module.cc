// SPDX-License-Identifier: MIT
// MODULE: there are none.
#include "server/commands/families.h"
#include "server/commands/help.h"

namespace ringkv::server {
namespace {

void ModuleList(AdminCall& call) { call.reply.Array(0); }

void NoModules(AdminCall& call) {
  call.reply.Error("ERR RingKV loads no modules; the commands of this server are those that COMMAND LIST returns");
}

constexpr uint32_t kLoadsModules = kAdmin | kNoScript | kNoAsyncLoading;

// A command that would load code into the server.
constexpr Command Refused(std::string_view name, int arity, std::string_view syntax, std::string_view since) {
  return {.name = name,
          .parent = "module",
          .arity = arity,
          .flags = kLoadsModules,
          .group = Group::kServer,
          .since = since,
          .syntax = syntax,
          .summary = "Refused, because modules are not supported.",
          .run = Admin(NoModules)};
}

constexpr Command kModuleCommands[] = {
    {.name = "module",
     .arity = -2,
     .group = Group::kServer,
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of module commands.",
     .is_container = true},
    {.name = "help",
     .parent = "module",
     .arity = 2,
     .flags = kLoading | kStale,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "list",
     .parent = "module",
     .arity = 2,
     .flags = kAdmin | kNoScript,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .tips = "nondeterministic_output_order",
     .since = "4.0.0",
     .summary = "Lists the modules, of which there are none.",
     .run = Admin(ModuleList)},
    Refused("load", -3, "path [arg ...]", "4.0.0"),
    Refused("loadex", -3, "path [CONFIG name value] [ARGS arg ...]", "7.0.0"),
    Refused("unload", 3, "name", "4.0.0"),
};
static_assert(RowsAreSound(kModuleCommands));

}  // namespace

std::span<const Command> ModuleCommands() { return kModuleCommands; }

}  // namespace ringkv::server
