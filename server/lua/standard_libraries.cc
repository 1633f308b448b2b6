// SPDX-License-Identifier: MIT
// Functions of Lua's libraries string, table, math and os that differ in the sandbox: Lua 5.1 has them otherwise than
// LuaJIT, or they would run without bound.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>

#include "server/lua/errors.h"
#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"
#include "server/lua/protected_tables.h"
#include "server/lua/string_format.h"

namespace ringkv::server::lua {

namespace {

// --- string ---------------------------------------------------------------------------------------------------------

// As Lua 5.1 makes it of a number: the lowest 32 bits of its integer.
int32_t ToInt(lua_Number number) {
  constexpr lua_Number kEnd = 0x1p63;
  return number >= -kEnd && number < kEnd ? static_cast<int32_t>(static_cast<int64_t>(number)) : 0;
}

// Without a separator. Upvalue: LuaJIT's function.
int StringRep(lua_State* state) {
  luaL_checkstring(state, 1);
  const int32_t count = ToInt(luaL_checknumber(state, 2));
  lua_settop(state, 1);
  lua_pushinteger(state, count);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, 2, 1);
  return 1;
}

// --- table ----------------------------------------------------------------------------------------------------------

int Length(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  return static_cast<int>(lua_objlen(state, 1));
}

int TableInsert(lua_State* state) {
  const int end = Length(state) + 1;
  if (IsProtectedTable(state, 1)) RaiseReadOnly(state);
  int position = end;
  switch (lua_gettop(state)) {
    case 2: break;
    case 3:
      position = static_cast<int>(luaL_checkinteger(state, 2));
      for (int i = std::max(end, position); i > position; --i) {
        lua_rawgeti(state, 1, i - 1);
        lua_rawseti(state, 1, i);
        Interpreter::Of(state).PulseIfWanted(state);
      }
      break;
    default: return luaL_error(state, "wrong number of arguments to 'insert'");
  }
  lua_rawseti(state, 1, position);
  return 0;
}

int TableSetN(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  return luaL_error(state, "'setn' is obsolete");
}

// --- math -----------------------------------------------------------------------------------------------------------

constexpr int32_t kRandomRange = INT32_MAX;

int MathRandom(lua_State* state) {
  const lua_Number fraction =
      static_cast<lua_Number>(Interpreter::Of(state).random().Next() % kRandomRange) / kRandomRange;
  const int arguments = lua_gettop(state);
  if (arguments == 0) {
    lua_pushnumber(state, fraction);
    return 1;
  }
  if (arguments > 2) return luaL_error(state, "wrong number of arguments");
  const lua_Integer low = arguments == 2 ? luaL_checkinteger(state, 1) : 1;
  const lua_Integer high = luaL_checkinteger(state, arguments);
  luaL_argcheck(state, low <= high, arguments, "interval is empty");
  const auto width = static_cast<lua_Number>(high) - static_cast<lua_Number>(low) + 1;
  lua_pushnumber(state, std::floor(fraction * width) + static_cast<lua_Number>(low));
  return 1;
}

int MathRandomSeed(lua_State* state) {
  Interpreter::Of(state).random().Seed(static_cast<int32_t>(luaL_checkinteger(state, 1)));
  return 0;
}

// Of Lua 5.1: without a base.
int MathLog(lua_State* state) {
  lua_pushnumber(state, std::log(luaL_checknumber(state, 1)));
  return 1;
}

// --- bit ------------------------------------------------------------------------------------------------------------

// At most all eight digits. Upvalue: LuaJIT's function.
int BitToHex(lua_State* state) {
  constexpr lua_Integer kDigits = 8;
  luaL_checknumber(state, 1);
  const lua_Integer digits = lua_gettop(state) > 1 ? luaL_checkinteger(state, 2) : kDigits;
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_pushvalue(state, 1);
  lua_pushinteger(state, std::clamp(digits, -kDigits, kDigits));
  lua_call(state, 2, 1);
  return 1;
}

// --- os -------------------------------------------------------------------------------------------------------------

// CPU time of the process, in seconds.
int OsClock(lua_State* state) {
  lua_pushnumber(state, static_cast<lua_Number>(std::clock()) / CLOCKS_PER_SEC);
  return 1;
}

// Replaces a function of the table on top by one that has it as its upvalue.
void Wrap(lua_State* state, const char* name, lua_CFunction wrapper) {
  lua_getfield(state, -1, name);
  lua_pushcclosure(state, wrapper, 1);
  lua_setfield(state, -2, name);
}

}  // namespace

void AddStringFunctions(lua_State* state) {
  AddPatternFunctions(state);
  SetFunctions(state, {{{"format", StringFormat}}});
  Wrap(state, "rep", StringRep);
}

void AddTableFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {{"insert", TableInsert}, {"setn", TableSetN}, {"sort", TableSort}};
  SetFunctions(state, kFunctions);
}

void AddMathFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"random", MathRandom}, {"randomseed", MathRandomSeed}, {"log", MathLog}};
  SetFunctions(state, kFunctions);
  lua_getfield(state, -1, "fmod");
  lua_setfield(state, -2, "mod");
}

void AddBitFunctions(lua_State* state) { Wrap(state, "tohex", BitToHex); }

void AddOsFunctions(lua_State* state) { SetFunctions(state, {{{"clock", OsClock}}}); }

}  // namespace ringkv::server::lua
