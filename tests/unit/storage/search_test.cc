// SPDX-License-Identifier: MIT
// Searches by pattern while keys, tables and the indexes themselves come and go.
#include <atomic>
#include <thread>

#include "storage/base/glob.h"
#include "storage/housekeeping/index_job.h"
#include "storage/transaction/search.h"
#include "storage/transaction/totals.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class SearchTest : public StoreFixture {
 protected:
  void Index(IndexMode mode) {
    store_.index_policy().Set(mode, 1000);
    while (job_.Step()) {
    }
  }

  // One call; counts the keys visited if asked.
  uint64_t Call(const std::string& glob, uint64_t cursor, size_t count, std::multiset<std::string>* seen,
                size_t* visited = nullptr, DbIndex db = 0) {
    Txn txn(store_, clock_.Now(), random_);
    return Search(txn, db, ParseKeyPattern(glob), cursor, count, [&](const Entry& entry) {
      if (visited != nullptr) ++*visited;
      if (GlobMatches(glob, entry.key())) seen->emplace(entry.key());
    });
  }

  template <typename Between>
  std::multiset<std::string> All(const std::string& glob, size_t count, Between&& between, DbIndex db = 0) {
    std::multiset<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = Call(glob, cursor, count, &seen, nullptr, db);
      EXPECT_LT(cursor, uint64_t{1} << 53);
      between();
    } while (cursor != 0);
    return seen;
  }
  std::multiset<std::string> All(const std::string& glob, DbIndex db = 0) {
    return All(
        glob, 1000, [] {}, db);
  }

  bool UsesIndex(Direction direction, const std::string& glob) {
    const uint64_t before = store_.index_policy().answered(direction);
    All(glob);
    return store_.index_policy().answered(direction) > before;
  }

  IndexReport Report(Direction direction) {
    Txn txn(store_, clock_.Now(), random_);
    return ReportIndexes(txn, direction);
  }

  IndexJob job_{store_};
};

using Keys = std::multiset<std::string>;

TEST_F(SearchTest, FindsTheSameWithEachIndexAndWithout) {
  for (int i = 0; i < 20'000; ++i) {
    Put("user:" + std::to_string(i % 500) + ":" + std::to_string(i), "v");
    Put("other:" + std::to_string(i), "v");
  }
  const std::vector<std::string> globs = {"user:42:*",   "*:1042",   "user:*042",     "user:4?:*",    "user:[45]2:*7",
                                          "us\\er:42:*", "*er:1999", "user:42:19542", "nothing*",     "*nothing",
                                          "*4*",         "*",        "user:42:1*2",   "other:[^1]99", "?ser:42:*"};
  std::vector<Keys> expected;
  for (const std::string& glob : globs) expected.push_back(All(glob));
  EXPECT_EQ(expected[0].size(), 40u);
  Index(IndexMode::kAlways);
  for (size_t i = 0; i < globs.size(); ++i) EXPECT_EQ(All(globs[i]), expected[i]) << globs[i];
  EXPECT_TRUE(UsesIndex(Direction::kForward, "user:42:*"));
  EXPECT_TRUE(UsesIndex(Direction::kBackward, "*:1042"));
  EXPECT_FALSE(UsesIndex(Direction::kForward, "*4*"));
}

