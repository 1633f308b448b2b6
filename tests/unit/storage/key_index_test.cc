// SPDX-License-Identifier: MIT
// The index beside a plain set of keys: what it yields is all that matches, and hardly more.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "storage/base/position.h"
#include "storage/edit/mutable_entry.h"
#include "storage/index/table_index.h"
#include "storage/table/table.h"

namespace ringkv::test {
namespace {

const storage::PrefixList kNoPrefixes;

using storage::Direction;
using storage::Random;
using storage::Table;
using storage::TableIndex;

// Keys with prefixes and suffixes of every length in common, binary bytes, empty and long ones.
std::string RandomKey(Random& random) {
  static const std::vector<std::string> parts = {
      "",     "a",        "user:",    "user:1000:", "0",          "00", std::string(1, '\0'),
      "\xff", "aaaaaaaa", "aaaaaaab", ":cart",      "key:0000000"};
  std::string key;
  for (size_t i = random.Below(4); i > 0; --i) key += parts[random.Below(parts.size())];
  switch (random.Below(6)) {
    case 0: break;
    case 1: key += std::string(random.Below(3000), 'x'); break;
    case 2: key += static_cast<char>(random.Below(256)); break;
    default: key += std::to_string(random.Below(3000));
  }
  if (random.Below(4) == 0) key += parts[random.Below(parts.size())];
  return key;
}

// A table with an index in each direction, and what they should hold.
class IndexedTable {
 public:
  // `mask`: bits of the positions that are used; few of them make keys share positions.
  explicit IndexedTable(uint32_t mask) : mask_(mask) {}

  void AddIndexes() {
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      table_.AddIndex(direction);
    }
  }
  // False when both are ready.
  bool BuildSome(size_t keys) {
    bool goes_on = false;
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      table_.index(direction)->BuildSome(keys);
      goes_on = goes_on || !table_.index(direction)->is_ready();
    }
    return goes_on;
  }

  void Toggle(const std::string& key) {
    const uint32_t position = storage::PositionOf(key, {.seed = 1}).local() & mask_;
    if (keys_.erase(key) > 0) {
      const storage::Cell* cell = table_.SegmentFor(position)->Find(key, position);
      storage::MutableEntry::Free(table_.Remove(table_.SegmentFor(position), cell));
    } else {
      keys_[key] = position;
      table_.Insert(position,
                    storage::MutableEntry::Create(key, "v", storage::kNoExpiry, storage::StringForm::kPlain, 0));
    }
  }

  std::string AnyKey(Random& random) const {
    if (keys_.empty()) return "";
    auto key = keys_.begin();
    std::advance(key, static_cast<std::ptrdiff_t>(random.Below(keys_.size())));
    return key->first;
  }

  // What the indexes yield for the literal is all that matches and, where every key has a position of its own, little
  // else.
  void Check(const std::string& literal) const {
    constexpr size_t kFew = 20;
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      const bool forward = direction == Direction::kForward;
      std::vector<uint32_t> found;
      ASSERT_TRUE(table_.index(direction)->Collect(literal, SIZE_MAX / 2, &found));
      std::sort(found.begin(), found.end());
      EXPECT_TRUE(std::adjacent_find(found.begin(), found.end()) == found.end()) << "a position twice";
      size_t matches = 0;
      for (const auto& [key, position] : keys_) {
        if (forward ? !key.starts_with(literal) : !key.ends_with(literal)) continue;
        ++matches;
        EXPECT_TRUE(std::binary_search(found.begin(), found.end(), position)) << testing::PrintToString(key);
      }
      if (mask_ != UINT32_MAX) continue;  // crowded positions come in every search
      EXPECT_LE(found.size(), matches + kFew) << testing::PrintToString(literal);
      if (found.size() < 2) continue;
      std::vector<uint32_t> some;
      EXPECT_FALSE(table_.index(direction)->Collect(literal, found.size() / 2, &some));
      EXPECT_EQ(some.size(), found.size() / 2);
    }
  }

  size_t size() const { return keys_.size(); }
  const Table& table() const { return table_; }

 private:
  const uint32_t mask_;
  Table table_{kNoPrefixes};
  std::map<std::string, uint32_t> keys_;
};

class KeyIndexes : public testing::TestWithParam<uint32_t> {};

TEST_P(KeyIndexes, YieldAllMatchesDuringInsertsAndDeletes) {
  Random random(GetParam());
  IndexedTable table(GetParam());
  for (int i = 0; i < 3000; ++i) table.Toggle(RandomKey(random));
  table.AddIndexes();
  while (table.BuildSome(1 + random.Below(100))) {
    for (size_t i = random.Below(50); i > 0; --i) table.Toggle(RandomKey(random));
  }
  for (int round = 0; round < 60; ++round) {
    // Phases of growing, and of going nearly empty.
    for (int i = 0; i < 400; ++i) {
      table.Toggle(round % 20 < 10 || random.Below(8) == 0 ? RandomKey(random) : table.AnyKey(random));
    }
    for (int i = 0; i < 10; ++i) {
      const std::string key = i % 2 == 0 ? RandomKey(random) : table.AnyKey(random);
      const size_t cut = random.Below(key.size() + 1);
      table.Check(key.substr(0, cut) == "" ? "u" : key.substr(0, cut));
      table.Check(key.substr(cut) == "" ? "0" : key.substr(cut));
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
  }
  for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
    EXPECT_LE(table.table().index(direction)->keys(), table.size());
    if (GetParam() == UINT32_MAX) {
      EXPECT_EQ(table.table().index(direction)->keys(), table.size());
    }
  }
}

// All bits; and so few that most keys share their position with others.
INSTANTIATE_TEST_SUITE_P(Positions, KeyIndexes, testing::Values(UINT32_MAX, 0xffe00000u, 0xfff80000u));

TEST(KeyIndex, TakesNoMoreThanSixteenBytesAKey) {
  IndexedTable table(UINT32_MAX);
  table.AddIndexes();
  while (table.BuildSome(100)) {
  }
  Random random(1);
  for (int i = 0; i < 40'000; ++i) {
    char key[24];
    std::snprintf(key, sizeof key, "key:%012llu", static_cast<unsigned long long>(random.Below(10'000'000)));
    table.Toggle(key);
  }
  for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
    const double bytes = static_cast<double>(table.table().index(direction)->Bytes());
    EXPECT_LE(bytes / static_cast<double>(table.size()), 16.0);
  }
}

}  // namespace
}  // namespace ringkv::test
