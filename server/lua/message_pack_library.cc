// SPDX-License-Identifier: MIT
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

void AddMessagePackFunctions(lua_State*) {}

}  // namespace ringkv::server::lua
