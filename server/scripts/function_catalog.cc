// SPDX-License-Identifier: MIT
#include "server/scripts/function_catalog.h"

#include <algorithm>
#include <utility>

#include "server/scripts/library_metadata.h"

namespace ringkv::server {
namespace {

bool AreEqual(const SharedCode& a, const SharedCode& b) { return a == b || *a == *b; }

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

// --- one function ---------------------------------------------------------------------------------------------------

std::optional<std::string> Function::Load(LoadedState& loaded, ScriptHost& host) const {
  const auto known = loaded.libraries.find(library_);
  if (known != loaded.libraries.end() && AreEqual(known->second, code_)) return std::nullopt;
  LibraryMetadata metadata;
  std::string error = ReadLibraryMetadata(*code_, metadata);
  if (error.empty() && loaded.state.LoadLibrary(host, library_, metadata.body, error)) {
    loaded.libraries.insert_or_assign(library_, code_);
    return std::nullopt;
  }
  return error;
}

RunEnd Function::Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
                     const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const {
  return state.RunFunction(host, name(), keys, arguments, reply);
}

void DropStaleLibraries(LoadedState& loaded, const storage::LibrarySet& set) {
  for (auto library = loaded.libraries.begin(); library != loaded.libraries.end();) {
    const auto now = set.find(library->first);
    if (now != set.end() && AreEqual(now->second, library->second)) {
      ++library;
      continue;
    }
    loaded.state.DropLibrary(library->first);
    library = loaded.libraries.erase(library);
  }
}

// --- all of them ----------------------------------------------------------------------------------------------------

bool LessIgnoringCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return Lower(x) < Lower(y); });
}

FunctionCatalog::FunctionCatalog() : set_(std::make_shared<const storage::LibrarySet>()) {}

FunctionCatalog::FunctionCatalog(std::shared_ptr<const storage::LibrarySet> set, const FunctionCatalog& before,
                                 const LoadLibrary& load)
    : set_(std::move(set)) {
  for (const auto& [name, code] : *set_) {
    const auto old = before.libraries_.find(name);
    const bool is_unchanged = old != before.libraries_.end() && AreEqual(old->second->code, code);
    SharedLibrary library = is_unchanged ? old->second : load(name, code);
    if (library == nullptr) continue;
    for (const SharedFunction& function : library->functions) functions_.try_emplace(function->name(), function);
    libraries_.emplace(name, std::move(library));
  }
}

SharedFunction FunctionCatalog::Find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second;
}

size_t FunctionCatalog::memory() const {
  size_t bytes = 0;
  for (const auto& [name, library] : libraries_) bytes += sizeof *library + 2 * name.size() + library->code->size();
  for (const auto& [name, function] : functions_) {
    bytes += sizeof *function + name.size() + function->description().value_or("").size();
  }
  return bytes;
}

}  // namespace ringkv::server
