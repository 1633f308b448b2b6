// SPDX-License-Identifier: MIT
// Where files are that options name.
#pragma once

#include <string>

#include "server/config/options.h"

namespace ringkv::server {

// Relative paths are in `dir`; no path stays none.
inline std::string InDataDirectory(const Options& options, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : options.dir.Get() + "/" + path;
}

}  // namespace ringkv::server
