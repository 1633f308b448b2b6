// SPDX-License-Identifier: MIT
#include "server/options/config_line.h"

#include "resp/inline_words.h"

namespace ringkv::server {

std::optional<std::vector<std::string>> SplitConfigLine(std::string_view line) {
  std::string text;
  std::vector<resp::InlineWord> words;
  if (!resp::SplitInlineWords(line, &text, &words)) return std::nullopt;
  std::vector<std::string> result;
  result.reserve(words.size());
  for (const resp::InlineWord& word : words) result.push_back(text.substr(word.offset, word.length));
  return result;
}

std::string BadValue(const OptionRow& row, std::string_view value, const std::string& name, const std::string& why) {
  return "bad value " + (row.is_secret ? "" : "'" + std::string(value) + "' ") + "for " + name + ": " + why;
}

}  // namespace ringkv::server
