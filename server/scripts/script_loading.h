// SPDX-License-Identifier: MIT
// SCRIPT LOAD as a program: compiles a script, which may take as long as running one, and does not run it.
//
// Threads: immutable.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/lua/registered_function.h"
#include "server/scripts/script_registry.h"

namespace ringkv::server {

class ScriptLoading final : public Program {
 public:
  // `error`: the reply to a script that is valid but must not run; empty: its SHA-1 is.
  explicit ScriptLoading(SharedScript script, std::string error = {})
      : Program(LuaState::Purpose::kScripts, kFunctionNoWrites | kFunctionAllowStale, true),
        script_(std::move(script)),
        error_(std::move(error)) {}

  const Script& script() const { return *script_; }
  std::optional<std::string> Load(LoadedState& loaded, ScriptHost& host) const override {
    return script_->Load(loaded, host);
  }
  RunEnd Run(LuaState&, ScriptHost&, const std::span<const std::string_view>&, const std::span<const std::string_view>&,
             resp::ReplyWriter& reply) const override {
    error_.empty() ? reply.Bulk(script_->sha1()) : reply.Error(error_);
    return error_.empty() ? RunEnd::kReplied : RunEnd::kFailed;
  }

 private:
  const SharedScript script_;
  const std::string error_;
};

}  // namespace ringkv::server
