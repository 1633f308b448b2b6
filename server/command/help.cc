// SPDX-License-Identifier: MIT
#include "server/command/help.h"

#include <algorithm>
#include <string>

#include "server/server.h"

namespace ringkv::server {
namespace {}  // namespace

void ReplyHelp(AdminCall& call) {
  const CommandEntry* container = call.server.commands().FindName(call.command.parent);
  call.reply.Array(static_cast<int64_t>(1 + 2 * container->subcommands.size()));
  call.reply.Simple(UpperCase(container->row->name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandEntry* entry : container->subcommands) {
    const std::string syntax(entry->row->syntax);
    call.reply.Simple(UpperCase(entry->row->name) + (syntax.empty() ? "" : " " + syntax));
    call.reply.Simple("    " + std::string(entry->row->summary));
  }
}

}  // namespace ringkv::server
