// SPDX-License-Identifier: MIT
// The server as a running script sees it. The runner of scripts implements it; the interpreter knows no other part of
// the server.
//
// All calls come from the thread and the stack of the run, and may switch that stack away and back. No exception may
// leave them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "resp/reply_writer.h"

namespace ringkv::server {

// The values are Redis' numbers of the levels: redis.LOG_DEBUG and so on.
enum class ScriptLogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning };

// Whether the run goes on. kEnd unwinds it past every pcall, xpcall and coroutine of the script, without another call
// of the host; the state is reusable afterwards.
enum class Pulse : uint8_t { kContinue, kEnd };

// The answer to redis.acl_check_cmd. kUnknown: there is no such command.
enum class CommandPermit : uint8_t { kAllowed, kDenied, kUnknown };

class ScriptHost {
 public:
  virtual ~ScriptHost() = default;

  // redis.call and redis.pcall: executes the command and writes its one reply, in the protocol that `reply` has: 2, or
  // 3 after redis.setresp(3). `argv` has a member at least, and lives until the call returns. With kEnd the reply is
  // ignored.
  virtual Pulse Call(std::span<const std::string_view> argv, resp::ReplyWriter& reply) = 0;

  // Follows LuaState::RequestPulse, between two instructions of the script.
  virtual Pulse OnPulse() = 0;

  virtual void Log(ScriptLogLevel level, std::string_view text) = 0;
  virtual CommandPermit CheckPermit(std::span<const std::string_view> argv) = 0;

  // redis.set_repl; `flags` are the sum of redis.REPL_AOF (1) and redis.REPL_REPLICA (2).
  virtual void SetReplication(int flags) = 0;

  // An error within the reply of the run, that is: in an array. `was_counted`: by the command that failed.
  virtual void NoteErrorInReply(std::string_view code, bool was_counted) {
    static_cast<void>(code);
    static_cast<void>(was_counted);
  }

  // Of a run that kEnd has ended: an error for its client, such as "Script killed by user with SCRIPT KILL.". Without
  // code: Run adds "ERR" and the place in the script. Empty: Run writes no reply.
  virtual std::string_view unwind_error() const { return {}; }
};

}  // namespace ringkv::server
