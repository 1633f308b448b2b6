// SPDX-License-Identifier: MIT
#include "storage/index/key_pattern.h"

#include "storage/base/glob.h"

namespace ringkv::storage {
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
    if (c == '[') at = ClassEnd(glob, at);
    if (is_first) pattern.prefix = literal;
    is_first = false;
    literal.clear();
  }
  (is_first ? pattern.prefix : pattern.suffix) = literal;
  pattern.is_exact = is_first;
  return pattern;
}

}  // namespace ringkv::storage
