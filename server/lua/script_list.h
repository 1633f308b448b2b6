// SPDX-License-Identifier: MIT
// The globals KEYS and ARGV of scripts.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <lua.hpp>
#include <span>
#include <string_view>

#include "server/lua/sandbox.h"

namespace ringkv::server::lua {

// Pushes an array of texts.
void PushTexts(lua_State* state, const std::span<const std::string_view>& texts);

// A global whose table serves one script after the other, as long as they leave it a short array. No script can keep
// the table, since nothing of a script outlives its run.
class ScriptList {
 public:
  explicit ScriptList(const char* name) : name_(name) {}

  // Before a script; pushes the list. May raise errors.
  void Fill(lua_State* state, const Sandbox& sandbox, const std::span<const std::string_view>& texts);
  // After a script has ended without an error, and its reply is written: empties the list on top of the stack, of so
  // many texts, and removes it. No limit of memory may hold.
  void Clear(lua_State* state, size_t count);

 private:
  void PushEmpty(lua_State* state, const Sandbox& sandbox, size_t count);

  const char* const name_;
  int table_ = LUA_NOREF;  // in Lua's registry
  bool is_empty_ = false;  // and a plain array
};

}  // namespace ringkv::server::lua
