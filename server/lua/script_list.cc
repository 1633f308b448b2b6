// SPDX-License-Identifier: MIT
#include "server/lua/script_list.h"

namespace ringkv::server::lua {

namespace {

// Emptying a longer one costs more than a new one.
constexpr size_t kMostEmptied = 16;

void SetTexts(lua_State* state, const std::span<const std::string_view>& texts) {
  int index = 0;
  for (const std::string_view text : texts) {
    lua_pushlstring(state, text.data(), text.size());
    lua_rawseti(state, -2, ++index);
  }
}

// Whether the table on top has neither fields nor a metatable.
bool IsPlainAndEmpty(lua_State* state) {
  if (lua_getmetatable(state, -1) != 0) {
    lua_pop(state, 1);
    return false;
  }
  lua_pushnil(state);
  if (lua_next(state, -2) == 0) return true;
  lua_pop(state, 2);
  return false;
}

}  // namespace

void PushTexts(lua_State* state, const std::span<const std::string_view>& texts) {
  lua_createtable(state, static_cast<int>(texts.size()), 0);
  SetTexts(state, texts);
}

void ScriptList::Fill(lua_State* state, const Sandbox& sandbox, const std::span<const std::string_view>& texts) {
  PushEmpty(state, sandbox, texts.size());
  is_empty_ = false;
  SetTexts(state, texts);
}

void ScriptList::PushEmpty(lua_State* state, const Sandbox& sandbox, size_t count) {
  if (is_empty_) return lua_rawgeti(state, LUA_REGISTRYINDEX, table_);
  lua_createtable(state, static_cast<int>(count), 0);
  for (const int globals : {sandbox.globals, sandbox.direct_globals}) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, globals);
    lua_pushvalue(state, -2);
    lua_setfield(state, -2, name_);
    lua_pop(state, 1);
  }
  lua_pushvalue(state, -1);
  if (table_ == LUA_NOREF) {
    table_ = luaL_ref(state, LUA_REGISTRYINDEX);
  } else {
    lua_rawseti(state, LUA_REGISTRYINDEX, table_);
  }
}

void ScriptList::Clear(lua_State* state, size_t count) {
  if (count <= kMostEmptied) {
    for (int index = 1; index <= static_cast<int>(count); ++index) {
      lua_pushnil(state);
      lua_rawseti(state, -2, index);
    }
    is_empty_ = IsPlainAndEmpty(state);
  }
  lua_pop(state, 1);
}

}  // namespace ringkv::server::lua
