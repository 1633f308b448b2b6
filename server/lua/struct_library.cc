// SPDX-License-Identifier: MIT
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

void AddStructFunctions(lua_State*) {}

}  // namespace ringkv::server::lua
