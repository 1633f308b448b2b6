// SPDX-License-Identifier: MIT
#include "storage/base/glob.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ringkv::storage {
namespace {

TEST(Glob, MatchesLikeRedis) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"*", "", false},
      {"**", "", false},
      {"a**", "a", true},
      {"[[-\xff]", "-", true},
      {"[[-\xff]", "a", false},
      {"[a-\xe9]", "\xe9", true},
      {"[\x80-\xff]", "\xc0", true},
      {"*", "abc", true},
      {"a*", "abc", true},
      {"*c", "abc", true},
      {"a*c", "abc", true},
      {"a*c", "abd", false},
      {"?", "a", true},
      {"?", "", false},
      {"a?c", "abc", true},
      {"[ab]x", "bx", true},
      {"[^ab]x", "bx", false},
      {"[^ab]x", "cx", true},
      {"[a-c]", "b", true},
      {"[c-a]", "b", true},
      {"[a-c]", "d", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"[\\]]", "]", true},
      {"[a", "a", true},
      {"", "", true},
      {"", "a", false},
      {"**a**", "xax", true},
      {"a*b*c", "aXbYc", true},
      {"a*b*c", "aXcYb", false},
      {"h[^e]llo", "hello", false},
      {"\\", "\\", true},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(GlobMatches(each.pattern, each.text), each.matches) << each.pattern << " on " << each.text;
  }
}

TEST(Glob, CanIgnoreCase) {
  EXPECT_FALSE(GlobMatches("MaX*", "maxmemory"));
  EXPECT_TRUE(GlobMatches("MaX*", "maxmemory", GlobCase::kInsensitive));
  EXPECT_TRUE(GlobMatches("[A-C]", "b", GlobCase::kInsensitive));
}

// A matcher that tries every way to share the text between the stars would not end in this century.
TEST(Glob, ManyStarsDontBurnTheProcessor) {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  pattern += "b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(GlobMatches(pattern, std::string(20000, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace ringkv::storage
