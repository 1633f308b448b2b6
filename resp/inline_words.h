// SPDX-License-Identifier: MIT
// Splits a line into words with quotes and escapes (\xHH). Inline requests and the configuration file use the same
// rules.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::resp {

struct InlineWord {
  size_t offset;  // into the text that SplitInlineWords filled
  size_t length;
};

// Appends the unescaped words to `text` and their places to `words`. False when a quote is not closed, or is
// followed by something other than white space.
bool SplitInlineWords(std::string_view line, std::string* text, std::vector<InlineWord>* words);

}  // namespace ringkv::resp
