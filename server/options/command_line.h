// SPDX-License-Identifier: MIT
// Options in the program's arguments, as redis-server takes them: `FILE --name value ... -`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Reads the program's arguments: an optional configuration file; a - as the first or the last one for lines from
// standard input, which win over the file; `--name value` options, which win over both. Returns the absolute path of
// the file, empty if there was none.
storage::Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options);

// Overwrites the values of secret options in the process's arguments, which every user of the machine can list.
void HideSecretArguments(std::span<char* const> arguments);

}  // namespace ringkv::server
