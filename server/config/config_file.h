// SPDX-License-Identifier: MIT
// Where options come from: a file in the syntax of redis.conf, `--name value` on the command line, standard input.
#pragma once

#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/option_table.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Reads the program's arguments: an optional configuration file (or - for standard input), then `--name value`
// options, which win. Returns the absolute path of the file, empty if there was none.
storage::Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options);

// Reads RINGKV_MAXMEMORY and its like, one for each option, with _ for -. What the file or the command line says wins,
// so this comes first. An error names the variable.
storage::Result<bool> ReadEnvironment(Options& options);

// Reads lines in the syntax of redis.conf. Errors name `name` and the line.
storage::Result<bool> ReadConfigLines(std::istream& lines, const std::string& name, Options& options);
// What is wrong with the value of an option that a source calls `name`; a secret is not shown.
std::string BadValue(const OptionRow& row, std::string_view value, const std::string& name, const std::string& why);
// The words of such a line, without quotes; nothing if quotes are unbalanced.
std::optional<std::vector<std::string>> SplitConfigLine(std::string_view line);

// Overwrites the values of secret options in the program's own arguments: every user of the machine can list those.
void HideSecretArguments(std::span<char* const> arguments);

}  // namespace ringkv::server
