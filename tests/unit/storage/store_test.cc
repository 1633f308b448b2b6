// SPDX-License-Identifier: MIT
#include <chrono>
#include <map>
#include <random>

#include "storage/base/allocator.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class StoreTest : public StoreFixture {};

TEST_F(StoreTest, StoresAndReturnsValues) {
  Put("a", "1");
  Put("b", "2");
  Put("a", "3");
  EXPECT_EQ(Get("a"), "3");
  EXPECT_EQ(Get("b"), "2");
  EXPECT_EQ(Get("c"), std::nullopt);
  EXPECT_EQ(Size().keys, 2u);
}

TEST_F(StoreTest, TheEmptyKeyIsFoundWithoutAnAddress) {
  Put("", "value");
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  EXPECT_TRUE(txn.Find(0, std::string_view(), Intent::kRead));
}

TEST_F(StoreTest, LibrariesThatWereReadDoNotChangeWithTheTransaction) {
  constexpr size_t kLibraries = 20'000;  // copied once each, they would take a minute
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  for (size_t i = 0; i < kLibraries; ++i) txn.Do(LibraryPut{"library:" + std::to_string(i), "code"});
  const auto read = txn.ReadLibraries();
  EXPECT_EQ(read->size(), kLibraries);
  txn.Do(LibraryPut{"library:0", "new"});
  for (size_t i = 1; i < kLibraries; ++i) txn.Do(LibraryErase{"library:" + std::to_string(i)});
  EXPECT_EQ(*read->at("library:0"), "code");
  EXPECT_EQ(read->size(), kLibraries);
  EXPECT_EQ(txn.ReadLibraries()->size(), 1u);
  EXPECT_TRUE(store_.libraries().empty()) << "nobody else sees them yet";
  txn.Do(LibrariesFlush{});
  txn.Do(LibraryPut{"last", "code"});
  txn.Unlock();
  EXPECT_EQ(store_.libraries().Get().set->size(), 1u);
}

class PrefixUsageTest : public StoreFixture {
 protected:
  PrefixUsageTest() : StoreFixture({.hash_seed = 1, .prefixes = PrefixList({"user:", "us", "x", "user:1234"})}) {}

  std::vector<PrefixUsage> Usages() {
    Txn txn(store_, clock_.Now(), random_);
    return PrefixUsages(txn);
  }
  // Counts anew what should have been counted all along.
  PrefixSize SizeOfAll(std::string_view prefix) {
    PrefixSize size;
    for (DbIndex db = 0; db < 2; ++db) {
      uint64_t cursor = 0;
      do {
        Txn txn(store_, clock_.Now(), random_);
        cursor = Walk(txn, db, cursor, 1000, [&](const Entry& entry) {
          if (!entry.key().starts_with(prefix)) return;
          ++size.keys;
          size.bytes += entry.TotalSize();
        });
      } while (cursor != 0);
    }
    return size;
  }
};

TEST_F(PrefixUsageTest, MatchesAFullWalkThroughRandomChanges) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::vector<std::string> prefixes = {"user:", "us", "x", "other", ""};
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = prefixes[random() % prefixes.size()] + std::to_string(random() % 300);
    const auto db = static_cast<DbIndex>(random() % 2);
    switch (random() % 8) {
      case 0: Delete(key, db); break;
      case 1: Patch(key, random() % 30, "patched"); break;
      case 2: SetExpiry(key, random() % 2 == 0 ? kNoExpiry : clock_.Now() + 100'000); break;
      case 3: {
        const std::string to = prefixes[random() % prefixes.size()] + std::to_string(random() % 300);
        Txn txn(store_, clock_.Now(), random_);
        txn.AddKey(key);
        txn.AddKey(to);
        txn.LockAdded();
        Place from = txn.Find(0, key, Intent::kWrite);
        if (from && (to != key || db != 0)) txn.Rename(from, db, to, events::kRename);
        break;
      }
      default: Put(key, std::string(random() % 300, 'v'), kNoExpiry, db);
    }
    if (step % 5000 != 4999) continue;
    if (step > 15'000) {
      Txn txn(store_, clock_.Now(), random_);
      txn.LockAll();
      txn.FlushDatabase(1);
    }
    for (const PrefixUsage& usage : Usages()) {
      const PrefixSize expected = SizeOfAll(usage.prefix);
      EXPECT_EQ(usage.size.keys, expected.keys) << usage.prefix;
      EXPECT_EQ(usage.size.bytes, expected.bytes) << usage.prefix;
    }
  }
}

TEST_F(PrefixUsageTest, CountsReadsHitsAndWrites) {
  Put("user:1", "v");
  Get("user:1");
  Get("user:2");
  Delete("user:1");
  const PrefixUses uses = Usages()[0].uses;
  EXPECT_EQ(uses.reads, 2u);
  EXPECT_EQ(uses.misses, 1u);
  EXPECT_EQ(uses.writes, 2u);
  EXPECT_EQ(Usages()[1].uses.reads, 2u) << "a key counts for each prefix that it has";
  EXPECT_EQ(Usages()[2].uses.reads, 0u);
}

