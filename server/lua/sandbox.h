// SPDX-License-Identifier: MIT
// The globals of scripts: what Lua and Redis offer, protected.
#pragma once

#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

// References in Lua's registry.
struct Sandbox {
  int globals = LUA_NOREF;          // the content of the protected table of globals
  int loading_globals = LUA_NOREF;  // the same, while a library is loaded
  int environment = LUA_NOREF;      // the protected table itself
};

// Makes the protected globals those of all functions that the state compiles from now on.
Sandbox BuildSandbox(Interpreter& interpreter, bool is_for_functions);

// Lets functions of the state see these globals: one of the contents above.
void ShowGlobals(lua_State* state, const Sandbox& sandbox, int content);

}  // namespace ringkv::server::lua
