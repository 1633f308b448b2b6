// SPDX-License-Identifier: MIT
// A Lua interpreter in a sandbox, with the libraries that Redis gives its scripts. It runs one script at a time and
// remembers the compiled ones; nothing that one script does is visible to another. Scripts (EVAL) and functions
// (FCALL) need a state each, since their globals differ.
//
// Neither the text of a script nor its arguments can crash the process or exceed LuaMemory's limits. C++ functions heed
// pulses as Lua code does; what the limit of memory bounds runs through: a collection of garbage, a long string.
//
// Threads: confined, but it may move from one thread to another between runs. RequestPulse: see there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_writer.h"
#include "server/lua/lua_memory.h"
#include "server/lua/registered_function.h"
#include "server/lua/script_host.h"

namespace ringkv::server {

// Stack that a run needs for itself, in bytes; the host's calls come on top.
#ifdef RINGKV_SANITIZED
inline constexpr size_t kLuaStackBytes = 4 << 20;
#else
inline constexpr size_t kLuaStackBytes = 512 * 1024;
#endif

enum class RunEnd : uint8_t {
  kReplied,  // the script's value is written as the reply
  kFailed,   // an error is written as the reply
  kUnwound,  // the host ended it; ScriptHost::unwind_error is written as the reply, if it is not empty
};

class LuaState {
 public:
  enum class Purpose : uint8_t { kScripts, kFunctions };

  // `memory` must outlive the state.
  LuaState(Purpose purpose, LuaMemory& memory);
  ~LuaState();
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;

  // --- kScripts ---------------------------------------------------------------------------------------------------
  bool HasScript(std::string_view sha1) const;
  // Compiles a script without running it. `body`: its text without the line of "#!lua", but with that line's end, so
  // that lines keep their numbers. Returns the error for the client if it is invalid: "ERR Error compiling script ...".
  // `host`: for pulses between the pieces of a long text; null: it is compiled at one go. One that the host ends fails
  // with its unwind_error.
  std::optional<std::string> Compile(std::string_view sha1, std::string_view body, ScriptHost* host = nullptr);
  // Runs a compiled script; writes its reply in reply.protocol(). `keys` and `arguments` are read behind the first
  // pulse, which may change them.
  RunEnd RunScript(ScriptHost& host, std::string_view sha1, const std::span<const std::string_view>& keys,
                   const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply);
  void ForgetScripts();

  // --- kFunctions -------------------------------------------------------------------------------------------------
  // Runs the code of a library, without the line of "#!lua" as above, and remembers the functions that it registers
  // under the library's name; a library of this name is replaced, if the new one is valid. Returns the functions, or
  // the error for the client in `error`.
  std::optional<std::vector<RegisteredFunction>> LoadLibrary(ScriptHost& host, std::string_view library,
                                                             std::string_view code, std::string& error);
  void DropLibrary(std::string_view library);
  void DropLibraries();
  bool HasFunction(std::string_view function) const;
  RunEnd RunFunction(ScriptHost& host, std::string_view function, const std::span<const std::string_view>& keys,
                     const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply);

  // Whether the error that the last run replied came from a call of the host, which has counted it in the statistics.
  bool error_was_counted() const;

  // Whether a run that was ended, or a library that was dropped, has left much garbage, which the next run would
  // collect.
  bool has_garbage() const;
  // Between two instructions of the run that is under way, ScriptHost::OnPulse is called, soon. Costs a run that is
  // never asked nothing. May be called by a signal handler on the thread of the run, and by the host; no other thread.
  void RequestPulse() noexcept;

  // Counts bytes that the host keeps for the run which is under way as memory of that run, until it ends. For
  // ScriptHost::Call. False if they exceed a limit.
  bool CountForHost(size_t bytes);

  // Bytes in use.
  size_t memory() const;

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace ringkv::server
