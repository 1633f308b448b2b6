// SPDX-License-Identifier: MIT
#include "server/lua/errors.h"

#include <string>

#include "server/lua/interpreter.h"
#include "server/lua/protected_tables.h"

namespace ringkv::server::lua {

namespace {

constexpr std::string_view kUnknownError = "ERR unknown error";

std::string_view WithoutLineEnd(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

std::string_view TextOf(lua_State* state, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text, size};
}

// {err = code + words}
void PushErrorTable(lua_State* state, std::string_view code, std::string_view words) {
  lua_createtable(state, 0, 3);
  lua_pushlstring(state, code.data(), code.size());
  lua_pushlstring(state, words.data(), words.size());
  lua_concat(state, 2);
  lua_setfield(state, -2, "err");
}

// The innermost function of the script; false if there is none. Functions of LuaJIT's that are written in Lua have no
// lines.
bool FindPlace(lua_State* state, lua_Debug& place) {
  for (int level = 1; lua_getstack(state, level, &place) != 0; ++level) {
    lua_getinfo(state, "Sl", &place);
    if (place.what[0] != 'C' && place.currentline > 0) return true;
  }
  return false;
}

// A string field of the table on top of the stack; null if it has none. The table keeps the text alive.
std::string_view RawTextField(lua_State* state, const char* name) {
  lua_pushstring(state, name);
  lua_rawget(state, -2);
  std::string_view text;
  if (lua_type(state, -1) == LUA_TSTRING) text = TextOf(state, -1);
  lua_pop(state, 1);
  return text;
}

bool IsOverflow(lua_State* state) {
  return lua_type(state, -1) == LUA_TSTRING && TextOf(state, -1) == "stack overflow";
}

// Lua 5.1 tells where the stack overflowed.
void AddPlaceOfOverflow(lua_State* state) {
  if (!IsOverflow(state)) return;
  luaL_where(state, 1);
  lua_insert(state, 1);
  lua_concat(state, 2);
}

void SetPlace(lua_State* state, const lua_Debug& place) {
  lua_pushliteral(state, "source");
  lua_pushstring(state, place.source);
  lua_rawset(state, -3);
  lua_pushliteral(state, "line");
  lua_pushinteger(state, place.currentline);
  lua_rawset(state, -3);
}

// Numbers and what metamethods give become the field "err" itself.
void KeepErrAsText(lua_State* state) {
  PushErrField(state);
  const bool has_text = lua_isstring(state, -1) != 0;
  if (has_text) {
    lua_tolstring(state, -1, nullptr);
    lua_pushliteral(state, "err");
    lua_insert(state, -2);
    lua_rawset(state, -3);
  } else {
    lua_pop(state, 1);
  }
}

}  // namespace

void PushErrorReply(lua_State* state, std::string_view reply) {
  if (reply.starts_with('-')) reply.remove_prefix(1);
  const bool has_code = reply.find(' ') != std::string_view::npos;
  PushErrorTable(state, has_code ? "" : "ERR ", WithoutLineEnd(reply));
}

void PushError(lua_State* state, std::string_view words) { PushErrorTable(state, "ERR ", words); }

void RaiseError(lua_State* state, std::string_view words) {
  PushError(state, words);
  lua_error(state);
  __builtin_unreachable();
}

void RaiseReadOnly(lua_State* state) {
  lua_pushliteral(state, "Attempt to modify a readonly table");
  lua_error(state);
  __builtin_unreachable();
}

// A metamethod may raise an error that has such a metamethod.
void PushErrField(lua_State* state) {
  lua_pushliteral(state, "err");
  lua_rawget(state, -2);
  if (!lua_isnil(state, -1) || luaL_getmetafield(state, -2, "__index") == 0) return;
  lua_pop(state, 2);
  Interpreter::Of(state).Enter(state);
  lua_getfield(state, -1, "err");
  Interpreter::Of(state).Leave();
}

int AddPlace(lua_State* state) {
  if (Interpreter::Of(state).is_unwinding()) return 1;
  lua_settop(state, 1);
  AddPlaceOfOverflow(state);
  if (lua_type(state, 1) == LUA_TTABLE && IsProtectedTable(state, 1)) lua_pushnil(state), lua_replace(state, 1);
  if (lua_type(state, 1) == LUA_TTABLE) {
    KeepErrAsText(state);
  } else {
    const bool has_text = lua_isstring(state, 1) != 0;
    size_t size = 0;
    const char* text = has_text ? lua_tolstring(state, 1, &size) : nullptr;
    const std::string_view words = has_text                       ? std::string_view(text, size)
                                   : lua_isboolean(state, 1) != 0 ? (lua_toboolean(state, 1) != 0 ? "true" : "false")
                                   : lua_isnil(state, 1)          ? "nil"
                                                                  : luaL_typename(state, 1);
    PushError(state, words);
  }
  lua_Debug place;
  if (FindPlace(state, place) && place.currentline >= 0) SetPlace(state, place);
  return 1;
}

void PlaceOverflow(lua_State* state) {
  const std::optional<lua_Debug> place = Interpreter::Of(state).TakeOverflow();
  if (!place || !IsOverflow(state)) return;
  lua_pop(state, 1);
  lua_pushfstring(state, "%s:%d: stack overflow", place->short_src, place->currentline);
}

void DescribeOverflow(lua_State* state) {
  const std::optional<lua_Debug> place = Interpreter::Of(state).TakeOverflow();
  if (!place || !IsOverflow(state)) return;
  const std::string words =
      std::string(place->short_src) + ":" + std::to_string(place->currentline) + ": stack overflow";
  PushError(state, words);
  SetPlace(state, *place);
  lua_replace(state, -2);
}

std::string_view ErrorText(lua_State* state) {
  if (lua_type(state, -1) == LUA_TTABLE) {
    const std::string_view text = RawTextField(state, "err");
    return text.data() == nullptr ? kUnknownError : text;
  }
  if (lua_type(state, -1) != LUA_TSTRING) return kUnknownError;
  return TextOf(state, -1);
}

bool WasCounted(lua_State* state, int index) {
  lua_pushvalue(state, index);
  lua_pushliteral(state, "ignore_error_stats_update");
  lua_rawget(state, -2);
  const bool is_counted = lua_toboolean(state, -1) != 0;
  lua_pop(state, 2);
  return is_counted;
}

void WriteError(lua_State* state, std::string_view script, resp::ReplyWriter& reply) {
  std::string text;
  if (lua_type(state, -1) != LUA_TTABLE) {
    // Memory ran out: no handler was called.
    text.append("ERR ").append(ErrorText(state));
  } else {
    // Redis ends the text at a zero byte.
    text = ErrorText(state).substr(0, ErrorText(state).find('\0'));
    const std::string_view source = RawTextField(state, "source");
    lua_pushliteral(state, "line");
    lua_rawget(state, -2);
    const auto line = static_cast<int>(lua_tointeger(state, -1));
    lua_pop(state, 1);
    if (!source.empty() && !script.empty()) {
      text.append(" script: ").append(script).append(", on ").append(source).append(":");
      text.append(std::to_string(line)).append(".");
    }
  }
  reply.Error(text);
}

}  // namespace ringkv::server::lua
