// SPDX-License-Identifier: MIT
#include "server/commands/bit_words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ringkv::server {
namespace {

bool BitOf(std::string_view bytes, uint64_t at) {
  return (static_cast<unsigned char>(bytes[at / 8]) >> (7 - at % 8) & 1) != 0;
}

class BitWords : public testing::Test {
 protected:
  size_t Below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }
  std::string RandomBytes(size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(Below(256));
    return bytes;
  }

  std::mt19937 random_{1};
};

TEST_F(BitWords, CountsTheSameAsBitByBit) {
  for (size_t size = 0; size < 150; ++size) {
    const std::string bytes = RandomBytes(size + 1);
    const auto unaligned = std::string_view(bytes).substr(1);
    uint64_t expected = 0;
    for (uint64_t at = 0; at < unaligned.size() * 8; ++at) expected += BitOf(unaligned, at) ? 1 : 0;
    EXPECT_EQ(CountBits(unaligned), expected) << size;
  }
}

TEST_F(BitWords, FindsTheFirstBitOfARange) {
  for (int i = 0; i < 20'000; ++i) {
    const bool bit = Below(2) == 1;
    std::string bytes(1 + Below(200), bit ? '\0' : '\xff');
    if (Below(4) != 0) bytes[Below(bytes.size())] ^= static_cast<char>(1 << Below(8));
    const uint64_t first = Below(bytes.size() * 8 + 1);
    const uint64_t end = first + Below(bytes.size() * 8 + 1 - first);
    uint64_t expected = first;
    while (expected < end && BitOf(bytes, expected) != bit) ++expected;
    ASSERT_EQ(FindBit(bytes, first, end, bit), expected) << bytes.size() << " " << first << " " << end << " " << bit;
  }
}

TEST_F(BitWords, JoinsValuesOfAnyLength) {
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> values;
    for (size_t count = 1 + Below(4); count > 0; --count)
      values.push_back(RandomBytes(Below(i % 10 == 0 ? 10'000 : 70)));
    const std::vector<std::string_view> views(values.begin(), values.end());
    size_t longest = 0;
    for (const std::string& value : values) longest = std::max(longest, value.size());
    const auto check = [&](BitOperation operation, std::span<const std::string_view> of, auto&& join) {
      std::string expected(longest, '\0');
      for (size_t at = 0; at < longest; ++at) {
        const auto byte = [&](size_t number) { return at < of[number].size() ? of[number][at] : '\0'; };
        char joined = byte(0);
        for (size_t number = 1; number < of.size(); ++number) joined = static_cast<char>(join(joined, byte(number)));
        expected[at] = operation == BitOperation::kNot ? static_cast<char>(~joined) : joined;
      }
      std::string out(longest, 'x');
      JoinBits(operation, of, out.data());
      ASSERT_EQ(out, expected);
    };
    check(BitOperation::kAnd, views, [](char a, char b) { return a & b; });
    check(BitOperation::kOr, views, [](char a, char b) { return a | b; });
    check(BitOperation::kXor, views, [](char a, char b) { return a ^ b; });
    const auto count_at = [&](size_t at, size_t bit, size_t from) {
      int count = 0;
      for (size_t number = from; number < views.size(); ++number) {
        count += at < views[number].size() && BitOf(views[number], at * 8 + bit) ? 1 : 0;
      }
      return count;
    };
    const auto check_counts = [&](BitOperation operation, auto&& is_set) {
      std::string out(longest, 'x');
      JoinBits(operation, views, out.data());
      for (size_t at = 0; at < longest * 8; ++at) {
        const bool in_first = count_at(at / 8, at % 8, 0) > count_at(at / 8, at % 8, 1);
        ASSERT_EQ(BitOf(out, at), is_set(in_first, count_at(at / 8, at % 8, 1))) << at;
      }
    };
    check_counts(BitOperation::kOne, [](bool first, int others) { return (first ? 1 : 0) + others == 1; });
    if (views.size() > 1) {
      check_counts(BitOperation::kDiff, [](bool first, int others) { return first && others == 0; });
      check_counts(BitOperation::kDiff1, [](bool first, int others) { return !first && others > 0; });
      check_counts(BitOperation::kAndOr, [](bool first, int others) { return first && others > 0; });
    }
    longest = values[0].size();
    check(BitOperation::kNot, std::span(views).first(1), [](char a, char) { return a; });
  }
}

}  // namespace
}  // namespace ringkv::server
