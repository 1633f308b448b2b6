// SPDX-License-Identifier: MIT
// What a run executes: a script of EVAL or a function of FCALL.
//
// Threads: immutable, but for what is learnt about it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/lua/lua_state.h"
#include "server/lua/script_host.h"
#include "server/scripts/loaded_state.h"

namespace ringkv::server {

// Owned by shared pointers. A run that goes on after its request keeps one; the others borrow, because the counter of
// the pointers would be shared by all threads.
class Program : public std::enable_shared_from_this<Program> {
 public:
  // `flags`: of FunctionFlag. `has_flags`: they were given; a script without "#!lua" may do what its commands may.
  Program(LuaState::Purpose purpose, uint32_t flags, bool has_flags)
      : purpose_(purpose), flags_(flags), has_flags_(has_flags) {}
  virtual ~Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  LuaState::Purpose purpose() const { return purpose_; }
  bool is_function() const { return purpose_ == LuaState::Purpose::kFunctions; }
  bool Has(FunctionFlag flag) const { return (flags_ & flag) != 0; }
  uint32_t flags() const { return flags_; }
  bool has_flags() const { return has_flags_; }

  // Makes it known to the interpreter, unless it is. Returns the error for the client if that fails.
  virtual std::optional<std::string> Load(LoadedState& loaded, ScriptHost& host) const = 0;
  // Runs it; it was loaded into the interpreter of this state. As LuaState::RunScript.
  virtual RunEnd Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
                     const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const = 0;

  // It had to begin again: it uses keys that it did not declare, or changes large values.
  void NoteRestart() const { careful_runs_.store(kCarefulRuns, std::memory_order_relaxed); }
  // Whether the run that begins is to be irrevocable from the start. After some runs it is tried without again.
  bool TakeCare() const {
    const uint32_t left = careful_runs_.load(std::memory_order_relaxed);
    if (left > 0) careful_runs_.store(left - 1, std::memory_order_relaxed);
    return left > 0;
  }

  // Whether its last run took longer than a slice: then the next one leaves its thread at once.
  bool TakesLong() const { return takes_long_.load(std::memory_order_relaxed); }
  void NoteLength(bool took_long) const {
    if (TakesLong() != took_long) takes_long_.store(took_long, std::memory_order_relaxed);
  }

 private:
  static constexpr uint32_t kCarefulRuns = 100;

  const LuaState::Purpose purpose_;
  const uint32_t flags_;
  const bool has_flags_;
  mutable std::atomic<uint32_t> careful_runs_{0};
  mutable std::atomic<bool> takes_long_{false};
};

}  // namespace ringkv::server
