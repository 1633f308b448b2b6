// SPDX-License-Identifier: MIT
// Compiles texts, and rewrites LuaJIT's bytecode in two ways.
//
// Errors keep their places. For "return redis.call(...)", LuaJIT drops the frame of the script before it calls the C++
// function, so that an error there has no line, and its text not the name of the function. Lua 5.1 keeps the frame:
// calls of C functions are no tail calls there. So tail calls become calls whose results are returned. Those through
// upvalues stay, since functions recurse so without bound; an error of a C++ function that is called in this way has no
// place.
//
// Globals are reached directly. The detour over protected tables (protected_tables.h) is there to refuse changes. A
// script whose code assigns to no global gets the globals as its environment, which it can't name, and so can't change;
// and where it gets a library only to get a field of it, as in "redis.call", it gets the library itself.
#pragma once

#include <lua.hpp>
#include <string_view>

namespace ringkv::server::lua {

struct Sandbox;

// Compiles text as luaL_loadbuffer does. Pushes the function, or the error's text; returns Lua's status.
int LoadText(lua_State* state, std::string_view text, const char* name);
// Likewise; the function reaches the globals of the sandbox directly if it can.
int LoadScript(lua_State* state, std::string_view text, const char* name, const Sandbox& sandbox);

}  // namespace ringkv::server::lua
