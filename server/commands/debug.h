// SPDX-License-Identifier: MIT
#pragma once

#include "server/command/command.h"

namespace ringkv::server {

// DEBUG: for tests and for people who look for a fault.
void Debug(AdminCall& call);

}  // namespace ringkv::server
