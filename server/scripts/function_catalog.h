// SPDX-License-Identifier: MIT
// The functions that a set of libraries registers, by name. They are found by running the code of each library once.
//
// Threads: immutable, but for what is learnt about a function (see Program).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/lua/lua_state.h"
#include "server/scripts/program.h"
#include "storage/keyspace/libraries.h"

namespace ringkv::server {

using SharedCode = std::shared_ptr<const std::string>;

class Function final : public Program {
 public:
  Function(RegisteredFunction registered, std::string library, SharedCode code)
      : Program(LuaState::Purpose::kFunctions, registered.flags, true),
        registered_(std::move(registered)),
        library_(std::move(library)),
        code_(std::move(code)) {}

  const std::string& name() const { return registered_.name; }
  const std::string& library() const { return library_; }
  const std::optional<std::string>& description() const { return registered_.description; }
  uint32_t flags() const { return registered_.flags; }
  std::optional<std::string> Load(LoadedState& loaded, ScriptHost& host) const override;
  RunEnd Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
             const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const override;

 private:
  const RegisteredFunction registered_;
  const std::string library_;
  const SharedCode code_;
};

using SharedFunction = std::shared_ptr<const Function>;

struct FunctionLibrary {
  std::string name;
  SharedCode code;
  std::vector<SharedFunction> functions;  // in the order of registration
};

using SharedLibrary = std::shared_ptr<const FunctionLibrary>;

struct LessIgnoringCase {
  bool operator()(std::string_view a, std::string_view b) const;
};

class FunctionCatalog {
 public:
  // Yields the library of a name and a code; null if it can't be loaded.
  using LoadLibrary = std::function<SharedLibrary(const std::string& name, const SharedCode& code)>;

  // Of no libraries.
  FunctionCatalog();
  // `before`: libraries whose code has not changed are taken from there, with what was learnt about their functions.
  FunctionCatalog(std::shared_ptr<const storage::LibrarySet> set, const FunctionCatalog& before,
                  const LoadLibrary& load);

  // What it was made of.
  const std::shared_ptr<const storage::LibrarySet>& set() const { return set_; }
  const std::map<std::string, SharedLibrary, std::less<>>& libraries() const { return libraries_; }
  // False if a library could not be loaded, which may succeed later: for want of memory, or of time.
  bool is_complete() const { return libraries_.size() == set_->size(); }
  // As in Redis, without regard to case.
  SharedFunction Find(std::string_view name) const;
  size_t functions() const { return functions_.size(); }
  // Bytes of the codes, and of what is known about the functions.
  size_t memory() const;

 private:
  std::shared_ptr<const storage::LibrarySet> set_;
  std::map<std::string, SharedLibrary, std::less<>> libraries_;
  std::map<std::string_view, SharedFunction, LessIgnoringCase> functions_;  // the names point into the functions
};

// Drops what the interpreter knows and the catalog doesn't have, or has with another code.
void DropStaleLibraries(LoadedState& loaded, const storage::LibrarySet& set);

}  // namespace ringkv::server
