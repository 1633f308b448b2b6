// SPDX-License-Identifier: MIT
// HELP of a container: its subcommands, from their rows.
#pragma once

#include <string>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/command/command.h"

namespace ringkv::server {

void ReplyHelp(AdminCall& call);

// The form of HELP, for containers whose subcommands are no rows: the head, then each subcommand. `container` in upper
// case; `syntax` may be empty.
void ReplyHelpHead(resp::ReplyWriter& reply, std::string_view container, size_t subcommands);
void ReplyHelpOf(resp::ReplyWriter& reply, std::string_view subcommand, std::string_view syntax,
                 std::string_view summary);

// The error for an unknown subcommand; `container` in upper case.
std::string WrongSubcommand(std::string_view given, std::string_view container);

}  // namespace ringkv::server
