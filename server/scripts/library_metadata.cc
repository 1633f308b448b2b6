// SPDX-License-Identifier: MIT
#include "server/scripts/library_metadata.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "server/base/text.h"
#include "server/scripts/shebang.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kInvalidMetadata = "ERR Invalid library metadata";

bool IsLibraryName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::string ReadLibraryMetadata(std::string_view code, LibraryMetadata& metadata) {
  constexpr std::string_view kName = "name=";
  if (!HasShebang(code)) return "ERR Missing library metadata";
  const std::optional<Shebang> shebang = ParseShebang(code);
  if (!shebang || shebang->words.empty()) return std::string(kInvalidMetadata);
  bool has_name = false;
  for (size_t i = 1; i < shebang->words.size(); ++i) {
    const std::string& word = shebang->words[i];
    if (!EqualsIgnoringCase(std::string_view(word).substr(0, kName.size()), kName)) {
      return "ERR Invalid metadata value given: " + word;
    }
    if (has_name) return "ERR Invalid metadata value, name argument was given multiple times";
    has_name = true;
    metadata.name = word.substr(kName.size());
  }
  if (!has_name) return "ERR Library name was not given";
  if (!IsLibraryName(metadata.name)) {
    return "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character "
           "long";
  }
  const std::string engine = shebang->words[0].substr(2);
  if (!EqualsIgnoringCase(engine, "lua")) return "ERR Engine '" + engine + "' not found";
  metadata.body = shebang->body;
  return {};
}

}  // namespace ringkv::server
