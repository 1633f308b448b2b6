// SPDX-License-Identifier: MIT
// redis.register_function, and what it registers while a library is loaded.
#pragma once

#include <lua.hpp>
#include <vector>

#include "server/lua/registered_function.h"

namespace ringkv::server::lua {

struct LoadedFunction {
  RegisteredFunction function;
  int callback = LUA_NOREF;  // in Lua's registry; whoever takes the functions frees it
};

int RegisterFunction(lua_State* state);

}  // namespace ringkv::server::lua
