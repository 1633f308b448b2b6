// SPDX-License-Identifier: MIT
#include "server/commands/help.h"

#include <string>

#include "server/composition/server.h"

namespace ringkv::server {
void ReplyHelp(AdminCall& call) {
  const CommandEntry* container = call.server.commands().FindContainer(call.command.parent);
  call.reply.Array(static_cast<int64_t>(1 + 2 * container->subcommands.size()));
  call.reply.Simple(UpperCase(container->row->name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandEntry* entry : container->subcommands) {
    const std::string syntax(entry->row->syntax);
    call.reply.Simple(UpperCase(entry->row->name) + (syntax.empty() ? "" : " " + syntax));
    call.reply.Simple("    " + std::string(entry->row->summary));
  }
}

std::string WrongSubcommand(std::string_view given, std::string_view container) {
  return "ERR unknown subcommand or wrong number of arguments for '" + std::string(given) + "'. Try " +
         std::string(container) + " HELP.";
}

}  // namespace ringkv::server
