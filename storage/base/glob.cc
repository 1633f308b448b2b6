// SPDX-License-Identifier: MIT
#include "storage/base/glob.h"

#include <utility>

namespace ringkv::storage {
namespace {

unsigned char Fold(char c, GlobCase letters) {
  const auto byte = static_cast<unsigned char>(c);
  return letters == GlobCase::kInsensitive && byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte + 32) : byte;
}

// Matches one byte against the class that starts behind `[` at `*at`; leaves `*at` behind the class. A class that is
// not closed ends with the pattern, as in Redis.
bool ClassMatches(std::string_view pattern, size_t* at, char c, GlobCase letters) {
  size_t i = *at;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  const unsigned char byte = Fold(c, letters);
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      ++i;
      if (pattern[i] == c) found = true;
      ++i;
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      // In the order of signed bytes, as Redis compares them on x86: those from 0x80 on come before all others.
      auto low = static_cast<signed char>(pattern[i]);
      auto high = static_cast<signed char>(pattern[i + 2]);
      if (low > high) std::swap(low, high);
      low = static_cast<signed char>(Fold(static_cast<char>(low), letters));
      high = static_cast<signed char>(Fold(static_cast<char>(high), letters));
      const auto signed_byte = static_cast<signed char>(byte);
      if (signed_byte >= low && signed_byte <= high) found = true;
      i += 3;
    } else {
      if (Fold(pattern[i], letters) == byte) found = true;
      ++i;
    }
  }
  *at = i < pattern.size() ? i + 1 : i;
  return found != negated;
}

// Matches one byte against the single-byte element at `*at`, which is not a star; moves `*at` behind the element.
bool ElementMatches(std::string_view pattern, size_t* at, char c, GlobCase letters) {
  switch (pattern[*at]) {
    case '?': ++*at; return true;
    case '[': ++*at; return ClassMatches(pattern, at, c, letters);
    case '\\':
      if (*at + 1 < pattern.size()) ++*at;
      [[fallthrough]];
    default: return Fold(pattern[(*at)++], letters) == Fold(c, letters);
  }
}

}  // namespace

size_t ClassEnd(std::string_view pattern, size_t at) {
  ClassMatches(pattern, &at, '\0', GlobCase::kSensitive);
  return at;
}

bool GlobMatches(std::string_view pattern, std::string_view text, GlobCase letters) {
  if (text.empty()) return pattern.empty();
  // Only the last star seen can need another try: an earlier one that let the pattern come this far did all it could.
  size_t p = 0;
  size_t t = 0;
  size_t after_star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      after_star = p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && ElementMatches(pattern, &p, text[t], letters)) {
      ++t;
      continue;
    }
    if (after_star == std::string_view::npos) return false;
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string GlobLiteral(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace ringkv::storage
