// SPDX-License-Identifier: MIT
// The matcher against a slow one that tries everything, on inputs short enough for that; and what a pattern says of the
// keys that match it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/base/glob.h"
#include "storage/index/key_pattern.h"

namespace {

bool ClassMatches(std::string_view pattern, char c, size_t* length) {
  size_t i = 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      found = found || pattern[i + 1] == c;
      i += 2;
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      auto low = static_cast<signed char>(pattern[i]);
      auto high = static_cast<signed char>(pattern[i + 2]);
      if (low > high) std::swap(low, high);
      const auto byte = static_cast<signed char>(c);
      found = found || (byte >= low && byte <= high);
      i += 3;
    } else {
      found = found || pattern[i] == c;
      ++i;
    }
  }
  *length = i < pattern.size() ? i + 1 : i;
  return found != negated;
}

bool SlowMatches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t skipped = 0; skipped <= text.size(); ++skipped) {
      if (SlowMatches(pattern.substr(1), text.substr(skipped))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '?') return SlowMatches(pattern.substr(1), text.substr(1));
  if (pattern[0] == '[') {
    size_t length = 0;
    const bool matches = ClassMatches(pattern, text[0], &length);
    return matches && SlowMatches(pattern.substr(length), text.substr(1));
  }
  if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return pattern[0] == text[0] && SlowMatches(pattern.substr(1), text.substr(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t cut = data[0] % size;
  const std::string_view pattern = all.substr(1, cut);
  const std::string_view text = all.substr(std::min(cut + 1, size));
  const bool matches = ringkv::storage::GlobMatches(pattern, text);
  const bool is_short = pattern.size() <= 12 && text.size() <= 12;
  if (is_short && matches != (text.empty() ? pattern.empty() : SlowMatches(pattern, text))) std::abort();
  const ringkv::storage::KeyPattern literals = ringkv::storage::ParseKeyPattern(pattern);
  if (matches && !(text.starts_with(literals.prefix) && text.ends_with(literals.suffix))) std::abort();
  if (matches && literals.is_exact && text != literals.prefix) std::abort();
  ringkv::storage::GlobMatches(pattern, text, ringkv::storage::GlobCase::kInsensitive);
  return 0;
}
