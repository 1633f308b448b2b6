// SPDX-License-Identifier: MIT
// Sources of options beside the command line: lines in the syntax of redis.conf, and the environment.
#pragma once

#include <iosfwd>
#include <string>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Reads environment variables such as RINGKV_MAXMEMORY, one per option, with _ for -. The file and the command line
// override them, so this comes first. An error names the variable.
storage::Result<bool> ReadEnvironment(Options& options);

// Reads lines in the syntax of redis.conf. Errors name `name` and the line.
storage::Result<bool> ReadConfigLines(std::istream& lines, const std::string& name, Options& options);

}  // namespace ringkv::server
