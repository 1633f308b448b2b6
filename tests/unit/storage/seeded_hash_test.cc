// SPDX-License-Identifier: MIT
#include "storage/base/seeded_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

namespace ringkv::storage {
namespace {

// Of the hash behind std::hash (MurmurHash64A with a seed that everybody knows), what becomes of a word before it is
// joined with the state, and the way back.
constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
constexpr uint64_t kInverse = [] {
  uint64_t inverse = kFactor;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kFactor * inverse;
  return inverse;
}();
constexpr uint64_t Mix(uint64_t word) {
  word *= kFactor;
  word ^= word >> 47;
  return word * kFactor;
}
constexpr uint64_t Unmix(uint64_t word) {
  word *= kInverse;
  word ^= word >> 47;
  return word * kInverse;
}
static_assert(Unmix(Mix(12345)) == 12345);

// As a client would choose them: all have the same std::hash.
std::vector<std::string> CollidingNames(size_t count) {
  constexpr uint64_t kSeed = 0xc70f6907;
  const uint64_t begun = kSeed ^ (16 * kFactor);
  const auto after = [&](uint64_t first) { return (begun ^ Mix(first)) * kFactor; };
  std::vector<std::string> names;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t words[] = {i, Unmix(after(0) ^ after(i))};
    names.emplace_back(reinterpret_cast<const char*>(words), sizeof words);
  }
  return names;
}

TEST(SeededHash, NamesThatCollideByTheLibrarysHashDontCollide) {
  const std::vector<std::string> names = CollidingNames(2000);
#ifdef __GLIBCXX__
  for (const std::string& name : names) ASSERT_EQ(std::hash<std::string>()(name), std::hash<std::string>()(names[0]));
#endif
  std::unordered_set<std::string_view, SeededHash> seen(0, SeededHash(42));
  seen.insert(names.begin(), names.end());
  ASSERT_EQ(seen.size(), names.size());
  size_t most = 0;
  for (size_t i = 0; i < seen.bucket_count(); ++i) most = std::max(most, seen.bucket_size(i));
  EXPECT_LT(most, 12u);
}

TEST(SeededHash, AnotherSeedIsAnotherHash) {
  EXPECT_NE(SeededHash(1)("name"), SeededHash(2)("name"));
  EXPECT_EQ(SeededHash(1)("name"), SeededHash(1)("name"));
}

}  // namespace
}  // namespace ringkv::storage
