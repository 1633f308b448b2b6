// SPDX-License-Identifier: MIT
// Compiled code that keeps the place of errors. For "return redis.call(...)", LuaJIT drops the frame of the script
// before it calls the C++ function, so that an error there has no line, and its text not the name of the function.
// Lua 5.1 keeps the frame: calls of C functions are no tail calls there.
//
// So tail calls become calls whose results are returned. Those through upvalues stay, since functions recurse so
// without bound; an error of a C++ function that is called in this way has no place.
#pragma once

#include <lua.hpp>
#include <string_view>

namespace ringkv::server::lua {

// Compiles text as luaL_loadbuffer does, and rewrites it. Pushes the function, or the error's text; returns Lua's
// status.
int LoadText(lua_State* state, std::string_view text, const char* name);

}  // namespace ringkv::server::lua
