// SPDX-License-Identifier: MIT
// The options that limit the memory of scripts and functions.
#pragma once

#include <cstddef>

#include "server/config/options.h"
#include "server/lua/lua_memory.h"

namespace ringkv::server {

// Call before a run: CONFIG SET may have changed them.
inline void SetLimits(LuaMemory& memory, const Options& options) {
  memory.SetLimits(static_cast<size_t>(options.script_memory_limit.load()),
                   static_cast<size_t>(options.scripts_memory_limit.load()));
}

}  // namespace ringkv::server
