// SPDX-License-Identifier: MIT
// The DEBUG command.
#pragma once

#include "server/command/command.h"

namespace ringkv::server {

// DEBUG: functions for tests and debugging.
void Debug(AdminCall& call);

}  // namespace ringkv::server
