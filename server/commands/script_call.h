// SPDX-License-Identifier: MIT
// What EVAL, EVALSHA and FCALL have in common: script or function, number of keys, keys, other arguments.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

class Program;

// How many of the arguments behind the number are keys; nothing, with the error written, if that is no such number.
// `not_a_number`: the error for one that is no integer.
std::optional<size_t> ReadKeyCount(AdminCall& call, std::string_view not_a_number);

// Runs the program with the keys and arguments of the call. `name`: for log lines.
void RunProgram(AdminCall& call, const Program& program, std::string_view name, size_t keys);

}  // namespace ringkv::server
