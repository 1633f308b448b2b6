// SPDX-License-Identifier: MIT
// The table `cjson`: encode and decode, and their settings.
#include <climits>
#include <cstring>

#include "server/lua/interpreter.h"
#include "server/lua/json.h"
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

namespace {

constexpr int kMaxPrecision = 14;
// The stack of a run bounds nesting, whatever a script sets.
constexpr int kMaxNestedDepth = 1000;

JsonOptions& OptionsOf(lua_State* state) { return Interpreter::Of(state).json(); }

// Without an argument, the setting stays as it is.
void ReadInteger(lua_State* state, int index, int& setting, int lowest, int highest) {
  if (lua_isnoneornil(state, index)) return;
  const lua_Integer value = luaL_checkinteger(state, index);
  if (value < lowest || value > highest) {
    luaL_argerror(state, index, lua_pushfstring(state, "expected integer between %d and %d", lowest, highest));
  }
  setting = static_cast<int>(value);
}

void ReadBoolean(lua_State* state, int index, bool& setting) {
  static const char* const kNames[] = {"off", "on", nullptr};
  if (lua_isnoneornil(state, index)) return;
  const bool is_boolean = lua_isboolean(state, index);
  setting = is_boolean ? lua_toboolean(state, index) != 0 : luaL_checkoption(state, index, nullptr, kNames) != 0;
}

// Of a function that takes so many.
void CheckCount(lua_State* state, int arguments) {
  luaL_argcheck(state, lua_gettop(state) <= arguments, arguments + 1, "found too many arguments");
}

int ReadDepth(lua_State* state, int& setting) {
  CheckCount(state, 1);
  int depth = setting;
  ReadInteger(state, 1, depth, 1, INT_MAX);
  setting = depth < kMaxNestedDepth ? depth : kMaxNestedDepth;
  lua_pushinteger(state, depth);
  return 1;
}

int JsonEncodeMaxDepth(lua_State* state) { return ReadDepth(state, OptionsOf(state).encode_depth); }
int JsonDecodeMaxDepth(lua_State* state) { return ReadDepth(state, OptionsOf(state).decode_depth); }

int JsonEncodeNumberPrecision(lua_State* state) {
  CheckCount(state, 1);
  ReadInteger(state, 1, OptionsOf(state).precision, 1, kMaxPrecision);
  lua_pushinteger(state, OptionsOf(state).precision);
  return 1;
}

int JsonEncodeSparseArray(lua_State* state) {
  CheckCount(state, 3);
  JsonOptions& options = OptionsOf(state);
  ReadBoolean(state, 1, options.sparse_as_object);
  ReadInteger(state, 2, options.sparse_ratio, 0, INT_MAX);
  ReadInteger(state, 3, options.sparse_safe, 0, INT_MAX);
  lua_pushboolean(state, options.sparse_as_object);
  lua_pushinteger(state, options.sparse_ratio);
  lua_pushinteger(state, options.sparse_safe);
  return 3;
}

int JsonEncodeKeepBuffer(lua_State* state) {
  CheckCount(state, 1);
  ReadBoolean(state, 1, OptionsOf(state).keep_buffer);
  lua_pushboolean(state, OptionsOf(state).keep_buffer);
  return 1;
}

int JsonEncodeInvalidNumbers(lua_State* state) {
  CheckCount(state, 1);
  InvalidNumbers& setting = OptionsOf(state).encode_invalid;
  if (lua_isboolean(state, 1)) {
    setting = lua_toboolean(state, 1) != 0 ? InvalidNumbers::kAllowed : InvalidNumbers::kRefused;
  } else if (!lua_isnoneornil(state, 1)) {
    static const char* const kNames[] = {"off", "on", "null", nullptr};
    setting = static_cast<InvalidNumbers>(luaL_checkoption(state, 1, nullptr, kNames));
  }
  if (setting == InvalidNumbers::kNull) {
    lua_pushliteral(state, "null");
  } else {
    lua_pushboolean(state, setting == InvalidNumbers::kAllowed);
  }
  return 1;
}

int JsonDecodeInvalidNumbers(lua_State* state) {
  CheckCount(state, 1);
  ReadBoolean(state, 1, OptionsOf(state).decode_invalid);
  lua_pushboolean(state, OptionsOf(state).decode_invalid);
  return 1;
}

void PushFields(lua_State* state);

// Settings are shared with the table that it is called from.
int JsonNew(lua_State* state) {
  lua_newtable(state);
  PushFields(state);
  return 1;
}

void PushFields(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"encode", JsonEncode},
      {"decode", JsonDecode},
      {"encode_max_depth", JsonEncodeMaxDepth},
      {"decode_max_depth", JsonDecodeMaxDepth},
      {"encode_number_precision", JsonEncodeNumberPrecision},
      {"encode_sparse_array", JsonEncodeSparseArray},
      {"encode_keep_buffer", JsonEncodeKeepBuffer},
      {"encode_invalid_numbers", JsonEncodeInvalidNumbers},
      {"decode_invalid_numbers", JsonDecodeInvalidNumbers},
      {"new", JsonNew},
  };
  SetFunctions(state, kFunctions);
  lua_pushlightuserdata(state, nullptr);
  lua_setfield(state, -2, "null");
  lua_pushliteral(state, "cjson");
  lua_setfield(state, -2, "_NAME");
  lua_pushliteral(state, "2.1.0");
  lua_setfield(state, -2, "_VERSION");
}

}  // namespace

void AddJsonFunctions(lua_State* state) { PushFields(state); }

}  // namespace ringkv::server::lua
