// SPDX-License-Identifier: MIT
#include "storage/index/key_pattern.h"

namespace ringkv::storage {
namespace {

// Behind a class whose `[` stood before `at`.
size_t SkipClass(std::string_view glob, size_t at) {
  if (at < glob.size() && glob[at] == '^') ++at;
  while (at < glob.size() && glob[at] != ']') {
    if (glob[at] == '\\' && at + 1 < glob.size()) {
      at += 2;
    } else if (at + 2 < glob.size() && glob[at + 1] == '-') {
      at += 3;
    } else {
      ++at;
    }
  }
  return at < glob.size() ? at + 1 : at;
}

}  // namespace

KeyPattern ParseKeyPattern(std::string_view glob) {
  KeyPattern pattern;
  bool is_first = true;  // no wildcard yet
  std::string literal;
  for (size_t at = 0; at < glob.size();) {
    const char c = glob[at++];
    if (c != '*' && c != '?' && c != '[') {
      literal += c == '\\' && at < glob.size() ? glob[at++] : c;
      continue;
    }
    if (c == '[') at = SkipClass(glob, at);
    if (is_first) pattern.prefix = literal;
    is_first = false;
    literal.clear();
  }
  (is_first ? pattern.prefix : pattern.suffix) = literal;
  pattern.is_exact = is_first;
  return pattern;
}

}  // namespace ringkv::storage
