// SPDX-License-Identifier: MIT
// CONFIG REWRITE: the options in force, as a configuration file.
#pragma once

#include <string>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

// Lines that name an option are replaced, others and comments stay, and what the next start wouldn't read from the
// file and the environment is added at the end. The file is replaced in one step; its permissions stay, and its owner
// where this process may give files away.
storage::Result<bool> RewriteConfigFile(const std::string& path, const Options& options);

}  // namespace ringkv::server
