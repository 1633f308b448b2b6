// SPDX-License-Identifier: MIT
// A Lua state with what its C++ functions share: the host of the run, memory, nesting, pulses.
//
// Lua's errors leave C++ functions like exceptions, without destructors being sure to run. So no function that may
// raise one holds anything that needs a destructor: buffers belong to the Interpreter.
//
// Threads: confined, but for RequestPulse.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <lua.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/buffer.h"
#include "server/lua/byte_pool.h"
#include "server/lua/json_options.h"
#include "server/lua/lua_memory.h"
#include "server/lua/random.h"
#include "server/lua/script_host.h"

namespace ringkv::server::lua {

struct LoadedFunction;

// C++ functions that call Lua functions that call C++ functions that ... As in Lua 5.1.
inline constexpr int kMaxNesting = 199;

// Work that may raise errors of Lua.
class Task {
 public:
  virtual void Run(lua_State* state) = 0;

 protected:
  ~Task() = default;
};

class Interpreter {
 public:
  // `describe_error`: gets each error that no script has caught, and makes it one with its place.
  Interpreter(LuaMemory& memory, lua_CFunction describe_error);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // The interpreter that a state or coroutine belongs to.
  static Interpreter& Of(lua_State* state) {
    void* self = nullptr;
    lua_getallocf(state, &self);
    return *static_cast<Interpreter*>(self);
  }

  lua_State* state() { return state_; }
  size_t memory() const { return used_; }
  size_t memory_limit() const { return memory_.limit_per_state(); }
  BytePool& bytes() { return bytes_; }
  Random& random() { return random_; }
  JsonOptions& json() { return json_; }

  // --- A run ------------------------------------------------------------------------------------------------------
  // From here to End, limits hold. `host`: null while a script is compiled.
  void Begin(ScriptHost* host);
  void End();
  // Runs the task; returns whether it raised no error. An error is left on the stack, described.
  bool RunProtected(Task& task);
  // From here to End, no allocation fails.
  void LiftLimits() { is_limited_ = false; }
  ScriptHost& host() { return *host_; }
  // Of the replies to calls: 2 or 3.
  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  // Arguments and reply of the call that is under way; kept for the next one.
  std::vector<std::string_view>& argv() { return argv_; }
  std::string& number_texts() { return number_texts_; }
  resp::Buffer& reply() { return reply_; }
  // Empties the buffer of replies, which grows within what is left of the run's memory.
  void BeginReply();
  // Frees it if it is large.
  void EndReply();
  // Counts more bytes of what the run replies or registers, until its end. False, and nothing is counted, above the
  // limit of all states.
  bool CountOutput(size_t bytes);
  bool exceeds_own_limit() const { return limit_ != 0 && used_ > limit_; }
  // What the library that is being loaded has registered; null while none is.
  std::vector<LoadedFunction>* loading() { return loading_; }
  void set_loading(std::vector<LoadedFunction>* functions) { loading_ = functions; }

  // --- Pulses -----------------------------------------------------------------------------------------------------
  void RequestPulse() noexcept;
  // For loops of C++ functions: whether they should call Pulse now.
  bool wants_pulse() const { return wants_pulse_.load(std::memory_order_relaxed); }
  // Asks the host; raises an error that nothing catches if the run ends here.
  void Pulse(lua_State* state);
  void PulseIfWanted(lua_State* state) {
    if (wants_pulse()) [[unlikely]]
      Pulse(state);
  }
  // Whether the run is being ended: whoever catches an error raises it again.
  bool is_unwinding() const { return is_unwinding_; }
  [[noreturn]] void Unwind(lua_State* state);
  // Where the run was when it was ended: "source:line"; empty if that isn't known.
  const std::string& unwound_at() const { return unwound_at_; }

  // --- Nesting ----------------------------------------------------------------------------------------------------
  // Before a call of a Lua function from C++. Raises "C stack overflow".
  void Enter(lua_State* state);
  void Leave() { --nesting_; }
  // Where an error is caught, everything above is given back.
  struct Mark {
    int nesting;
    size_t buffers;
  };
  Mark mark() const { return {nesting_, bytes_.in_use()}; }
  void ReturnTo(Mark mark) {
    nesting_ = mark.nesting;
    bytes_.ReleaseTo(mark.buffers);
  }

  // --- Tables that scripts must not change --------------------------------------------------------------------------
  void AddProtected(const void* table) { protected_.push_back(table); }
  bool IsProtected(lua_State* state, int index) const;

  // Where the stack overflowed last, which LuaJIT's error does not tell.
  std::optional<lua_Debug> TakeOverflow() { return std::exchange(overflow_, std::nullopt); }

  // Frees what the run left behind, if that is much.
  void CollectGarbage();
  // Collects all garbage, and lets the host do other work in between. False if the host ends the run meanwhile.
  bool CollectInSteps();
  // Whether a run that was ended has left much behind. It is collected when another one begins.
  bool has_garbage() const { return has_garbage_; }
  // Something that was kept between runs is garbage now. If there may be much of it, it is collected likewise.
  void NoteGarbage();

 private:
  // Of the buffer of replies: in the memory of the run.
  class ReplyBudget final : public resp::BufferBudget {
   public:
    explicit ReplyBudget(Interpreter& interpreter) : interpreter_(interpreter) {}
    bool Take(size_t bytes) override { return interpreter_.TakeForReply(bytes); }

   private:
    Interpreter& interpreter_;
  };

  static void* Allocate(void* self, void* old, size_t old_size, size_t size);
  void NoteOverflow();
  bool MayGrow(size_t bytes);
  bool TakeForReply(size_t bytes);
  // Takes what is missing for so many bytes more from the memory of all states. False above its limit.
  bool Reserve(size_t bytes);
  // Likewise, above the limit, too.
  void ReserveInAnyCase(size_t bytes);
  // Gives back what was taken in advance, but for a little.
  void GiveBack();
  void SetHook(bool is_installed) noexcept;
  bool LeftMuchGarbage() const;
  void CollectAhead();
  static int RunTask(lua_State* state);
  static void Hook(lua_State* state, lua_Debug*);

  LuaMemory& memory_;
  size_t used_ = 0;
  size_t reserved_ = 0;       // taken from `memory_`: `used_`, and some in advance
  size_t collect_above_ = 0;  // bytes at which garbage is collected ahead of Lua's own pace; 0: no limit
  size_t reply_bytes_ = 0;    // of `used_`, in `reply_`
  size_t output_bytes_ = 0;   // of `used_`, in the reply of the run
  bool wants_collection_ = false;
  bool has_garbage_ = false;
  size_t used_after_collection_ = 0;
  bool is_limited_ = false;
  size_t limit_ = 0;  // of `used_` in this run; what compiled scripts take between runs isn't the run's. 0: none

  lua_State* state_;
  int run_task_ = LUA_NOREF;  // RunTask, in Lua's registry
  int describe_error_ = LUA_NOREF;
  Task* task_ = nullptr;
  ScriptHost* host_ = nullptr;
  int protocol_ = 2;
  std::vector<LoadedFunction>* loading_ = nullptr;
  int nesting_ = 0;
  bool is_unwinding_ = false;
  std::string unwound_at_;
  std::optional<lua_Debug> overflow_;
  std::atomic<bool> wants_pulse_{false};
  std::atomic<bool> is_setting_hook_{false};
  std::vector<const void*> protected_;

  std::vector<std::string_view> argv_;
  std::string number_texts_;
  ReplyBudget reply_budget_{*this};
  resp::Buffer reply_;
  BytePool bytes_;
  Random random_;
  JsonOptions json_;
};

}  // namespace ringkv::server::lua
