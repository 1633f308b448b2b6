// SPDX-License-Identifier: MIT
#include "server/scripts/script_registry.h"

#include <utility>
#include <vector>

#include "server/scripts/shebang.h"

namespace ringkv::server {
namespace {

constexpr size_t kMostCompiled = 2 * ScriptRegistry::kMostFromEval;

// The flags of the line "#!lua ..."; an error for the client if there is something wrong with it.
std::string ReadScriptFlags(const Shebang& shebang, uint32_t& flags) {
  constexpr std::string_view kFlags = "flags=";
  if (shebang.words.empty() || shebang.words[0] != "#!lua") {
    return "ERR Unexpected engine in script shebang: " + (shebang.words.empty() ? "" : shebang.words[0]);
  }
  for (size_t i = 1; i < shebang.words.size(); ++i) {
    const std::string_view word = shebang.words[i];
    if (!word.starts_with(kFlags)) return "ERR Unknown lua shebang option: " + std::string(word);
    const auto unknown = AddFunctionFlags(word.substr(kFlags.size()), flags);
    if (unknown) return "ERR Unexpected flag in script shebang: " + *unknown;
  }
  return {};
}

}  // namespace

std::optional<std::string> Script::Load(LoadedState& loaded, ScriptHost& host) const {
  if (!loaded.state.HasScript(sha1_)) {
    // Rather compile a script again than keep many that are never used again.
    if (loaded.compiled >= kMostCompiled) {
      loaded.state.ForgetScripts();
      loaded.compiled = 0;
    }
    ++loaded.compiled;
    if (std::optional<std::string> error = loaded.state.Compile(sha1_, std::string_view(text_).substr(body_at_), &host))
      return error;
  }
  if (!was_compiled_.load(std::memory_order_relaxed) && !was_compiled_.exchange(true)) {
    registry_.Keep(std::static_pointer_cast<const Script>(shared_from_this()), stays_);
  }
  return std::nullopt;
}

RunEnd Script::Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
                   const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const {
  return state.RunScript(host, sha1_, keys, arguments, reply);
}

ScriptRegistry::Made ScriptRegistry::Make(std::string_view sha1, std::string_view text, bool stays) {
  const auto script = [&](std::string_view body, uint32_t flags, bool has_shebang) {
    return std::make_shared<const Script>(std::string(sha1), std::string(text), body.size(), flags, has_shebang, *this,
                                          stays);
  };
  if (!HasShebang(text)) return {.script = script(text, 0, false), .error = {}};
  if (text.find('\n') == std::string_view::npos) return {.script = {}, .error = "ERR Invalid script shebang"};
  const std::optional<Shebang> shebang = ParseShebang(text);
  if (!shebang) return {.script = {}, .error = "ERR Invalid engine in script shebang"};
  uint32_t flags = 0;
  if (std::string error = ReadScriptFlags(*shebang, flags); !error.empty()) {
    return {.script = {}, .error = std::move(error)};
  }
  return {.script = script(shebang->body, flags, true), .error = {}};
}

void ScriptRegistry::NoteUse(Kept& kept) {
  if (!kept.stays) from_eval_.splice(from_eval_.end(), from_eval_, kept.place);
}

SharedScript ScriptRegistry::Find(std::string_view sha1) {
  storage::MutexLock lock(mutex_);
  const auto found = scripts_.find(sha1);
  if (found == scripts_.end()) return nullptr;
  NoteUse(found->second);
  return found->second.script;
}

SharedScript ScriptRegistry::Keep(SharedScript script, bool stays) {
  storage::MutexLock lock(mutex_);
  const auto [place, is_new] = scripts_.try_emplace(script->sha1(), Kept{.script = script, .stays = stays});
  Kept& kept = place->second;
  if (is_new) {
    bytes_ += script->memory();
    if (stays) return script;
    if (from_eval_.size() == kMostFromEval) EvictOldest();
    kept.place = from_eval_.insert(from_eval_.end(), place->first);
    return script;
  }
  NoteUse(kept);
  if (stays && !kept.stays) {
    from_eval_.erase(kept.place);
    kept.stays = true;
  }
  return kept.script;
}

void ScriptRegistry::EvictOldest() {
  for (size_t looked = 0; looked < kMostFromEval && scripts_.at(from_eval_.front()).script->TakeUse(); ++looked) {
    from_eval_.splice(from_eval_.end(), from_eval_, from_eval_.begin());
  }
  const auto oldest = scripts_.find(from_eval_.front());
  from_eval_.pop_front();
  oldest->second.script->set_evicted();
  bytes_ -= oldest->second.script->memory();
  scripts_.erase(oldest);
  evicted_.fetch_add(1, std::memory_order_relaxed);
}

void ScriptRegistry::Flush() {
  std::vector<SharedScript> dropped;  // freed without the lock
  storage::MutexLock lock(mutex_);
  from_eval_.clear();
  for (auto& [name, kept] : scripts_) dropped.push_back(kept.script);
  scripts_.clear();
  bytes_ = 0;
  version_.fetch_add(1, std::memory_order_release);
}

size_t ScriptRegistry::size() const {
  storage::MutexLock lock(mutex_);
  return scripts_.size();
}

size_t ScriptRegistry::memory() const {
  storage::MutexLock lock(mutex_);
  return bytes_ + scripts_.size() * kBytesPerScript;
}

}  // namespace ringkv::server
