// SPDX-License-Identifier: MIT
// Replies of commands as Lua values, and Lua values as replies, as in Redis.
#pragma once

#include <lua.hpp>
#include <string_view>

#include "resp/reply_writer.h"

namespace ringkv::server::lua {

// Pushes the value of a complete reply, in RESP2 or RESP3. An error becomes {err = ...}; returns whether the reply is
// one.
bool PushReply(lua_State* state, std::string_view reply);

// Stack slots that WriteValue needs.
inline constexpr int kWriteValueSlots = 4000;
// Writes the value on top of the stack, and removes it. Raises no error if the slots were reserved, but that which ends
// the run; then the reply is incomplete. `script_protocol` is what redis.setresp has set. Values that nest too deeply
// are errors in the reply. A reply of more than `limit` bytes is an error as a whole, and false is returned. `reply`
// has a buffer.
bool WriteValue(lua_State* state, int script_protocol, size_t limit, resp::ReplyWriter& reply);

}  // namespace ringkv::server::lua
