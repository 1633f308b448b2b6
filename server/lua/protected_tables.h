// SPDX-License-Identifier: MIT
// Tables that scripts read but must not change: globals and libraries. What a script sees is an empty table, whose
// metatable reads from the content and refuses changes. So the content is reached at the price of one more lookup, and
// never by a function that takes a table apart.
#pragma once

#include <lua.hpp>

namespace ringkv::server::lua {

// Replaces the content on top of the stack by a protected table of it.
void Protect(lua_State* state);
bool IsProtectedTable(lua_State* state, int index);
// Of the protected table at `index`.
void PushProtectedContent(lua_State* state, int index);
void PushCopyOfProtected(lua_State* state, int index);

}  // namespace ringkv::server::lua
