// SPDX-License-Identifier: MIT
// Errors of scripts: as tables with the field "err", like Redis' own, and with their place.
#pragma once

#include <lua.hpp>
#include <optional>
#include <string_view>

#include "resp/reply_writer.h"

namespace ringkv::server::lua {

// Pushes {err = text}. `reply`: "-CODE words", "CODE words" or words alone, which get the code ERR.
void PushErrorReply(lua_State* state, std::string_view reply);
// As PushErrorReply, with the code ERR in any case.
void PushError(lua_State* state, std::string_view words);
[[noreturn]] void RaiseError(lua_State* state, std::string_view words);
[[noreturn]] void RaiseReadOnly(lua_State* state);

// Pushes the field "err" of the table on top of the stack, which a metamethod may give.
void PushErrField(lua_State* state);

// The handler of errors of a run: makes any error a table with "err", "source" and "line".
int AddPlace(lua_State* state);

// If the error on top of the stack is an overflow of it, without its place: adds that. LuaJIT calls no handler then, so
// whoever catches errors calls this.
void PlaceOverflow(lua_State* state);
// Likewise, and makes it a table as AddPlace does.
void DescribeOverflow(lua_State* state);

// Writes the error on top of the stack, which AddPlace has made. `script`: the name of the script or function; empty:
// the error is told without its place.
void WriteError(lua_State* state, std::string_view script, resp::ReplyWriter& reply);
// The text of the error on top of the stack. Valid while that is there.
std::string_view ErrorText(lua_State* state);
// Whether the error at `index` was counted when the command that failed wrote it.
bool WasCounted(lua_State* state, int index);

}  // namespace ringkv::server::lua
