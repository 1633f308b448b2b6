// SPDX-License-Identifier: MIT
// Where options come from: a file in the syntax of redis.conf, `--name value` on the command line, standard input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "storage/result.h"

namespace ringkv::server {

// Reads the program's arguments: an optional configuration file (or - for standard input), then `--name value`
// options, which win. Returns the absolute path of the file, empty if there was none.
storage::Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options);

// Reads RINGKV_MAXMEMORY and its like, one for each option, with _ for -. What the file or the command line says wins,
// so this comes first. An error names the variable.
storage::Result<bool> ReadEnvironment(Options& options);

// Writes the options in force into the file: lines that name one are replaced, others and comments stay, and what
// differs from the default and has no line is added at the end. The file is replaced in one step.
storage::Result<bool> RewriteConfigFile(const std::string& path, const Options& options);

}  // namespace ringkv::server
