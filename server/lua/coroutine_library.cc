// SPDX-License-Identifier: MIT
// coroutine.resume and wrap: an error that ends the run must pass through them, and nesting is bounded.
#include "server/lua/errors.h"
#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

namespace {

bool CanResume(lua_State* coroutine) {
  const int status = lua_status(coroutine);
  if (status == LUA_YIELD) return true;
  lua_Debug frame;
  return status == 0 && lua_getstack(coroutine, 0, &frame) == 0 && lua_gettop(coroutine) > 0;
}

// Why CanResume is false.
const char* WhyNot(lua_State* state, lua_State* coroutine) {
  lua_Debug frame;
  if (coroutine == state) return "cannot resume running coroutine";
  const bool is_normal = lua_status(coroutine) == 0 && lua_getstack(coroutine, 0, &frame) != 0;
  return is_normal ? "cannot resume normal coroutine" : "cannot resume dead coroutine";
}

// Resumes with the `arguments` values on top of the stack, and pushes the results. -1: an error, which it pushes.
int Resume(lua_State* state, lua_State* coroutine, int arguments) {
  if (lua_checkstack(coroutine, arguments) == 0) luaL_error(state, "too many arguments to resume");
  if (coroutine == state || !CanResume(coroutine)) {
    lua_pushstring(state, WhyNot(state, coroutine));
    return -1;
  }
  Interpreter& interpreter = Interpreter::Of(state);
  const Interpreter::Mark mark = interpreter.mark();
  interpreter.Enter(state);
  lua_xmove(state, coroutine, arguments);
  const int status = lua_resume(coroutine, arguments);
  interpreter.ReturnTo(mark);
  if (interpreter.is_unwinding()) interpreter.Unwind(state);
  if (status != 0 && status != LUA_YIELD) {
    lua_xmove(coroutine, state, 1);
    return -1;
  }
  const int results = lua_gettop(coroutine);
  if (lua_checkstack(state, results + 1) == 0) luaL_error(state, "too many results to resume");
  lua_xmove(coroutine, state, results);
  return results;
}

int CoroutineResume(lua_State* state) {
  lua_State* coroutine = lua_tothread(state, 1);
  luaL_argcheck(state, coroutine != nullptr, 1, "coroutine expected");
  const int results = Resume(state, coroutine, lua_gettop(state) - 1);
  const int pushed = results < 0 ? 1 : results;
  lua_pushboolean(state, results >= 0);
  lua_insert(state, -(pushed + 1));
  return pushed + 1;
}

int CallWrapped(lua_State* state) {
  lua_State* coroutine = lua_tothread(state, lua_upvalueindex(1));
  const int results = Resume(state, coroutine, lua_gettop(state));
  if (results >= 0) return results;
  if (lua_isstring(state, -1) != 0) {
    luaL_where(state, 1);
    lua_insert(state, -2);
    lua_concat(state, 2);
  }
  return lua_error(state);
}

int CoroutineYield(lua_State* state) {
  if (lua_isyieldable(state) == 0) {
    lua_pushliteral(state, "attempt to yield across metamethod/C-call boundary");
    lua_error(state);
  }
  return lua_yield(state, lua_gettop(state));
}

int CoroutineCreate(lua_State* state) {
  luaL_argcheck(state, lua_isfunction(state, 1) && lua_iscfunction(state, 1) == 0, 1, "Lua function expected");
  lua_State* coroutine = lua_newthread(state);
  lua_pushvalue(state, 1);
  lua_xmove(state, coroutine, 1);
  return 1;
}

int CoroutineWrap(lua_State* state) {
  CoroutineCreate(state);
  lua_pushcclosure(state, CallWrapped, 1);
  return 1;
}

}  // namespace

void AddCoroutineFunctions(lua_State* state) {
  static constexpr NamedFunction kFunctions[] = {
      {"create", CoroutineCreate},
      {"resume", CoroutineResume},
      {"wrap", CoroutineWrap},
      {"yield", CoroutineYield},
  };
  SetFunctions(state, kFunctions);
}

}  // namespace ringkv::server::lua
