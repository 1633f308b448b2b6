// SPDX-License-Identifier: MIT
// redis.call and the other functions of the table `redis`.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

#include "server/base/version.h"
#include "server/lua/conversion.h"
#include "server/lua/errors.h"
#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"
#include "server/lua/registration.h"
#include "server/lua/sha1.h"

namespace ringkv::server::lua {

namespace {

constexpr size_t kNumberTextBytes = 32;
constexpr int kAllReplication = 3;
// Numbers below are written without an exponent, and exactly, by "%.17g" as by this.
constexpr lua_Number kExactIntegers = 1e15;

std::string_view TextArgument(lua_State* state, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text == nullptr ? "" : text, size};
}

// As Redis writes numbers in the arguments of commands: "%.17g". `text` has kNumberTextBytes.
std::string_view NumberText(lua_Number number, char* text) {
  const auto integer = static_cast<int64_t>(std::abs(number) < kExactIntegers ? number : 0);
  if (static_cast<lua_Number>(integer) == number && (integer != 0 || !std::signbit(number))) {
    const auto end = std::to_chars(text, text + kNumberTextBytes, integer).ptr;
    return {text, static_cast<size_t>(end - text)};
  }
  const int size = std::snprintf(text, kNumberTextBytes, "%.17g", number);
  return {text, static_cast<size_t>(size)};
}

// Collects the arguments in Interpreter::argv. Returns the words of the error if they aren't a command's.
const char* CollectArguments(lua_State* state, Interpreter& interpreter) {
  const int count = lua_gettop(state);
  if (count == 0) return "Please specify at least one argument for this redis lib call";
  std::vector<std::string_view>& argv = interpreter.argv();
  argv.resize(static_cast<size_t>(count));
  std::string& texts = interpreter.number_texts();
  size_t numbers = 0;
  for (int i = 1; i <= count; ++i) {
    std::string_view& argument = argv[static_cast<size_t>(i - 1)];
    const int type = lua_type(state, i);
    if (type == LUA_TSTRING) {
      argument = TextArgument(state, i);
    } else if (type == LUA_TNUMBER) {
      // All at once, so that none moves.
      if (numbers == 0) texts.resize(std::max(texts.size(), static_cast<size_t>(count) * kNumberTextBytes));
      argument = NumberText(lua_tonumber(state, i), texts.data() + numbers++ * kNumberTextBytes);
    } else {
      return "Lua redis lib command arguments must be strings or integers";
    }
  }
  return nullptr;
}

// Pushes the reply of the command in the arguments. Returns whether it is an error.
bool CallHost(lua_State* state) {
  Interpreter& interpreter = Interpreter::Of(state);
  if (interpreter.is_unwinding()) interpreter.Unwind(state);
  if (const char* words = CollectArguments(state, interpreter); words != nullptr) {
    PushError(state, words);
    return true;
  }
  interpreter.BeginReply();
  resp::Buffer& bytes = interpreter.reply();
  resp::ReplyWriter reply(bytes, interpreter.protocol());
  if (interpreter.host().Call(interpreter.argv(), reply) == Pulse::kEnd) interpreter.Unwind(state);
  const bool is_complete = !bytes.has_overflowed();
  const bool is_error = is_complete && PushReply(state, bytes.Readable());
  interpreter.EndReply();
  if (is_complete) return is_error;
  PushError(state, "the reply of the command exceeds the memory limit of scripts");
  return true;
}

int RedisCall(lua_State* state) {
  if (CallHost(state)) lua_error(state);
  return 1;
}

int RedisPcall(lua_State* state) {
  CallHost(state);
  return 1;
}

int RedisErrorReply(lua_State* state) {
  if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TSTRING) {
    PushError(state, "wrong number or type of arguments");
  } else {
    PushErrorReply(state, TextArgument(state, 1));
  }
  return 1;
}

int RedisStatusReply(lua_State* state) {
  if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TSTRING) {
    PushError(state, "wrong number or type of arguments");
    return 1;
  }
  lua_createtable(state, 0, 1);
  lua_pushvalue(state, 1);
  lua_setfield(state, -2, "ok");
  return 1;
}

int RedisSha1Hex(lua_State* state) {
  if (lua_gettop(state) != 1) RaiseError(state, "wrong number of arguments");
  constexpr size_t kPiece = 1024 * Sha1::kBlockBytes;
  Sha1 sha1;
  std::string_view rest = TextArgument(state, 1);
  for (; rest.size() > kPiece; rest.remove_prefix(kPiece)) {
    sha1.AddBlocks(rest.substr(0, kPiece));
    Interpreter::Of(state).PulseIfWanted(state);
  }
  const std::array<char, 40> digits = sha1.End(rest);
  lua_pushlstring(state, digits.data(), digits.size());
  return 1;
}

