// SPDX-License-Identifier: MIT
// The globals of scripts: what Lua and Redis offer, protected.
#pragma once

#include <string>
#include <string_view>

#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

// References in Lua's registry.
struct Sandbox {
  int globals = LUA_NOREF;          // the content of the protected table of globals
  int direct_globals = LUA_NOREF;   // of scripts: the same, and the content of each library by its direct name
  int loading_globals = LUA_NOREF;  // the same, while a library is loaded
  int environment = LUA_NOREF;      // the protected table itself
};

// Whether this is the global of a library, which is protected itself.
bool IsLibrary(std::string_view name);
// Of the content of a library; no script can write it.
inline std::string DirectName(std::string_view library) { return "(" + std::string(library) + ")"; }

// Makes the protected globals those of all functions that the state compiles from now on.
Sandbox BuildSandbox(Interpreter& interpreter, bool is_for_functions);

// Lets functions of the state see these globals: one of the contents above.
void ShowGlobals(lua_State* state, const Sandbox& sandbox, int content);

}  // namespace ringkv::server::lua