TEST_F(SearchTest, AFewMatchesTakeOneCallAndABroadPatternIsBoundedByCount) {
  for (int i = 0; i < 50'000; ++i) Put("key:" + std::to_string(i), "v");
  for (int i = 0; i < 100; ++i) Put("few:" + std::to_string(i), "v");
  Index(IndexMode::kAlways);
  Keys seen;
  EXPECT_EQ(Call("few:*", 0, 1000, &seen), 0u);
  EXPECT_EQ(seen.size(), 100u);
  uint64_t cursor = 0;
  seen.clear();
  do {
    size_t visited = 0;
    cursor = Call("key:*", cursor, 10, &seen, &visited);
    EXPECT_LE(visited, 12u);
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 50'000u);
}

// Indexes are built, half built and dropped, tables split and merge, and a cursor goes on through all of it.
TEST_F(SearchTest, KeysThatStayComeExactlyOnce) {
  for (const std::string glob : {"stay:1*", "*7", "stay:*5", "st*"}) {
    std::set<std::string> stay;
    for (int i = 0; i < 3000; ++i) {
      const std::string key = "stay:" + std::to_string(i);
      Put(key, "v");
      if (GlobMatches(glob, key)) stay.insert(key);
    }
    int next = 0;
    int round = 0;
    const Keys seen = All(glob, 20, [&] {
      store_.index_policy().Set(++round % 7 < 4 ? IndexMode::kAlways : IndexMode::kOff, 1000);
      for (size_t i = random_.Below(600); i > 0; --i) job_.Step();
      for (int i = 0; i < 500; ++i) {
        if (round % 40 < 20) {
          Put("stay:other:" + std::to_string(next++), "v");
        } else if (next > 0) {
          Delete("stay:other:" + std::to_string(--next));
        }
      }
    });
    for (const std::string& key : stay) EXPECT_EQ(seen.count(key), 1u) << glob << " " << key;
    for (const std::string& key : seen) EXPECT_EQ(seen.count(key), 1u) << glob << " " << key;
  }
}

TEST_F(SearchTest, FollowsRenamesFlushesAndExchangedDatabases) {
  Index(IndexMode::kAlways);
  for (int i = 0; i < 2000; ++i) Put("key:" + std::to_string(i), "v");
  Index(IndexMode::kAlways);
  {
    Txn txn(store_, clock_.Now(), random_);
    txn.AddKey("key:1234");
    txn.AddKey("moved:1234");
    txn.LockAdded();
    Place from = txn.Find(0, "key:1234", Intent::kWrite);
    txn.Rename(from, 0, "moved:1234", events::kRename);
  }
  EXPECT_EQ(All("moved:*"), Keys{"moved:1234"});
  EXPECT_EQ(All("*:1234"), Keys{"moved:1234"});
  {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockAll();
    txn.SwapDatabases(0, 5);
  }
  EXPECT_TRUE(All("moved:*").empty());
  EXPECT_EQ(All("moved:*", 5), Keys{"moved:1234"});
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  txn.FlushDatabase(5);
  txn.Unlock();
  EXPECT_TRUE(All("moved:*", 5).empty());
  Put("moved:again", "v", kNoExpiry, 5);
  EXPECT_EQ(All("moved:*", 5), Keys{"moved:again"});
}

TEST_F(SearchTest, LeavesOutExpiredKeys) {
  for (int i = 0; i < 2000; ++i) Put("key:" + std::to_string(i), "v", clock_.Now() + (i % 2 == 0 ? 10 : 1000));
  Index(IndexMode::kAlways);
  clock_.Advance(100);
  EXPECT_EQ(All("key:100*"), (Keys{"key:1001", "key:1003", "key:1005", "key:1007", "key:1009"}));
}

TEST_F(SearchTest, AnIndexIsBuiltWhenASearchGainsAndDroppedWhenNobodyUsesIt) {
  store_.index_policy().Set(IndexMode::kAuto, 60'000);
  for (int i = 0; i < 500; ++i) Put("key:" + std::to_string(i), "v");
  All("key:1*");
  EXPECT_FALSE(job_.Step()) << "so few keys are walked as well";
  for (int i = 0; i < 5000; ++i) Put("key:" + std::to_string(i), "v");
  All("*4*");
  EXPECT_FALSE(job_.Step()) << "no index helps";
  All("key:*");
  EXPECT_FALSE(job_.Step()) << "most keys match";
  EXPECT_EQ(All("key:12*").size(), 111u);
  EXPECT_TRUE(job_.Step());
  while (job_.Step()) {
  }
  EXPECT_EQ(Report(Direction::kForward).keys, 5000u);
  EXPECT_EQ(Report(Direction::kBackward).begun, 0u);
  EXPECT_TRUE(UsesIndex(Direction::kForward, "key:12*"));
  clock_.Advance(50'000);
  All("key:12*");
  clock_.Advance(50'000);
  EXPECT_FALSE(job_.Step()) << "it was used less than a minute ago";
  clock_.Advance(11'000);
  EXPECT_TRUE(job_.Step());
  while (job_.Step()) {
  }
  EXPECT_EQ(Report(Direction::kForward).begun, 0u);
  EXPECT_EQ(All("key:12*").size(), 111u);
}

TEST_F(SearchTest, OldAndMadeUpCursorsDoNoHarm) {
  for (int i = 0; i < 3000; ++i) Put("key:" + std::to_string(i), "v");
  Index(IndexMode::kAlways);
  for (const uint64_t cursor : {uint64_t{1}, kPositions - 1, kPositions, UINT64_MAX, uint64_t{1} << 52}) {
    Keys seen;
    EXPECT_LT(Call("key:1*", cursor, 10, &seen), kPositions);
    EXPECT_EQ(Call("key:1", cursor, 10, &seen), 0u);
  }
}

TEST(KeyPattern, ItsLiteralsArePrefixAndSuffixOfEveryMatch) {
  Random random(7);
  const std::string_view alphabet = "ab*?[]^-\\";
  const auto text = [&](std::string_view letters, size_t most) {
    std::string made;
    for (size_t i = random.Below(most + 1); i > 0; --i) made += letters[random.Below(letters.size())];
    return made;
  };
  size_t matches = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::string glob = text(alphabet, 8);
    const std::string key = text("ab]-*", 6);
    if (!GlobMatches(glob, key)) continue;
    ++matches;
    const KeyPattern pattern = ParseKeyPattern(glob);
    EXPECT_TRUE(key.starts_with(pattern.prefix)) << glob << " " << key;
    EXPECT_TRUE(key.ends_with(pattern.suffix)) << glob << " " << key;
    if (pattern.is_exact) {
      EXPECT_EQ(key, pattern.prefix) << glob;
    }
  }
  EXPECT_GT(matches, 1000u);
  EXPECT_EQ(ParseKeyPattern("user:*:cart").prefix, "user:");
  EXPECT_EQ(ParseKeyPattern("user:*:cart").suffix, ":cart");
  EXPECT_EQ(ParseKeyPattern("a\\*b*").prefix, "a*b");
  EXPECT_EQ(ParseKeyPattern("*[a-z]x").suffix, "x");
  EXPECT_TRUE(ParseKeyPattern("a\\*b").is_exact);
}

// Mostly for ThreadSanitizer.
TEST_F(SearchTest, GoesOnWhileOthersWriteExpireAndBuild) {
  constexpr int kRounds = 30;
  for (int i = 0; i < 2000; ++i) Put("stay:" + std::to_string(i), "v");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Random random(2);
    for (int i = 0; !done; ++i) {
      Txn txn(store_, clock_.Now(), random);
      const std::string key = "come:" + std::to_string(i % 3000);
      txn.LockKey(key);
      Place place = txn.Find(0, key, Intent::kWrite);
      if (place) {
        txn.Do(place, Erase{}, events::kNone);
      } else {
        txn.Do(place, StringPut{"v", i % 3 == 0 ? clock_.Now() + 1 : kNoExpiry}, events::kNone);
      }
    }
  });
  std::thread builder([&] {
    Random random(3);
    for (int i = 0; !done; ++i) {
      store_.index_policy().Set(i % 2000 < 1500 ? IndexMode::kAlways : IndexMode::kOff, 1000);
      job_.Step();
      clock_.Advance(1);
      Txn txn(store_, clock_.Now(), random);
      ReportIndexes(txn, Direction::kForward);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_EQ(All("stay:*").size(), 2000u);
    EXPECT_EQ(All("*99").count("stay:1999"), 1u);
    All("come:*", 10, [] {});
  }
  done = true;
  writer.join();
  builder.join();
}

}  // namespace
}  // namespace ringkv::storage
