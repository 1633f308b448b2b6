// SPDX-License-Identifier: MIT
#include "server/lua/lua_state.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "server/lua/conversion.h"
#include "server/lua/errors.h"
#include "server/lua/interpreter.h"
#include "server/lua/load_text.h"
#include "server/lua/registration.h"
#include "server/lua/sandbox.h"
#include "server/lua/script_list.h"

namespace ringkv::server {

namespace {

using lua::Interpreter;

// Of a script without a limit of memory: a table that contains another one many times makes a reply without end.
constexpr size_t kMaxReplyBytes = 512 << 20;
constexpr size_t kSha1Digits = 40;
using Sha1Key = std::array<char, kSha1Digits>;

struct HashOfDigits {
  size_t operator()(const Sha1Key& key) const {
    size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

Sha1Key KeyOf(std::string_view sha1) {
  Sha1Key key{};
  std::memcpy(key.data(), sha1.data(), std::min(sha1.size(), key.size()));
  return key;
}

// The lists that scripts find in their globals.
struct ScriptLists {
  explicit ScriptLists(const lua::Sandbox& of) : sandbox(of) {}

  void Fill(lua_State* state, const std::span<const std::string_view>& key_texts,
            const std::span<const std::string_view>& argument_texts) {
    keys.Fill(state, sandbox, key_texts);
    arguments.Fill(state, sandbox, argument_texts);
  }

  const lua::Sandbox& sandbox;
  lua::ScriptList keys{"KEYS"};
  lua::ScriptList arguments{"ARGV"};
};

// Calls a compiled script or a function, and writes its reply.
struct CallTask final : lua::Task {
  void Run(lua_State* state) override;

  int function;        // in Lua's registry
  ScriptLists* lists;  // null: keys and arguments are passed to the function
  // Where the owner has them: a pulse may come before they are read, and who suspends the run then copies the texts.
  const std::span<const std::string_view>& keys;
  const std::span<const std::string_view>& arguments;
  resp::ReplyWriter& reply;
  bool error_was_counted = false;
  bool is_too_large = false;  // the reply, which is an error then

  CallTask(int called, ScriptLists* lists_of_script, const std::span<const std::string_view>& key_texts,
           const std::span<const std::string_view>& argument_texts, resp::ReplyWriter& writer)
      : function(called), lists(lists_of_script), keys(key_texts), arguments(argument_texts), reply(writer) {}
};

void CallTask::Run(lua_State* state) {
  if (lists != nullptr) lists->Fill(state, keys, arguments);
  lua_rawgeti(state, LUA_REGISTRYINDEX, function);
  if (lists == nullptr) {
    lua::PushTexts(state, keys);
    lua::PushTexts(state, arguments);
  }
  lua_call(state, lists == nullptr ? 2 : 0, 1);
  Interpreter& interpreter = Interpreter::Of(state);
  interpreter.LiftLimits();
  error_was_counted = lua_istable(state, -1) && lua::WasCounted(state, lua_gettop(state));
  const size_t limit = interpreter.memory_limit();
  is_too_large = !lua::WriteValue(state, interpreter.protocol(), limit == 0 ? kMaxReplyBytes : limit, reply);
  if (lists != nullptr) {
    lua_settop(state, 2);
    lists->arguments.Clear(state, arguments.size());
    lists->keys.Clear(state, keys.size());
  }
}

struct CompileTask final : lua::Task {
  CompileTask(const lua::Sandbox& globals, std::string_view script_text) : sandbox(globals), text(script_text) {}

  void Run(lua_State* state) override {
    is_valid = lua::LoadScript(state, text, "@user_script", sandbox) == 0;
    if (!is_valid) lua_error(state);
    function = luaL_ref(state, LUA_REGISTRYINDEX);
  }

  const lua::Sandbox& sandbox;
  std::string_view text;
  int function = LUA_NOREF;
  bool is_valid = false;
};

// Runs the code of a library, which registers functions.
struct LoadTask final : lua::Task {
  LoadTask(const lua::Sandbox& globals, std::string_view library_code) : sandbox(globals), code(library_code) {}

  void Run(lua_State* state) override {
    is_valid = lua::LoadText(state, code, "@user_function") == 0;
    if (!is_valid) lua_error(state);
    lua::ShowGlobals(state, sandbox, sandbox.loading_globals);
    lua_call(state, 0, 0);
  }

  const lua::Sandbox& sandbox;
  std::string_view code;
  bool is_valid = false;
};

}  // namespace

class LuaState::Inside {
 public:
  Inside(Purpose purpose, LuaMemory& memory)
      : interpreter(memory, &lua::AddPlace),
        is_for_functions(purpose == Purpose::kFunctions),
        sandbox(lua::BuildSandbox(interpreter, is_for_functions)) {
    interpreter.CollectGarbage();
  }

