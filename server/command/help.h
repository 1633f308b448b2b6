// SPDX-License-Identifier: MIT
// HELP of a container: what its subcommands are, from their rows.
#pragma once

#include "server/command/command.h"

namespace ringkv::server {

void ReplyHelp(AdminCall& call);

}  // namespace ringkv::server
