// SPDX-License-Identifier: MIT
// Whether a script or function may be run now, by its flags.
#pragma once

#include <string>

#include "server/command/command.h"
#include "server/scripts/script_run.h"

namespace ringkv::server {

// The error for the client; empty if it may run.
std::string WhyNotRun(const AdminCall& call, const ScriptInput& input);

}  // namespace ringkv::server
