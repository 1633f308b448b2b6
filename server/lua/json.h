// SPDX-License-Identifier: MIT
// cjson.encode and cjson.decode.
#pragma once

#include <lua.hpp>

namespace ringkv::server::lua {

int JsonEncode(lua_State* state);
int JsonDecode(lua_State* state);

}  // namespace ringkv::server::lua
