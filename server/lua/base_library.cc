// SPDX-License-Identifier: MIT
// Functions of Lua's base library that differ in the sandbox: some must not reach into protected tables, some must not
// catch the error that ends a run.
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "server/lua/errors.h"
#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"
#include "server/lua/load_text.h"
#include "server/lua/protected_tables.h"

namespace ringkv::server::lua {

namespace {

// Calls what is on the stack, and catches errors, but not the one that ends the run. Returns Lua's status.
int CallProtected(lua_State* state, int arguments, int handler) {
  Interpreter& interpreter = Interpreter::Of(state);
  const Interpreter::Mark mark = interpreter.mark();
  interpreter.Enter(state);
  const int status = lua_pcall(state, arguments, LUA_MULTRET, handler);
  interpreter.ReturnTo(mark);
  if (interpreter.is_unwinding()) interpreter.Unwind(state);
  if (status != 0) PlaceOverflow(state);
  return status;
}

// As in Redis, an error table with a text becomes its text.
int BasePcall(lua_State* state) {
  if (lua_gettop(state) == 0) {
    lua_pushboolean(state, 0);
    lua_pushliteral(state, "attempt to call a boolean value");
    return 2;
  }
  const int status = CallProtected(state, lua_gettop(state) - 1, 0);
  if (status != 0 && lua_istable(state, -1)) {
    PushErrField(state);
    if (lua_isstring(state, -1) != 0) lua_replace(state, -2);
  }
  lua_pushboolean(state, status == 0);
  lua_insert(state, 1);
  return lua_gettop(state);
}

// Calls the script's handler of an error, but not while the run is being ended.
int HandleError(lua_State* state) {
  if (Interpreter::Of(state).is_unwinding()) return 1;
  lua_settop(state, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, 1, 1);
  return 1;
}

int BaseXpcall(lua_State* state) {
  luaL_checkany(state, 2);
  lua_settop(state, 2);
  lua_pushcclosure(state, HandleError, 1);
  lua_insert(state, 1);
  const int status = CallProtected(state, 0, 1);
  lua_pushboolean(state, status == 0);
  lua_replace(state, 1);
  return lua_gettop(state);
}

// As the C library writes numbers for Redis: what is no number has a sign.
void PushNumberText(lua_State* state, lua_Number number) {
  if (std::isnan(number)) {
    lua_pushstring(state, std::signbit(number) ? "-nan" : "nan");
  } else {
    lua_pushnumber(state, number);
    lua_tostring(state, -1);
  }
}

int BasePairs(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_pushvalue(state, lua_upvalueindex(1));  // next
  if (IsProtectedTable(state, 1)) {
    PushCopyOfProtected(state, 1);
  } else {
    lua_pushvalue(state, 1);
  }
  lua_pushnil(state);
  return 3;
}

int BaseRawGet(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_checkany(state, 2);
  lua_settop(state, 2);
  if (IsProtectedTable(state, 1)) PushProtectedContent(state, 1), lua_replace(state, 1);
  lua_rawget(state, 1);
  return 1;
}

int BaseRawSet(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_checkany(state, 2);
  luaL_checkany(state, 3);
  lua_settop(state, 3);
  if (IsProtectedTable(state, 1)) RaiseReadOnly(state);
  lua_rawset(state, 1);
  return 1;
}

int BaseGetMetatable(lua_State* state) {
  luaL_checkany(state, 1);
  if (lua_getmetatable(state, 1) == 0) lua_pushnil(state);
  if (luaL_getmetafield(state, 1, "__metatable") == 0 && IsProtectedTable(state, 1)) lua_pushnil(state);
  return 1;
}

int BaseSetMetatable(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  const int type = lua_type(state, 2);
  luaL_argcheck(state, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (IsProtectedTable(state, 1)) RaiseReadOnly(state);
  if (luaL_getmetafield(state, 1, "__metatable") != 0) luaL_error(state, "cannot change a protected metatable");
  lua_settop(state, 2);
  lua_setmetatable(state, 1);
  return 1;
}

// LuaJIT's own would run for ever, without a pulse, if it is its own metamethod.
int BaseToString(lua_State* state) {
  luaL_checkany(state, 1);
  if (luaL_getmetafield(state, 1, "__tostring") != 0) {
    lua_pushvalue(state, 1);
    Interpreter::Of(state).Enter(state);
    lua_call(state, 1, 1);
    Interpreter::Of(state).Leave();
    return 1;
  }
  switch (lua_type(state, 1)) {
    case LUA_TSTRING: lua_settop(state, 1); break;
    case LUA_TNUMBER: PushNumberText(state, lua_tonumber(state, 1)); break;
    case LUA_TBOOLEAN: lua_pushstring(state, lua_toboolean(state, 1) != 0 ? "true" : "false"); break;
    case LUA_TNIL: lua_pushliteral(state, "nil"); break;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(state, 1) == nullptr) {
        lua_pushliteral(state, "userdata: (nil)");
        break;
      }
      [[fallthrough]];
    default: lua_pushfstring(state, "%s: %p", luaL_typename(state, 1), lua_topointer(state, 1));
  }
  return 1;
}

int PushLoaded(lua_State* state, int status) {
  if (Interpreter::Of(state).is_unwinding()) Interpreter::Of(state).Unwind(state);
  if (status == 0) return 1;
  lua_pushnil(state);
  lua_insert(state, -2);
  return 2;
}

// Only text: bytecode could do anything.
int BaseLoadString(lua_State* state) {
  size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  return PushLoaded(state, LoadText(state, {text, size}, luaL_optstring(state, 2, text)));
}

// Of the text that the script's function in slot 1 returns in pieces. All are read before, because that function may
// load another text, and the parser needs much of the stack.
int LoadPieces(lua_State* state) {
  BytePool& pool = Interpreter::Of(state).bytes();
  ByteBuffer& text = pool.Take();
  for (;;) {
    lua_pushvalue(state, 1);
    lua_call(state, 0, 1);
    if (lua_isnil(state, -1)) break;
    if (lua_isstring(state, -1) == 0) luaL_error(state, "reader function must return a string");
    size_t size = 0;
    const char* piece = lua_tolstring(state, -1, &size);
    if (size == 0) break;
    text.Append(state, {piece, size});
    lua_pop(state, 1);
  }
  if (LoadText(state, text.text(), lua_tostring(state, 2)) != 0) lua_error(state);
  return 1;
}

int BaseLoad(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  luaL_optstring(state, 2, "");
  lua_settop(state, 2);
  if (lua_isnil(state, 2)) lua_pushliteral(state, "=(load)"), lua_replace(state, 2);
  lua_pushcfunction(state, LoadPieces);
  lua_insert(state, 1);
  return PushLoaded(state, CallProtected(state, 2, 0));
}

int BaseAssert(lua_State* state) {
  luaL_checkany(state, 1);
  if (lua_toboolean(state, 1) == 0) return luaL_error(state, "%s", luaL_optstring(state, 2, "assertion failed!"));
  return lua_gettop(state);
}

// Upvalue: what visits the elements.
int BaseIpairs(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_pushinteger(state, 0);
  return 3;
}

// LuaJIT also reads binary numbers.
bool IsBinary(const char* text) {
  while (std::isspace(static_cast<unsigned char>(*text)) != 0) ++text;
  if (*text == '-' || *text == '+') ++text;
  return text[0] == '0' && (text[1] | 0x20) == 'b';
}

int BaseToNumber(lua_State* state) {
  const int base = luaL_optint(state, 2, 10);
  if (base == 10) {
    luaL_checkany(state, 1);
    if (lua_type(state, 1) == LUA_TSTRING && std::strlen(lua_tostring(state, 1)) < lua_objlen(state, 1)) {
      lua_pushstring(state, lua_tostring(state, 1));  // up to a zero byte
      lua_replace(state, 1);
    }
    const bool is_binary = lua_type(state, 1) == LUA_TSTRING && IsBinary(lua_tostring(state, 1));
    int is_number = 0;  // a long text is read once
    const lua_Number number = is_binary ? 0 : lua_tonumberx(state, 1, &is_number);
    is_number != 0 ? lua_pushnumber(state, number) : lua_pushnil(state);
    return 1;
  }
  const char* const text = luaL_checkstring(state, 1);
  luaL_argcheck(state, base >= 2 && base <= 36, 2, "base out of range");
  char* end = nullptr;
  const unsigned long number = std::strtoul(text, &end, base);
  while (end != text && std::isspace(static_cast<unsigned char>(*end)) != 0) ++end;
  if (end == text || *end != '\0') {
    lua_pushnil(state);
  } else {
    lua_pushnumber(state, static_cast<lua_Number>(number));
  }
  return 1;
}

int BaseGcInfo(lua_State* state) {
  lua_pushinteger(state, lua_gc(state, LUA_GCCOUNT, 0));
  return 1;
}

// Settings would outlive the script: they are accepted without effect.
int BaseCollectGarbage(lua_State* state) {
  static const char* const kOptions[] = {"collect", "stop",     "restart",    "count",
                                         "step",    "setpause", "setstepmul", nullptr};
  const int option = luaL_checkoption(state, 1, "collect", kOptions);
  const std::string_view name = kOptions[option];
  const int argument = static_cast<int>(luaL_optinteger(state, 2, 0));
  if (name == "count") {
    lua_pushnumber(state, lua_gc(state, LUA_GCCOUNT, 0) + lua_gc(state, LUA_GCCOUNTB, 0) / 1024.0);
  } else if (name == "collect") {
    Interpreter::Of(state).CollectInSteps();
    lua_pushnumber(state, 0);
  } else if (name == "step") {
    lua_pushboolean(state, lua_gc(state, LUA_GCSTEP, argument));
  } else {
    lua_pushnumber(state, name == "setpause" || name == "setstepmul" ? 200 : 0);
  }
  return 1;
}

}  // namespace

void SetFunctions(lua_State* state, std::span<const NamedFunction> functions) {
  for (const NamedFunction& function : functions) {
    lua_pushcclosure(state, function.function, 0);
    lua_setfield(state, -2, function.name);
  }
}

void AddBaseFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"pcall", BasePcall},
      {"xpcall", BaseXpcall},
      {"rawget", BaseRawGet},
      {"rawset", BaseRawSet},
      {"getmetatable", BaseGetMetatable},
      {"setmetatable", BaseSetMetatable},
      {"loadstring", BaseLoadString},
      {"load", BaseLoad},
      {"tostring", BaseToString},
      {"tonumber", BaseToNumber},
      {"assert", BaseAssert},
      {"gcinfo", BaseGcInfo},
      {"collectgarbage", BaseCollectGarbage},
  };
  SetFunctions(state, kFunctions);
  lua_getfield(state, -1, "next");
  lua_pushcclosure(state, BasePairs, 1);
  lua_setfield(state, -2, "pairs");
  lua_getglobal(state, "ipairs");
  lua_newtable(state);
  lua_call(state, 1, 1);
  lua_pushcclosure(state, BaseIpairs, 1);
  lua_setfield(state, -2, "ipairs");
}

}  // namespace ringkv::server::lua
