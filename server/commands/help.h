// SPDX-License-Identifier: MIT
// HELP of a container: its subcommands, from their rows.
#pragma once

#include <string>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

void ReplyHelp(AdminCall& call);

// The error for an unknown subcommand; `container` in upper case.
std::string WrongSubcommand(std::string_view given, std::string_view container);

}  // namespace ringkv::server
