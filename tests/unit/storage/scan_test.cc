// SPDX-License-Identifier: MIT
#include "storage/transaction/walk.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class Scan : public StoreFixture {};

TEST_F(Scan, AnEmptyDatabaseEndsAtOnce) {
  EXPECT_TRUE(StoreFixture::Scan(10, [] {}).empty());
}

TEST_F(Scan, EachKeyIsReturnedExactlyOnceForEveryCount) {
  for (int i = 0; i < 5000; ++i) Put("key:" + std::to_string(i), "v");
  for (const size_t count : {1, 7, 10, 1000, 100000}) {
    const auto seen = StoreFixture::Scan(count, [] {});
    EXPECT_EQ(seen.size(), 5000u) << "count " << count;
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 5000u);
  }
}

TEST_F(Scan, ACallDoesNotGoFarBeyondItsCount) {
  for (int i = 0; i < 20000; ++i) Put("key:" + std::to_string(i), "v");
  uint64_t cursor = 0;
  do {
    size_t visited = 0;
    Txn txn(store_, clock_.Now(), random_);
    cursor = Walk(txn, 0, cursor, 10, [&](const Entry&) { ++visited; });
    EXPECT_LE(visited, 12u);
  } while (cursor != 0);
}

// Keys come and go and tables split and merge between the calls; those that stay come exactly once.
TEST_F(Scan, KeysThatStayComeExactlyOnceWhileTablesSplitAndMerge) {
  std::set<std::string> stay;
  for (int i = 0; i < 3000; ++i) {
    stay.insert("stay:" + std::to_string(i));
    Put("stay:" + std::to_string(i), "v");
  }
  int next = 0;
  bool growing = true;
  std::multiset<std::string> seen;
  uint64_t cursor = 0;
  do {
    // About two hundred calls, however many keys there are: the tables fill, split, empty and merge meanwhile.
    Txn txn(store_, clock_.Now(), random_);
    const size_t count = std::max<size_t>(10, Size().keys / 200);
    cursor = Walk(txn, 0, cursor, count, [&](const Entry& entry) { seen.emplace(entry.key()); });
    for (int i = 0; i < 10'000; ++i) {
      if (growing) {
        Put("other:" + std::to_string(next++), "v");
      } else {
        Delete("other:" + std::to_string(--next));
      }
      if (next > 400'000 || next == 0) growing = !growing;
    }
  } while (cursor != 0);
  for (const std::string& key : stay) EXPECT_EQ(seen.count(key), 1u) << key;
}

TEST_F(Scan, MadeUpCursorsDoNoHarm) {
  for (int i = 0; i < 100; ++i) Put("key:" + std::to_string(i), "v");
  for (const uint64_t cursor : {uint64_t{1}, kPositions - 1, kPositions, UINT64_MAX, uint64_t{1} << 52}) {
    Txn txn(store_, clock_.Now(), random_);
    const uint64_t next = Walk(txn, 0, cursor, 10, [](const Entry&) {});
    EXPECT_LT(next, kPositions);
  }
}

TEST_F(Scan, SkipsExpiredKeys) {
  Put("gone", "v", clock_.Now() + 10);
  Put("here", "v");
  clock_.Advance(11);
  EXPECT_EQ(StoreFixture::Scan(10, [] {}), (std::multiset<std::string>{"here"}));
}

}  // namespace
}  // namespace ringkv::storage
