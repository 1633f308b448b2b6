// SPDX-License-Identifier: MIT
// The levels of redis.log as those of the log.
#pragma once

#include <cstddef>

#include "server/lua/script_host.h"
#include "server/observe/log.h"

namespace ringkv::server {

inline LogLevel LogLevelOf(ScriptLogLevel level) {
  constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kVerbose, LogLevel::kNotice, LogLevel::kWarning};
  return kLevels[static_cast<size_t>(level)];
}

}  // namespace ringkv::server
