// SPDX-License-Identifier: MIT
#include "server/commands/help.h"

#include <string>

#include "server/composition/server.h"

namespace ringkv::server {

void ReplyHelpHead(resp::ReplyWriter& reply, std::string_view container, size_t subcommands) {
  reply.Array(static_cast<int64_t>(1 + 2 * subcommands));
  reply.Simple(std::string(container) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
}

void ReplyHelpOf(resp::ReplyWriter& reply, std::string_view subcommand, std::string_view syntax,
                 std::string_view summary) {
  reply.Simple(std::string(subcommand) + (syntax.empty() ? "" : " ") + std::string(syntax));
  reply.Simple("    " + std::string(summary));
}

void ReplyHelp(AdminCall& call) {
  const CommandEntry* container = call.server.commands().FindContainer(call.command.parent);
  ReplyHelpHead(call.reply, UpperCase(container->row->name), container->subcommands.size());
  for (const CommandEntry* entry : container->subcommands) {
    ReplyHelpOf(call.reply, UpperCase(entry->row->name), entry->row->syntax, entry->row->summary);
  }
}

std::string WrongSubcommand(std::string_view given, std::string_view container) {
  return "ERR unknown subcommand or wrong number of arguments for '" + std::string(given) + "'. Try " +
         std::string(container) + " HELP.";
}

}  // namespace ringkv::server
