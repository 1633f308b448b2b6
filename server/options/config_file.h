// SPDX-License-Identifier: MIT
// Sources of options: a file in the syntax of redis.conf, `--name value` on the command line, standard input.
#pragma once

#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/options/option_table.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Reads the program's arguments: an optional configuration file (or - for standard input), then `--name value`
// options, which win. Returns the absolute path of the file, empty if there was none.
storage::Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options);

// Reads environment variables such as RINGKV_MAXMEMORY, one per option, with _ for -. The file and the command line
// override them, so this comes first. An error names the variable.
storage::Result<bool> ReadEnvironment(Options& options);

// Reads lines in the syntax of redis.conf. Errors name `name` and the line.
storage::Result<bool> ReadConfigLines(std::istream& lines, const std::string& name, Options& options);
// The error text for an invalid value; `name`: the option's name in the source. Secrets are not shown.
std::string BadValue(const OptionRow& row, std::string_view value, const std::string& name, const std::string& why);
// The unquoted words of a line; none if quotes are unbalanced.
std::optional<std::vector<std::string>> SplitConfigLine(std::string_view line);

// Overwrites the values of secret options in the process's arguments, which every user of the machine can list.
void HideSecretArguments(std::span<char* const> arguments);

}  // namespace ringkv::server
