// SPDX-License-Identifier: MIT
// Whether a script or function may be run now, by its flags.
#pragma once

#include <string>

#include "server/command/command.h"
#include "server/scripts/program.h"

namespace ringkv::server {

// The error for the client; empty if it may run. `only_reads`: it was called by EVAL_RO or its like.
std::string WhyNotRun(const AdminCall& call, const Program& program, bool only_reads);

}  // namespace ringkv::server
