// SPDX-License-Identifier: MIT
// A script whose text is so long that others would wait while it is hashed and copied: its run does that first, where
// it holds up nobody.
//
// Threads: confined to its run.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/lua/registered_function.h"
#include "server/lua/script_host.h"
#include "server/lua/sha1.h"
#include "server/scripts/loaded_state.h"
#include "server/scripts/script_loading.h"
#include "server/scripts/script_registry.h"

namespace ringkv::server {

class UnreadScript final : public Program {
 public:
  static constexpr size_t kLong = 256 * 1024;

  // `head`: what its first line makes. The text must outlive the runs.
  UnreadScript(const Script& head, std::string_view text, ScriptRegistry& registry)
      : Program(LuaState::Purpose::kScripts, head.flags(), head.has_flags()), text_(text), registry_(registry) {}
  // As ScriptLoading: it is loaded, and not run.
  UnreadScript(std::string_view text, ScriptRegistry& registry, bool stays, std::string error)
      : Program(LuaState::Purpose::kScripts, kFunctionNoWrites | kFunctionAllowStale, true),
        text_(text),
        registry_(registry),
        stays_(stays),
        is_only_loaded_(true),
        error_(std::move(error)) {}

  std::optional<std::string> Load(LoadedState& loaded, ScriptHost& host) const override {
    Sha1 hash;
    std::string_view rest = text_;
    for (; rest.size() > kPiece; rest.remove_prefix(kPiece)) {
      hash.AddBlocks(rest.substr(0, kPiece));
      if (host.OnPulse() == Pulse::kEnd) return DescribeEnd(host.unwind_error());
    }
    const auto digits = hash.End(rest);
    const std::string_view sha1(digits.data(), digits.size());
    script_ = registry_.Find(sha1);
    if (script_ == nullptr) {
      script_ = registry_.Make(sha1, text_, stays_).script;
    } else if (stays_) {
      registry_.Keep(script_, true);
    }
    return script_->Load(loaded, host);
  }
  RunEnd Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
             const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const override {
    if (is_only_loaded_) return ScriptLoading(script_, error_).Run(state, host, keys, arguments, reply);
    return script_->Run(state, host, keys, arguments, reply);
  }

 private:
  static constexpr size_t kPiece = 1024 * Sha1::kBlockBytes;

  static std::string DescribeEnd(std::string_view words) {
    return words.empty() ? std::string() : "ERR " + std::string(words) + " script, while it was read.";
  }

  const std::string_view text_;
  ScriptRegistry& registry_;
  const bool stays_ = false;
  const bool is_only_loaded_ = false;
  const std::string error_;
  mutable SharedScript script_;
};

}  // namespace ringkv::server
