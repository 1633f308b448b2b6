// SPDX-License-Identifier: MIT
#include "server/lua/registration.h"

#include <algorithm>
#include <string_view>

#include "server/base/text.h"
#include "server/lua/errors.h"
#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

namespace {

// Stack indexes of the arguments: 0 if missing.
struct FunctionArguments {
  int name = 0;
  int callback = 0;
  int description = 0;
  uint32_t flags = 0;
};

std::string_view StringAt(lua_State* state, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text == nullptr ? "" : text, size};
}

uint32_t FlagNamed(std::string_view name) {
  for (const auto& [flag, known] : kFunctionFlagNames) {
    if (EqualsIgnoringCase(name, known)) return flag;
  }
  return 0;
}

// Of the list on top of the stack.
uint32_t ReadFlags(lua_State* state) {
  if (!lua_istable(state, -1)) {
    RaiseError(state, "flags argument to redis.register_function must be a table representing function flags");
  }
  uint32_t flags = 0;
  for (int i = 1;; ++i) {
    lua_rawgeti(state, -1, i);
    if (lua_isnil(state, -1)) break;
    const uint32_t flag = lua_type(state, -1) == LUA_TSTRING ? FlagNamed(StringAt(state, -1)) : 0;
    if (flag == 0) RaiseError(state, "unknown flag given");
    flags |= flag;
    lua_pop(state, 1);
  }
  lua_pop(state, 2);
  return flags;
}

// One field of the table of named arguments: its key at -2, its value at -1. Puts the value into its slot.
void ReadNamedArgument(lua_State* state, FunctionArguments& arguments) {
  lua_pushvalue(state, -2);
  const std::string_view key = StringAt(state, -1);
  lua_pop(state, 1);
  if (lua_isstring(state, -2) == 0) {
    RaiseError(state, "named argument key given to redis.register_function is not a string");
  }
  const auto keep_in = [&](int slot) {
    lua_pushvalue(state, -1);
    lua_replace(state, slot);
    return slot;
  };
  if (key == "function_name") {
    if (lua_isstring(state, -1) == 0) {
      RaiseError(state, "function_name argument given to redis.register_function must be a string");
    }
    arguments.name = keep_in(2);
  } else if (key == "description") {
    if (lua_isstring(state, -1) == 0) {
      RaiseError(state, "description argument given to redis.register_function must be a string");
    }
    arguments.description = keep_in(3);
  } else if (key == "callback") {
    if (!lua_isfunction(state, -1)) {
      RaiseError(state, "callback argument given to redis.register_function must be a function");
    }
    arguments.callback = keep_in(4);
  } else if (key == "flags") {
    lua_pushvalue(state, -1);
    arguments.flags = ReadFlags(state);
  } else {
    RaiseError(state, "unknown argument given to redis.register_function");
  }
}

FunctionArguments ReadNamedArguments(lua_State* state) {
  if (!lua_istable(state, 1)) {
    RaiseError(state,
               "calling redis.register_function with a single argument is only applicable to Lua table (representing "
               "named arguments).");
  }
  lua_settop(state, 4);
  FunctionArguments arguments;
  for (lua_pushnil(state); lua_next(state, 1) != 0; lua_pop(state, 1)) ReadNamedArgument(state, arguments);
  if (arguments.name == 0) RaiseError(state, "redis.register_function must get a function name argument");
  if (arguments.callback == 0) RaiseError(state, "redis.register_function must get a callback argument");
  return arguments;
}

FunctionArguments ReadArguments(lua_State* state) {
  const int count = lua_gettop(state);
  if (count < 1 || count > 2) RaiseError(state, "wrong number of arguments to redis.register_function");
  if (count == 1) return ReadNamedArguments(state);
  if (lua_isstring(state, 1) == 0) RaiseError(state, "first argument to redis.register_function must be a string");
  if (!lua_isfunction(state, 2)) RaiseError(state, "second argument to redis.register_function must be a function");
  return {.name = 1, .callback = 2};
}

bool IsFunctionName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
  });
}

}  // namespace

int RegisterFunction(lua_State* state) {
  std::vector<LoadedFunction>* loading = Interpreter::Of(state).loading();
  if (loading == nullptr) RaiseError(state, "redis.register_function can only be called on FUNCTION LOAD command");
  const FunctionArguments arguments = ReadArguments(state);
  const std::string_view name = StringAt(state, arguments.name);
  if (!IsFunctionName(name)) {
    RaiseError(state,
               "Library names can only contain letters, numbers, or underscores(_) and must be at least one character "
               "long");
  }
  for (const LoadedFunction& other : *loading) {
    if (other.function.name == name) RaiseError(state, "Function already exists in the library");
  }
  const std::string_view description = arguments.description == 0 ? "" : StringAt(state, arguments.description);
  Interpreter& interpreter = Interpreter::Of(state);
  if (!interpreter.CountOutput(sizeof(LoadedFunction) + name.size() + description.size()) ||
      interpreter.exceeds_own_limit()) {
    lua_pushliteral(state, "not enough memory");
    lua_error(state);
  }
  lua_pushvalue(state, arguments.callback);
  const int callback = luaL_ref(state, LUA_REGISTRYINDEX);
  // No error is raised from here on.
  RegisteredFunction function{.name = std::string(name), .description = {}, .flags = arguments.flags};
  if (arguments.description != 0) function.description = std::string(description);
  loading->push_back({std::move(function), callback});
  return 0;
}

}  // namespace ringkv::server::lua
