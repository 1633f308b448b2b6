// SPDX-License-Identifier: MIT
#include "server/scripts/shebang.h"

#include <algorithm>
#include <iterator>

#include "resp/inline_words.h"
#include "server/lua/registered_function.h"

namespace ringkv::server {
std::optional<Shebang> ParseShebang(std::string_view text) {
  const size_t end = text.find_first_of(std::string_view("\n\0", 2));  // a NUL byte ends the text, as in Redis
  if (end == std::string_view::npos || text[end] == '\0') return std::nullopt;
  std::string unescaped;
  std::vector<resp::InlineWord> words;
  if (!resp::SplitInlineWords(text.substr(0, end), &unescaped, &words)) return std::nullopt;
  Shebang shebang{.words = {}, .body = text.substr(end)};
  for (const resp::InlineWord& word : words) shebang.words.push_back(unescaped.substr(word.offset, word.length));
  return shebang;
}

std::optional<std::string> AddFunctionFlags(std::string_view list, uint32_t& flags) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    const auto* const found = std::find_if(std::begin(kFunctionFlagNames), std::end(kFunctionFlagNames),
                                           [&](const auto& flag) { return flag.second == name; });
    if (found == std::end(kFunctionFlagNames)) return std::string(name);
    flags |= found->first;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
    if (list.empty()) return std::string();  // an empty name behind the last comma
  }
  return std::nullopt;
}

}  // namespace ringkv::server
