// SPDX-License-Identifier: MIT
// A store with a clock that the test moves, and a small language to speak to it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "storage/transaction/totals.h"
#include "storage/transaction/txn.h"
#include "storage/transaction/walk.h"

namespace ringkv::storage {

class StoreFixture : public testing::Test {
 protected:
  void Put(std::string_view key, std::string_view value, UnixMs expiry = kNoExpiry, DbIndex db = 0) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    Place place = txn.Find(db, key, Intent::kWrite);
    txn.Do(place, StringPut{value, expiry}, events::kNone);
  }
  void Patch(std::string_view key, uint64_t offset, std::string_view bytes) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    Place place = txn.Find(0, key, Intent::kWrite);
    txn.Do(place, StringPatch{offset, bytes}, events::kNone);
  }
  void SetExpiry(std::string_view key, UnixMs expiry) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    Place place = txn.Find(0, key, Intent::kWrite);
    if (place) txn.Do(place, ExpirySet{expiry}, events::kNone);
  }
  bool Delete(std::string_view key, DbIndex db = 0) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    Place place = txn.Find(db, key, Intent::kCheck);
    if (!place) return false;
    txn.Do(place, Erase{}, events::kNone);
    return true;
  }
  std::optional<std::string> Get(std::string_view key, DbIndex db = 0) {
    Txn txn(store_, clock_.Now(), random_);
    txn.LockKey(key);
    const Place place = txn.Find(db, key, Intent::kRead);
    return place ? std::optional<std::string>(place.value()) : std::nullopt;
  }
  DatabaseSize Size(DbIndex db = 0) {
    Txn txn(store_, clock_.Now(), random_);
    return SizeOf(txn, db);
  }
  KeyStatistics Statistics() {
    Txn txn(store_, clock_.Now(), random_);
    return SumStatistics(txn);
  }

  // All keys of a whole SCAN; `between` runs after each call.
  template <typename Between>
  std::multiset<std::string> Scan(size_t count, Between&& between) {
    std::multiset<std::string> seen;
    uint64_t cursor = 0;
    do {
      Txn txn(store_, clock_.Now(), random_);
      cursor = Walk(txn, 0, cursor, count, [&](const Entry& entry) { seen.emplace(entry.key()); });
      EXPECT_LT(cursor, uint64_t{1} << 53);
      between();
    } while (cursor != 0);
    return seen;
  }

  explicit StoreFixture(const StoreOptions& options = {.databases = 16, .hash_seed = 42}) : store_(options, clock_) {}

  ManualClock clock_{1'700'000'000'000};
  Store store_;
  Random random_{1};
};

}  // namespace ringkv::storage
