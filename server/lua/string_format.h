// SPDX-License-Identifier: MIT
// string.format.
#pragma once

#include <lua.hpp>

namespace ringkv::server::lua {

int StringFormat(lua_State* state);

}  // namespace ringkv::server::lua