TEST_F(StoreTest, DatabasesAreApart) {
  Put("a", "zero", kNoExpiry, 0);
  Put("a", "five", kNoExpiry, 5);
  EXPECT_EQ(Get("a", 0), "zero");
  EXPECT_EQ(Get("a", 5), "five");
  EXPECT_EQ(Get("a", 6), std::nullopt);
}

// Random effects against a std::map.
TEST_F(StoreTest, AgreesWithAPlainMapOverRandomChanges) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::map<std::string, std::string> model;
  for (int step = 0; step < 200'000; ++step) {
    const std::string key = "k" + std::to_string(random() % 20'000);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        const std::string value(random() % 40, static_cast<char>('a' + random() % 26));
        Put(key, value);
        model[key] = value;
        break;
      }
      case 3: {
        const size_t offset = random() % 30;
        Patch(key, offset, "patch");
        std::string& value = model[key];
        if (value.size() < offset + 5) value.resize(offset + 5, '\0');
        value.replace(offset, 5, "patch");
        break;
      }
      case 4:
      case 5: EXPECT_EQ(Delete(key), model.erase(key) == 1); break;
      default: {
        const auto found = model.find(key);
        ASSERT_EQ(Get(key), found == model.end() ? std::nullopt : std::optional(found->second));
      }
    }
  }
  ASSERT_EQ(Size().keys, model.size());
  for (const auto& [key, value] : model) ASSERT_EQ(Get(key), value);
}

TEST_F(StoreTest, RenameMovesTheValueAndItsExpiry) {
  Put("from", "value", clock_.Now() + 1000);
  Put("to", "other");
  Txn txn(store_, clock_.Now(), random_);
  txn.AddKey("from");
  txn.AddKey("to");
  txn.LockAdded();
  Place from = txn.Find(0, "from", Intent::kWrite);
  txn.Rename(from, 0, "to", events::kRename);
  txn.Unlock();
  EXPECT_EQ(Get("from"), std::nullopt);
  EXPECT_EQ(Get("to"), "value");
  EXPECT_EQ(Size().volatile_keys, 1u);
  clock_.Advance(1000);
  EXPECT_EQ(Get("to"), std::nullopt);
}

// Erasing one key may merge segments, inserting one may split them: a place found before must still be good.
TEST_F(StoreTest, APlaceStaysGoodWhileOtherKeysOfTheTransactionComeAndGo) {
  constexpr int kOthers = 30'000;
  Put("here", "value");
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  Place here = txn.Find(0, "here", Intent::kRead);
  std::vector<std::string> keys;
  for (int i = 0; i < kOthers; ++i) keys.push_back("other:" + std::to_string(i));
  for (const std::string& key : keys) {
    Place other = txn.Find(0, key, Intent::kWrite);
    txn.Do(other, StringPut{"x"}, events::kNone);
  }
  EXPECT_EQ(here.value(), "value");
  txn.Do(here, StringPut{"a value that needs another allocation"}, events::kNone);
  for (const std::string& key : keys) {
    Place other = txn.Find(0, key, Intent::kWrite);
    txn.Do(other, Erase{}, events::kNone);
  }
  EXPECT_EQ(here.value(), "a value that needs another allocation");
  txn.Do(here, Erase{}, events::kNone);
  txn.Unlock();
  EXPECT_EQ(Size().keys, 0u);
}

TEST_F(StoreTest, FlushClearsOneDatabaseAndSwapExchangesTwo) {
  Put("a", "0", kNoExpiry, 0);
  Put("a", "1", kNoExpiry, 1);
  Txn txn(store_, clock_.Now(), random_);
  txn.LockAll();
  txn.SwapDatabases(0, 1);
  txn.Unlock();
  EXPECT_EQ(Get("a", 0), "1");
  txn.LockAll();
  txn.FlushDatabase(0);
  txn.Unlock();
  EXPECT_EQ(Size(0).keys, 0u);
  EXPECT_EQ(Get("a", 1), "0");
}

TEST_F(StoreTest, AKeyOutsideOfTheLockedOnesIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Txn txn(store_, clock_.Now(), random_);
  txn.LockKey("a");
  std::string other = "b0";
  while (PositionOf(other, {.seed = 42}).partition() == PositionOf("a", {.seed = 42}).partition()) other += "x";
  EXPECT_DEATH(txn.Find(0, other, Intent::kRead), "broken invariant");
}

TEST_F(StoreTest, CountsHitsAndMissesOfReadsOnly) {
  Put("a", "1");
  Get("a");
  Get("b");
  EXPECT_EQ(Statistics().hits, 1u);
  EXPECT_EQ(Statistics().misses, 1u);
}

TEST_F(StoreTest, TablesGiveTheirMemoryBackWhenKeysGo) {
  for (int i = 0; i < 300'000; ++i) Put("key:" + std::to_string(i), "v");
  Txn txn(store_, clock_.Now(), random_);
  const uint64_t full = TableBytes(txn);
  for (int i = 0; i < 300'000; ++i) Delete("key:" + std::to_string(i));
  EXPECT_LT(TableBytes(txn), full / 8);
}

}  // namespace
}  // namespace ringkv::storage
