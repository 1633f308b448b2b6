// SPDX-License-Identifier: MIT
#include "server/lua/sandbox.h"

#include <algorithm>
#include <initializer_list>

#include "server/lua/libraries.h"
#include "server/lua/protected_tables.h"

namespace ringkv::server::lua {

namespace {

using Names = std::initializer_list<const char*>;

// What scripts may use of Lua's libraries. Missing: what reads files or the environment of functions, and writes to
// the standard output.
constexpr Names kBaseNames = {"error", "next", "rawequal", "select", "type", "unpack", "_VERSION"};
constexpr Names kStringNames = {"byte", "char", "dump", "len", "lower", "rep", "reverse", "sub", "upper"};
constexpr Names kTableNames = {"concat", "foreach", "foreachi", "getn", "maxn", "remove"};
constexpr Names kMathNames = {"abs",  "acos",  "asin", "atan",  "atan2", "ceil",  "cos",   "cosh", "deg",
                              "exp",  "floor", "fmod", "frexp", "huge",  "ldexp", "log10", "max",  "min",
                              "modf", "pi",    "pow",  "rad",   "sin",   "sinh",  "sqrt",  "tan",  "tanh"};
constexpr Names kBitNames = {"arshift", "band", "bnot", "bor",    "bswap", "bxor",
                             "lshift",  "rol",  "ror",  "rshift", "tobit", "tohex"};
constexpr Names kLibraries = {"string", "table",  "math",     "bit",   "coroutine", "os",
                              "cjson",  "struct", "cmsgpack", "redis", "server"};
constexpr Names kCoroutineNames = {"running", "status"};

void OpenLibrary(lua_State* state, const char* name, lua_CFunction open) {
  lua_pushcfunction(state, open);
  lua_pushstring(state, name);
  lua_call(state, 1, 0);
}

// Pushes a table with these fields of the table at `from`.
void PushSelected(lua_State* state, int from, Names names) {
  lua_newtable(state);
  for (const char* name : names) {
    lua_getfield(state, from, name);
    lua_setfield(state, -2, name);
  }
}

// The same of the library in the global of this name.
void PushSelectedOf(lua_State* state, const char* library, Names names) {
  lua_getglobal(state, library);
  PushSelected(state, lua_gettop(state), names);
  lua_remove(state, -2);
}

// Protects the table on top, and makes it a field of the table below.
void SetProtected(lua_State* state, const char* name) {
  Protect(state);
  lua_setfield(state, -2, name);
}

using AddFunctions = void (*)(lua_State*);

// As a field of the table on top.
void AddLibrary(lua_State* state, const char* name, AddFunctions add, Names names = {}) {
  if (names.size() == 0) {
    lua_newtable(state);
  } else {
    PushSelectedOf(state, name, names);
  }
  add(state);
  SetProtected(state, name);
}

// Methods of strings are found without the detour over a protected table. The metatable itself shows that one.
void ProtectStringMethods(lua_State* state) {
  lua_getfield(state, -1, "string");
  lua_pushliteral(state, "");
  lua_getmetatable(state, -1);
  PushProtectedContent(state, -3);
  lua_setfield(state, -2, "__index");
  lua_newtable(state);
  lua_pushvalue(state, -4);
  lua_setfield(state, -2, "__index");
  Protect(state);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 3);
}

int RefuseUnknownGlobal(lua_State* state) {
  lua_pushvalue(state, 2);
  const char* name = lua_tostring(state, -1);
  return luaL_error(state, "Script attempted to access nonexistent global variable '%s'", name == nullptr ? "?" : name);
}

// Reading what the table on top does not have is an error.
void RefuseUnknown(lua_State* state) {
  lua_createtable(state, 0, 1);
  lua_pushcfunction(state, RefuseUnknownGlobal);
  lua_setfield(state, -2, "__index");
  lua_setmetatable(state, -2);
}

// The table `redis`, and the same table as `server`.
void AddRedis(lua_State* state, RedisApi api) {
  lua_newtable(state);
  AddRedisFunctions(state, api);
  if (api == RedisApi::kLoading) RefuseUnknown(state);
  Protect(state);
  lua_pushvalue(state, -1);
  lua_setfield(state, -3, "server");
  lua_setfield(state, -2, "redis");
}

void PushGlobals(lua_State* state, bool is_for_functions) {
  PushSelected(state, LUA_GLOBALSINDEX, kBaseNames);
  AddBaseFunctions(state);
  AddLibrary(state, "string", AddStringFunctions, kStringNames);
  AddLibrary(state, "table", AddTableFunctions, kTableNames);
  AddLibrary(state, "math", AddMathFunctions, kMathNames);
  AddLibrary(state, "bit", AddBitFunctions, kBitNames);
  AddLibrary(state, "coroutine", AddCoroutineFunctions, kCoroutineNames);
  AddLibrary(state, "os", AddOsFunctions);
  AddLibrary(state, "cjson", AddJsonFunctions);
  AddLibrary(state, "cmsgpack", AddMessagePackFunctions);
  AddLibrary(state, "struct", AddStructFunctions);
  AddRedis(state, is_for_functions ? RedisApi::kFunctions : RedisApi::kScripts);
  ProtectStringMethods(state);
  RefuseUnknown(state);
}

// Of the globals on top; replaces them.
void MakeDirect(lua_State* state) {
  const int globals = lua_gettop(state);
  lua_newtable(state);
  for (lua_pushnil(state); lua_next(state, globals) != 0;) {
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    lua_rawset(state, -4);
  }
  for (const char* library : kLibraries) {
    lua_getfield(state, globals, library);
    PushProtectedContent(state, -1);
    lua_setfield(state, -3, DirectName(library).c_str());
    lua_pop(state, 1);
  }
  RefuseUnknown(state);
  lua_replace(state, globals);
}

// What getmetatable shows of the globals on top.
void ShowMetatable(lua_State* state) {
  lua_getmetatable(state, -1);
  lua_newtable(state);
  lua_pushcfunction(state, RefuseUnknownGlobal);
  lua_setfield(state, -2, "__index");
  Protect(state);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

// Names of fields that conversions look up: kept, so that looking them up never allocates.
void KeepFieldNames(lua_State* state) {
  for (const char* name : {"err", "ok", "double", "map", "set", "big_number", "verbatim_string", "string", "format",
                           "source", "line", "ignore_error_stats_update"}) {
    lua_pushstring(state, name);
    luaL_ref(state, LUA_REGISTRYINDEX);
  }
}

}  // namespace

bool IsLibrary(std::string_view name) {
  return std::find(kLibraries.begin(), kLibraries.end(), name) != kLibraries.end();
}

Sandbox BuildSandbox(Interpreter& interpreter, bool is_for_functions) {
  lua_State* state = interpreter.state();
  OpenLibrary(state, "", luaopen_base);
  OpenLibrary(state, LUA_STRLIBNAME, luaopen_string);
  OpenLibrary(state, LUA_TABLIBNAME, luaopen_table);
  OpenLibrary(state, LUA_MATHLIBNAME, luaopen_math);
  OpenLibrary(state, "bit", luaopen_bit);
  KeepFieldNames(state);
  Sandbox sandbox;
  PushGlobals(state, is_for_functions);
  lua_pushvalue(state, -1);
  sandbox.globals = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_newtable(state);
  AddRedis(state, RedisApi::kLoading);
  RefuseUnknown(state);
  sandbox.loading_globals = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_pushvalue(state, -1);
  Protect(state);
  ShowMetatable(state);
  lua_pushvalue(state, -1);
  lua_setfield(state, -3, "_G");
  lua_pushvalue(state, -1);
  sandbox.environment = luaL_ref(state, LUA_REGISTRYINDEX);
  lua_replace(state, LUA_GLOBALSINDEX);
  if (!is_for_functions) {
    MakeDirect(state);
    sandbox.direct_globals = luaL_ref(state, LUA_REGISTRYINDEX);
  }
  lua_settop(state, 0);
  return sandbox;
}

void ShowGlobals(lua_State* state, const Sandbox& sandbox, int content) {
  lua_rawgeti(state, LUA_REGISTRYINDEX, sandbox.environment);
  lua_getmetatable(state, -1);
  lua_rawgeti(state, LUA_REGISTRYINDEX, content);
  lua_setfield(state, -2, "__index");
  lua_pop(state, 2);
}

}  // namespace ringkv::server::lua
