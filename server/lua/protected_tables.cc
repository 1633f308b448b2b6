// SPDX-License-Identifier: MIT
#include "server/lua/protected_tables.h"

#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

namespace {

int RefuseChange(lua_State* state) { return luaL_error(state, "Attempt to modify a readonly table"); }

}  // namespace

void Protect(lua_State* state) {
  lua_newtable(state);
  lua_createtable(state, 0, 2);
  lua_pushvalue(state, -3);
  lua_setfield(state, -2, "__index");
  lua_pushcfunction(state, RefuseChange);
  lua_setfield(state, -2, "__newindex");
  lua_setmetatable(state, -2);
  lua_remove(state, -2);
  Interpreter::Of(state).AddProtected(lua_topointer(state, -1));
}

bool IsProtectedTable(lua_State* state, int index) { return Interpreter::Of(state).IsProtected(state, index); }

void PushProtectedContent(lua_State* state, int index) { luaL_getmetafield(state, index, "__index"); }

void PushCopyOfProtected(lua_State* state, int index) {
  lua_newtable(state);
  PushProtectedContent(state, index);
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    lua_rawset(state, -5);
  }
  lua_pop(state, 1);
}

}  // namespace ringkv::server::lua
