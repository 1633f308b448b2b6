// SPDX-License-Identifier: MIT
// CONFIG REWRITE: writes the current options to the configuration file.
#pragma once

#include <cstdint>
#include <string>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

enum class RewriteScope : uint8_t { kWhatDiffers, kAllOptions };

// Replaces the lines of options, keeps other lines and comments, and appends options that the next start would not read
// from the file and the environment. The file is replaced atomically, with its permissions, and with its owner if this
// process may set it. `users`: lines `user`, which replace those of the file.
storage::Result<bool> RewriteConfigFile(const std::string& path, const Options& options, const std::string& users = {},
                                        RewriteScope scope = RewriteScope::kWhatDiffers);

}  // namespace ringkv::server