  RunEnd Call(ScriptHost& host, std::string_view name, CallTask& task);
  void Free(int reference) { luaL_unref(interpreter.state(), LUA_REGISTRYINDEX, reference); }

  Interpreter interpreter;
  // The reference of a compiled script; LUA_NOREF if there is none.
  int FindScript(std::string_view sha1);
  void ForgetFound() { found_script = LUA_NOREF; }

  bool is_for_functions;
  lua::Sandbox sandbox;
  ScriptLists lists{sandbox};
  bool error_was_counted = false;
  std::unordered_map<Sha1Key, int, HashOfDigits> scripts;  // references in Lua's registry
  // The one that was found last, as it is looked for again and again.
  Sha1Key found_sha1{};
  int found_script = LUA_NOREF;
  std::map<std::string, std::vector<std::string>, std::less<>> libraries;
  std::map<std::string, int, std::less<>> functions;  // references in Lua's registry
};

int LuaState::Inside::FindScript(std::string_view sha1) {
  if (found_script != LUA_NOREF && std::string_view(found_sha1.data(), found_sha1.size()) == sha1) return found_script;
  const auto found = scripts.find(KeyOf(sha1));
  if (found == scripts.end()) return LUA_NOREF;
  found_sha1 = found->first;
  return found_script = found->second;
}

RunEnd LuaState::Inside::Call(ScriptHost& host, std::string_view name, CallTask& task) {
  const size_t begin = task.reply.buffer().size();
  interpreter.Begin(&host);
  const bool is_done = interpreter.RunProtected(task);
  RunEnd end = task.is_too_large ? RunEnd::kFailed : RunEnd::kReplied;
  if (interpreter.is_unwinding()) {
    end = RunEnd::kUnwound;
    task.reply.buffer().TruncateTo(begin);
    if (const std::string_view words = host.unwind_error(); !words.empty()) {
      std::string text = "ERR " + std::string(words);
      if (!interpreter.unwound_at().empty()) {
        text.append(" script: ").append(name).append(", on ").append(interpreter.unwound_at()).append(".");
      }
      task.reply.Error(text);
    }
  } else if (!is_done) {
    end = RunEnd::kFailed;
    interpreter.LiftLimits();
    lua_State* state = interpreter.state();
    lua::DescribeOverflow(state);
    task.error_was_counted = lua_istable(state, -1) && lua::WasCounted(state, lua_gettop(state));
    lua::WriteError(state, name, task.reply);
  }
  lua_settop(interpreter.state(), 0);
  error_was_counted = task.error_was_counted;
  interpreter.End();
  return end;
}

LuaState::LuaState(Purpose purpose, LuaMemory& memory) : inside_(std::make_unique<Inside>(purpose, memory)) {}
LuaState::~LuaState() = default;

bool LuaState::HasScript(std::string_view sha1) const { return inside_->FindScript(sha1) != LUA_NOREF; }

std::optional<std::string> LuaState::Compile(std::string_view sha1, std::string_view body, ScriptHost* host) {
  Interpreter& interpreter = inside_->interpreter;
  CompileTask task(inside_->sandbox, body);
  interpreter.Begin(host);
  inside_->ForgetFound();
  std::optional<std::string> error;
  if (interpreter.RunProtected(task)) {
    const auto [script, is_new] = inside_->scripts.try_emplace(KeyOf(sha1), task.function);
    if (!is_new) inside_->Free(std::exchange(script->second, task.function));
  } else if (interpreter.is_unwinding()) {
    error = host->unwind_error();
    if (!error->empty()) error = "ERR " + *error + " script: " + std::string(sha1) + ", while it was compiled.";
  } else {
    interpreter.LiftLimits();
    std::string_view words = lua::ErrorText(interpreter.state());
    if (words.starts_with("ERR ")) words.remove_prefix(4);
    error = "ERR Error compiling script (new function): " + std::string(words);
  }
  lua_settop(interpreter.state(), 0);
  interpreter.End();
  return error;
}

RunEnd LuaState::RunScript(ScriptHost& host, std::string_view sha1, const std::span<const std::string_view>& keys,
                           const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) {
  CallTask task(inside_->FindScript(sha1), &inside_->lists, keys, arguments, reply);
  return inside_->Call(host, sha1, task);
}

void LuaState::ForgetScripts() {
  inside_->ForgetFound();
  for (const auto& [sha1, function] : inside_->scripts) inside_->Free(function);
  inside_->scripts.clear();
  inside_->interpreter.CollectGarbage();
}

std::optional<std::vector<RegisteredFunction>> LuaState::LoadLibrary(ScriptHost& host, std::string_view library,
                                                                     std::string_view code, std::string& error) {
  Interpreter& interpreter = inside_->interpreter;
  std::vector<lua::LoadedFunction> loaded;
  LoadTask task(inside_->sandbox, code);
  interpreter.Begin(&host);
  interpreter.set_loading(&loaded);
  const bool is_loaded = interpreter.RunProtected(task);
  interpreter.set_loading(nullptr);
  interpreter.LiftLimits();
  if (!is_loaded && interpreter.is_unwinding()) {
    error = "ERR Error registering functions: ERR " + std::string(host.unwind_error());
  } else if (!is_loaded) {
    std::string_view words = lua::ErrorText(interpreter.state());
    if (!task.is_valid && words.starts_with("ERR ")) words.remove_prefix(4);
    error =
        (task.is_valid ? "ERR Error registering functions: " : "ERR Error compiling function: ") + std::string(words);
  } else if (loaded.empty()) {
    error = "ERR No functions registered";
  }
  lua::ShowGlobals(interpreter.state(), inside_->sandbox, inside_->sandbox.globals);
  lua_settop(interpreter.state(), 0);
  interpreter.End();
  if (!error.empty()) {
    for (const lua::LoadedFunction& function : loaded) inside_->Free(function.callback);
    return std::nullopt;
  }
  DropLibrary(library);
  std::vector<RegisteredFunction> functions;
  std::vector<std::string>& names = inside_->libraries[std::string(library)];
  for (lua::LoadedFunction& function : loaded) {
    names.push_back(function.function.name);
    const auto [known, is_new] = inside_->functions.try_emplace(function.function.name, function.callback);
    if (!is_new) inside_->Free(std::exchange(known->second, function.callback));
    functions.push_back(std::move(function.function));
  }
  return functions;
}

void LuaState::DropLibrary(std::string_view library) {
  const auto found = inside_->libraries.find(library);
  if (found == inside_->libraries.end()) return;
  for (const std::string& name : found->second) {
    const auto function = inside_->functions.find(name);
    if (function == inside_->functions.end()) continue;
    inside_->Free(function->second);
    inside_->functions.erase(function);
  }
  inside_->libraries.erase(found);
  inside_->interpreter.NoteGarbage();
}

void LuaState::DropLibraries() {
  while (!inside_->libraries.empty()) DropLibrary(std::string(inside_->libraries.begin()->first));
  inside_->interpreter.CollectGarbage();
}

bool LuaState::HasFunction(std::string_view function) const { return inside_->functions.contains(function); }

RunEnd LuaState::RunFunction(ScriptHost& host, std::string_view function, const std::span<const std::string_view>& keys,
                             const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) {
  CallTask task(inside_->functions.find(function)->second, nullptr, keys, arguments, reply);
  return inside_->Call(host, function, task);
}

bool LuaState::error_was_counted() const { return inside_->error_was_counted; }

bool LuaState::has_garbage() const { return inside_->interpreter.has_garbage(); }

void LuaState::RequestPulse() noexcept { inside_->interpreter.RequestPulse(); }

bool LuaState::CountForHost(size_t bytes) {
  return inside_->interpreter.CountOutput(bytes) && !inside_->interpreter.exceeds_own_limit();
}

size_t LuaState::memory() const { return inside_->interpreter.memory(); }

}  // namespace ringkv::server
