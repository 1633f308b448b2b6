// SPDX-License-Identifier: MIT
// A Lua state with what is known of its content.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/lua/lua_memory.h"
#include "server/lua/lua_state.h"

namespace ringkv::server {

struct LoadedState {
  LoadedState(LuaState::Purpose purpose_in, LuaMemory& memory) : purpose(purpose_in), state(purpose_in, memory) {}

  const LuaState::Purpose purpose;
  LuaState state;
  uint64_t version = 0;  // of the registry of scripts, or the number of the catalog of functions
  // Of kScripts.
  size_t compiled = 0;  // scripts, some of them perhaps forgotten
  // Of kFunctions: the code of each library, by name.
  std::map<std::string, std::shared_ptr<const std::string>, std::less<>> libraries;
};

}  // namespace ringkv::server
