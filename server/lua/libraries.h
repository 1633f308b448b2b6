// SPDX-License-Identifier: MIT
// The libraries of scripts. Each function adds to the table on top of the stack, or replaces what Lua's own library has
// put there.
#pragma once

#include <cstdint>
#include <lua.hpp>
#include <span>

namespace ringkv::server::lua {

struct NamedFunction {
  const char* name;
  lua_CFunction function;
};
void SetFunctions(lua_State* state, std::span<const NamedFunction> functions);

void AddBaseFunctions(lua_State* state);
void AddCoroutineFunctions(lua_State* state);
void AddStringFunctions(lua_State* state);
void AddTableFunctions(lua_State* state);
void AddMathFunctions(lua_State* state);
void AddBitFunctions(lua_State* state);
void AddOsFunctions(lua_State* state);
void AddJsonFunctions(lua_State* state);
void AddMessagePackFunctions(lua_State* state);
void AddStructFunctions(lua_State* state);

// The table `redis`. While a library is loaded, it has another one: register_function, log, and some constants.
enum class RedisApi : uint8_t { kScripts, kFunctions, kLoading };
void AddRedisFunctions(lua_State* state, RedisApi api);

int TableSort(lua_State* state);
// find, match, gmatch, gsub
void AddPatternFunctions(lua_State* state);

}  // namespace ringkv::server::lua