int RedisLog(lua_State* state) {
  const int count = lua_gettop(state);
  if (count < 2) RaiseError(state, "redis.log() requires two arguments or more.");
  if (lua_isnumber(state, 1) == 0) RaiseError(state, "First argument must be a number (log level).");
  const auto level = static_cast<int>(lua_tointeger(state, 1));
  if (level < 0 || level > 3) RaiseError(state, "Invalid debug level.");
  ByteBuffer& line = Interpreter::Of(state).bytes().Take();
  for (int i = 2; i <= count; ++i) {
    if (lua_isstring(state, i) == 0) continue;
    if (i > 2) line.Append(state, ' ');
    line.Append(state, TextArgument(state, i));
  }
  Interpreter::Of(state).host().Log(static_cast<ScriptLogLevel>(level), line.text());
  Interpreter::Of(state).bytes().Release();
  return 0;
}

int RedisSetResp(lua_State* state) {
  if (lua_gettop(state) != 1) RaiseError(state, "redis.setresp() requires one argument.");
  const auto protocol = static_cast<int>(lua_tointeger(state, 1));
  if (protocol != 2 && protocol != 3) RaiseError(state, "RESP version must be 2 or 3.");
  Interpreter::Of(state).set_protocol(protocol);
  return 0;
}

int RedisSetReplication(lua_State* state) {
  if (lua_gettop(state) != 1) RaiseError(state, "redis.set_repl() requires two arguments.");
  const auto flags = static_cast<int>(lua_tointeger(state, 1));
  if ((flags & ~kAllReplication) != 0) {
    RaiseError(state, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  Interpreter::Of(state).host().SetReplication(flags);
  return 0;
}

// Scripts are always replicated by what they change.
int RedisReplicateCommands(lua_State* state) {
  lua_pushboolean(state, 1);
  return 1;
}

// There is no debugger: as in Redis outside of a debugging session.
int RedisBreakpoint(lua_State* state) {
  lua_pushboolean(state, 0);
  return 1;
}

int RedisDebug(lua_State*) { return 0; }

int RedisAclCheckCmd(lua_State* state) {
  Interpreter& interpreter = Interpreter::Of(state);
  if (const char* words = CollectArguments(state, interpreter); words != nullptr) RaiseError(state, words);
  const CommandPermit permit = interpreter.host().CheckPermit(interpreter.argv());
  if (permit == CommandPermit::kUnknown) RaiseError(state, "Invalid command passed to redis.acl_check_cmd()");
  lua_pushboolean(state, permit == CommandPermit::kAllowed);
  return 1;
}

void SetInteger(lua_State* state, const char* name, int value) {
  lua_pushinteger(state, value);
  lua_setfield(state, -2, name);
}

void AddConstants(lua_State* state) {
  SetInteger(state, "LOG_DEBUG", 0);
  SetInteger(state, "LOG_VERBOSE", 1);
  SetInteger(state, "LOG_NOTICE", 2);
  SetInteger(state, "LOG_WARNING", 3);
  lua_pushlstring(state, kRedisVersion.data(), kRedisVersion.size());
  lua_setfield(state, -2, "REDIS_VERSION");
  SetInteger(state, "REDIS_VERSION_NUM", kRedisVersionNumber);
}

}  // namespace

void AddRedisFunctions(lua_State* state, RedisApi api) {
  AddConstants(state);
  SetFunctions(state, {{{"log", RedisLog}}});
  if (api == RedisApi::kLoading) {
    SetFunctions(state, {{{"register_function", RegisterFunction}}});
    return;
  }
  static constexpr NamedFunction kFunctions[] = {
      {"call", RedisCall},
      {"pcall", RedisPcall},
      {"error_reply", RedisErrorReply},
      {"status_reply", RedisStatusReply},
      {"sha1hex", RedisSha1Hex},
      {"setresp", RedisSetResp},
      {"set_repl", RedisSetReplication},
      {"acl_check_cmd", RedisAclCheckCmd},
  };
  SetFunctions(state, kFunctions);
  SetInteger(state, "REPL_NONE", 0);
  SetInteger(state, "REPL_AOF", 1);
  SetInteger(state, "REPL_SLAVE", 2);
  SetInteger(state, "REPL_REPLICA", 2);
  SetInteger(state, "REPL_ALL", kAllReplication);
  if (api == RedisApi::kFunctions) return;
  static constexpr NamedFunction kForScripts[] = {
      {"replicate_commands", RedisReplicateCommands},
      {"breakpoint", RedisBreakpoint},
      {"debug", RedisDebug},
  };
  SetFunctions(state, kForScripts);
}

}  // namespace ringkv::server::lua
