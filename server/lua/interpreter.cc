// SPDX-License-Identifier: MIT
#include "server/lua/interpreter.h"

#include <luajit.h>

#include <algorithm>
#include <utility>

#include "storage/base/allocator.h"
#include "storage/base/check.h"

namespace ringkv::server::lua {

namespace {

// What is taken from LuaMemory in advance, as all threads share it; and what is kept of that at most.
constexpr size_t kReservedBytes = 64 * 1024;
constexpr size_t kMostReservedBytes = 4 * kReservedBytes;
// Growth within a run, in bytes, that is collected at its end and not by the pace of Lua.
constexpr size_t kMuchGarbage = 1 << 20;
// Of the limit of a state: what it grows by at least between two collections ahead of Lua's pace.
constexpr size_t kMinGrowthPart = 32;
constexpr size_t kKeptReplyBytes = 16 * 1024;
constexpr size_t kSmallReplyBytes = 1024;  // as large as a reply may always be

// A block that the stack of a state may have when it is as large as it may get, in slots of eight bytes and some more.
constexpr size_t kFullStackBytes = size_t{LUAI_MAXSTACK} * 8;
constexpr size_t kFullStackSlack = 256;

#ifdef RINGKV_THREAD_SANITIZED
// The sanitizer keeps signals back, so runs are asked for pulses all the time: not at every instruction.
constexpr int kHookedEvents = LUA_MASKCOUNT;
constexpr int kInstructionsToHook = 1000;
#else
constexpr int kHookedEvents = LUA_MASKCOUNT | LUA_MASKCALL;
constexpr int kInstructionsToHook = 1;
#endif

// Of the innermost Lua function.
std::string PlaceOf(lua_State* state) {
  lua_Debug frame;
  for (int level = 0; lua_getstack(state, level, &frame) != 0; ++level) {
    lua_getinfo(state, "Sl", &frame);
    if (frame.what[0] != 'C' && frame.currentline > 0)
      return std::string(frame.source) + ":" + std::to_string(frame.currentline);
  }
  return {};
}

// An error has left the interpreter.
int DieOfPanic(lua_State*) {
  RINGKV_CHECK(false);
  return 0;
}

}  // namespace

Interpreter::Interpreter(LuaMemory& memory, lua_CFunction describe_error)
    : memory_(memory), state_(lua_newstate(&Interpreter::Allocate, this)) {
  lua_atpanic(state_, DieOfPanic);
  // Compiled loops could not be interrupted.
  luaJIT_setmode(state_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  lua_pushcfunction(state_, &Interpreter::RunTask);
  run_task_ = luaL_ref(state_, LUA_REGISTRYINDEX);
  lua_pushcfunction(state_, describe_error);
  describe_error_ = luaL_ref(state_, LUA_REGISTRYINDEX);
  reply_.set_budget(&reply_budget_);
}

Interpreter::~Interpreter() {
  bytes_.FreeAll(state_);
  lua_close(state_);
  memory_.Subtract(reserved_);
}

void Interpreter::Begin(ScriptHost* host) {
  host_ = host;
  is_limited_ = true;
  protocol_ = 2;
  json_ = {};
  nesting_ = 0;
  is_unwinding_ = false;
  overflow_.reset();
  if (has_garbage_) CollectGarbage();
  wants_collection_ = false;
  limit_ = memory_.limit_per_state() == 0 ? 0 : used_after_collection_ + memory_.limit_per_state();
  collect_above_ = limit_ / 2;
}

void Interpreter::End() {
  ReturnTo({0, 0});
  const bool was_ended = std::exchange(is_unwinding_, false);
  std::string().swap(unwound_at_);
  is_limited_ = false;
  reply_.Consume(reply_.size());
  EndReply();
  used_ -= std::exchange(output_bytes_, 0);
  if (LeftMuchGarbage()) {
    has_garbage_ = true;
    if (!was_ended) CollectGarbage();
  }
  host_ = nullptr;
  if (reserved_ > used_ + 2 * kReservedBytes) GiveBack();
}

void Interpreter::NoteGarbage() { has_garbage_ = has_garbage_ || used_ > kMuchGarbage; }

// Also if that is little, but takes the memory of other states.
bool Interpreter::LeftMuchGarbage() const {
  if (used_ <= used_after_collection_ + kReservedBytes) return false;
  const size_t limit = memory_.limit_per_state();
  const size_t much = limit == 0 ? kMuchGarbage : std::min(kMuchGarbage, limit / 4);
  const size_t all = memory_.limit_of_all();
  return used_ > used_after_collection_ + much || (all != 0 && memory_.used() > all / 2);
}

// Nothing here allocates before the error handler stands.
bool Interpreter::RunProtected(Task& task) {
  task_ = &task;
  lua_settop(state_, 0);
  lua_rawgeti(state_, LUA_REGISTRYINDEX, describe_error_);
  lua_rawgeti(state_, LUA_REGISTRYINDEX, run_task_);
  return lua_pcall(state_, 0, 0, 1) == 0;
}

int Interpreter::RunTask(lua_State* state) {
  Of(state).task_->Run(state);
  return 0;
}

// The cycle that is under way may miss what has become garbage since it began: it takes another one. No error may be
// raised here: a run that is to end does so at a pulse right after it.
bool Interpreter::CollectInSteps() {
  constexpr int kStepKilobytes = 64;
  if (host_ == nullptr) {
    lua_gc(state_, LUA_GCCOLLECT, 0);
    return true;
  }
  for (int cycles = 0; cycles < 2;) {
    if (lua_gc(state_, LUA_GCSTEP, kStepKilobytes) != 0) ++cycles;
    if (!wants_pulse_.exchange(false, std::memory_order_relaxed)) continue;
    if (host_->OnPulse() == server::Pulse::kContinue) continue;
    wants_pulse_.store(true, std::memory_order_relaxed);
    return false;
  }
  return true;
}

void Interpreter::CollectGarbage() {
  bytes_.Shrink(state_);
  // Each time the interpreter's own buffer for texts gets smaller, which may be the largest that a run leaves behind.
  size_t before = 0;
  do {
    before = used_;
    has_garbage_ = !CollectInSteps();
  } while (!has_garbage_ && used_ + kReservedBytes < before);
  if (!has_garbage_) used_after_collection_ = used_;
  GiveBack();
}

void Interpreter::BeginReply() {
  reply_.Consume(reply_.size());
  reply_.ForgetOverflow();
}

bool Interpreter::TakeForReply(size_t bytes) {
  const bool is_small = reply_bytes_ + bytes <= kSmallReplyBytes;
  if (limit_ != 0 && used_ + bytes > limit_ && !is_small) return false;
  if (is_small) {
    ReserveInAnyCase(bytes);
  } else if (!Reserve(bytes)) {
    return false;
  }
  used_ += bytes;
  reply_bytes_ += bytes;
  return true;
}

void Interpreter::EndReply() {
  if (reply_.capacity() > kKeptReplyBytes) {
    reply_.Consume(reply_.size());
    reply_.ShrinkTo(0);
  }
  used_ -= reply_bytes_ - reply_.capacity();
  reply_bytes_ = reply_.capacity();
}

bool Interpreter::CountOutput(size_t bytes) {
  if (!Reserve(bytes)) return false;
  used_ += bytes;
  output_bytes_ += bytes;
  return true;
}

bool Interpreter::Reserve(size_t bytes) {
  if (used_ + bytes <= reserved_) return true;
  const size_t missing = used_ + bytes - reserved_;
  for (const size_t taken : {missing + kReservedBytes, missing}) {
    if (!memory_.TryAdd(taken)) continue;
    reserved_ += taken;
    return true;
  }
  return false;
}

void Interpreter::ReserveInAnyCase(size_t bytes) {
  if (Reserve(bytes)) return;
  memory_.Add(bytes);
  reserved_ += bytes;
}

void Interpreter::GiveBack() {
  const size_t kept = std::min(reserved_, used_ + kReservedBytes);
  memory_.Subtract(reserved_ - kept);
  reserved_ = kept;
}

bool Interpreter::MayGrow(size_t bytes) {
  if (!is_limited_) {
    ReserveInAnyCase(bytes);
    return true;
  }
  if (limit_ != 0 && used_ + bytes > limit_) return false;
  if (collect_above_ != 0 && used_ + bytes > collect_above_ && !wants_collection_) {
    wants_collection_ = true;
    SetHook(true);
  }
  return Reserve(bytes);
}

void* Interpreter::Allocate(void* self, void* old, size_t old_size, size_t size) {
  Interpreter& interpreter = *static_cast<Interpreter*>(self);
  if (size == 0) {
    if (old != nullptr) storage::FreeBytes(old, old_size);
    interpreter.used_ -= old_size;
    if (interpreter.reserved_ > interpreter.used_ + kMostReservedBytes) interpreter.GiveBack();
    return nullptr;
  }
  if (old == nullptr) old_size = 0;
  // It gets room to handle the error, which is raised next.
  const bool is_full_stack = old_size >= kFullStackBytes && old_size <= kFullStackBytes + kFullStackSlack;
  if (is_full_stack && size > old_size) [[unlikely]]
    interpreter.NoteOverflow();
  if (size > old_size && !interpreter.MayGrow(size - old_size)) return nullptr;
  interpreter.used_ += size - old_size;
  if (old == nullptr) return storage::AllocateBytes(size);
  return storage::ReallocateBytes(old, old_size, size);
}

// Of the function that calls the one for which there is no room, as in Lua 5.1.
void Interpreter::NoteOverflow() {
  lua_Debug frame;
  for (int level = 1; lua_getstack(state_, level, &frame) != 0; ++level) {
    lua_getinfo(state_, "Sl", &frame);
    if (frame.what[0] == 'C' || frame.currentline <= 0) continue;
    overflow_ = frame;
    return;
  }
}

// A signal handler that does so in the midst of another change would leave LuaJIT's tables for hooks torn, and no pulse
// would ever come again.
void Interpreter::SetHook(bool is_installed) noexcept {
  is_setting_hook_.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  lua_sethook(state_, is_installed ? &Interpreter::Hook : nullptr, is_installed ? kHookedEvents : 0,
              kInstructionsToHook);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  is_setting_hook_.store(false, std::memory_order_relaxed);
}

void Interpreter::RequestPulse() noexcept {
  wants_pulse_.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // Whoever is interrupted installs it, or looks for the wish when it is removed.
  if (!is_setting_hook_.load(std::memory_order_relaxed)) SetHook(true);
}

void Interpreter::Hook(lua_State* state, lua_Debug*) {
  Interpreter& interpreter = Of(state);
  interpreter.SetHook(false);
  if (interpreter.wants_collection_) interpreter.CollectAhead();
  if (interpreter.wants_pulse()) interpreter.Pulse(state);
}

// Lua would let garbage grow to as much as there is live data, and the limit may be nearer.
void Interpreter::CollectAhead() {
  CollectInSteps();
  wants_collection_ = false;
  const size_t left = limit_ - std::min(limit_, used_);
  collect_above_ = std::max(limit_ / 2, used_ + std::max(left / 2, limit_ / kMinGrowthPart));
}

void Interpreter::Pulse(lua_State* state) {
  wants_pulse_.store(false, std::memory_order_relaxed);
  if (is_unwinding_) Unwind(state);
  if (host_ != nullptr && host_->OnPulse() == server::Pulse::kEnd) Unwind(state);
}

void Interpreter::Unwind(lua_State* state) {
  if (!is_unwinding_) unwound_at_ = PlaceOf(state);
  is_unwinding_ = true;
  lua_pushnil(state);
  lua_error(state);
  __builtin_unreachable();
}

void Interpreter::Enter(lua_State* state) {
  if (nesting_ >= kMaxNesting) {
    lua_pushliteral(state, "C stack overflow");
    lua_error(state);
  }
  ++nesting_;
}

bool Interpreter::IsProtected(lua_State* state, int index) const {
  const void* table = lua_topointer(state, index);
  return std::find(protected_.begin(), protected_.end(), table) != protected_.end();
}

}  // namespace ringkv::server::lua
