// SPDX-License-Identifier: MIT
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

void AddJsonFunctions(lua_State*) {}

}  // namespace ringkv::server::lua
