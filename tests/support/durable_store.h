// SPDX-License-Identifier: MIT
// Stores whose data is kept on a test's disk, driven step by step: no thread but the test's.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/durability/recovery.h"
#include "storage/log/log_files.h"
#include "storage/snapshot/snapshot_writer.h"
#include "storage/transaction/txn.h"
#include "storage/transaction/walk.h"
#include "tests/support/collections.h"

namespace ringkv::test {

// What the store should hold: database and key to value and expiry. Libraries of functions stand in a database of their
// own, with their code as value, and the ledger of slots beside them without a name.
constexpr storage::DbIndex kLibraries = 60'000;
using Model = std::map<std::pair<storage::DbIndex, std::string>, std::pair<std::string, storage::UnixMs>>;

inline const storage::DataFiles kTestFiles{.directory = "", .snapshot_name = "snapshot", .log_directory = "log"};

inline Model ContentsOf(storage::Store& store, storage::Txn& txn) {
  Model contents;
  for (const auto& [name, code] : *txn.ReadLibraries()) contents[{kLibraries, name}] = {*code, storage::kNoExpiry};
  if (const std::string ledger = store.CopyLedger(); !ledger.empty())
    contents[{kLibraries, ""}] = {ledger, storage::kNoExpiry};
  for (storage::DbIndex db = 0; db < store.databases(); ++db) {
    uint64_t cursor = 0;
    do {
      cursor = Walk(txn, db, cursor, 100, [&](const storage::Entry& entry) {
        contents[{db, std::string(entry.key())}] = {ShownValue(entry), entry.expiry()};
      });
    } while (cursor != 0);
  }
  return contents;
}

// A store, and changes of every kind.
class ChangingStore {
 public:
  explicit ChangingStore(uint64_t seed, bool by_slot = false, storage::DbIndex databases = 4)
      : store_({.databases = databases, .hash_seed = seed, .by_slot = by_slot, .longest_string = kLongestString},
               clock_) {
    SetSmallLimits(store_.type_limits());
  }

  void Put(const std::string& key, const std::string& value, storage::DbIndex db = 0,
           storage::UnixMs expiry = storage::kNoExpiry) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(db, key, storage::Intent::kWrite);
    txn_.Do(place, storage::StringPut{value, expiry}, storage::events::kNone);
    txn_.Unlock();
  }
  // Both in one group.
  void PutBoth(const std::string& key, const std::string& other, const std::string& value) {
    txn_.AddKey(key);
    txn_.AddKey(other);
    txn_.LockAdded();
    for (const std::string& each : {key, other}) {
      storage::Place place = txn_.Find(0, each, storage::Intent::kWrite);
      txn_.Do(place, storage::StringPut{value}, storage::events::kNone);
    }
    txn_.Unlock();
  }
  void Patch(const std::string& key, uint64_t offset, const std::string& bytes) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(0, key, storage::Intent::kWrite);
    if (place && place.entry().type() != storage::ValueType::kString)
      txn_.Do(place, storage::Erase{}, storage::events::kNone);
    txn_.Do(place, storage::StringPatch{offset, bytes}, storage::events::kNone);
    txn_.Unlock();
  }
  // One change of a collection; what was a string goes.
  void Change(const std::string& key, storage::Random& random) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(0, key, storage::Intent::kWrite);
    if (place && place.entry().type() == storage::ValueType::kString)
      txn_.Do(place, storage::Erase{}, storage::events::kNone);
    ChangeCollection(txn_, place, random);
    txn_.Unlock();
  }
  void Push(const std::string& key, const std::string& element) { PushAll(key, {element}); }
  // All in one group.
  void PushAll(const std::string& key, const std::vector<std::string>& elements) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(0, key, storage::Intent::kWrite);
    for (const std::string& each : elements) txn_.Do(place, storage::ListPush{each}, storage::events::kNone);
    txn_.Unlock();
  }
  void Expire(const std::string& key, storage::UnixMs expiry) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(0, key, storage::Intent::kWrite);
    if (place) txn_.Do(place, storage::ExpirySet{expiry}, storage::events::kNone);
    txn_.Unlock();
  }
  void Delete(const std::string& key) {
    txn_.LockKey(key);
    storage::Place place = txn_.Find(0, key, storage::Intent::kWrite);
    if (place) txn_.Do(place, storage::Erase{}, storage::events::kNone);
    txn_.Unlock();
  }
  void Rename(const std::string& from, const std::string& to) {
    txn_.AddKey(from);
    txn_.AddKey(to);
    txn_.LockAdded();
    storage::Place place = txn_.Find(0, from, storage::Intent::kWrite);
    if (place) txn_.Rename(place, 0, to, storage::events::kRename);
    txn_.Unlock();
  }
  void Flush(storage::DbIndex db) {
    txn_.LockAll();
    txn_.FlushDatabase(db);
    txn_.Unlock();
  }
  void Swap(storage::DbIndex a, storage::DbIndex b) {
    txn_.LockAll();
    txn_.SwapDatabases(a, b);
    txn_.Unlock();
  }

  void PutLibrary(const std::string& name, const std::string& code) {
    txn_.LockAll();
    txn_.Do(storage::LibraryPut{name, code});
    txn_.Unlock();
  }
  // One library replaces all, in one group.
  void PutOnlyLibrary(const std::string& name, const std::string& code) {
    txn_.LockAll();
    txn_.Do(storage::LibrariesFlush{});
    txn_.Do(storage::LibraryPut{name, code});
    txn_.Unlock();
  }
  void EraseLibrary(const std::string& name) {
    txn_.LockAll();
    txn_.Do(storage::LibraryErase{name});
    txn_.Unlock();
  }
  void PutLedger(const std::string& text) {
    txn_.LockAll();
    txn_.Do(storage::LedgerPut{text});
    txn_.Unlock();
  }
  // A change of a random kind to one of few libraries, or to the ledger of slots.
  void ChangeLibraries(storage::Random& random) {
    const std::string name = "library" + std::to_string(random.Below(4));
    switch (random.Below(8)) {
      case 0: return PutOnlyLibrary(name, "the only one");
      case 1:
      case 2: return EraseLibrary(name);
      case 3: return PutLedger("ledger " + std::to_string(random.Next()));
      default: return PutLibrary(name, "code " + std::to_string(random.Next()));
    }
  }

  Model Contents() { return ContentsOf(store_, txn_); }

  storage::Store& store() { return store_; }
  storage::ManualClock& clock() { return clock_; }
  storage::Txn& txn() { return txn_; }

  static constexpr uint64_t kSeed = 42;
  static constexpr uint64_t kLongestString = 1 << 20;  // so that no few bytes of a fuzzer ask for gigabytes

 private:
  storage::ManualClock clock_{1'700'000'000'000};
  storage::Store store_;
  storage::Random random_{1};
  storage::Txn txn_{store_, 1'700'000'000'000, random_};
};

// With a log and snapshots that the test makes itself.
class DurableStore : public ChangingStore {
 public:
  explicit DurableStore(storage::FileSystem& disk, uint64_t log_file_bytes = 1 << 20, uint64_t seed = kSeed,
                        bool by_slot = false)
      : ChangingStore(seed, by_slot),
        disk_(disk),
        log_(store().log(), disk, clock(),
             {.directory = kTestFiles.log_directory, .hash_seed = seed, .file_bytes = log_file_bytes}) {
    log_.SetPolicy(storage::SyncPolicy::kAlways);
  }

  storage::Result<storage::RecoverySummary> Recover(storage::RecoveryOptions options = {}) {
    storage::Result<storage::RecoverySummary> summary = storage::Recover(store(), disk_, kTestFiles, options);
    if (summary) store().log().StartBehind(summary->last);
    return summary;
  }

  // Calls `between` before each block.
  storage::Result<storage::SnapshotSummary> Snapshot(
      const std::function<void()>& between = [] {}, int level = 1) {
    storage::SnapshotWriter writer(store(), log_, disk_, clock(),
                                   {.directory = kTestFiles.directory,
                                    .name = kTestFiles.snapshot_name,
                                    .name_of_previous = log_.is_open() ? kTestFiles.PreviousName() : "",
                                    .compression_level = level});
    if (storage::Status begun = writer.Begin(); !begun) return tl::unexpected(begun.error());
    storage::SnapshotWriter::Worker worker(writer);
    do {
      between();
    } while (writer.Step(worker));
    return writer.Finish();
  }

  storage::LogWriter& log() { return log_; }

 private:
  storage::FileSystem& disk_;
  storage::LogWriter log_;
};

// Changes of every kind, and the contents after each group.
inline std::vector<Model> RunSomeOfEverything(DurableStore& store) {
  std::vector<Model> after = {store.Contents()};
  const std::vector<std::function<void()>> changes = {
      [&] { store.Put("a", "one"); },
      [&] { store.Put("b", "12345", 0, 1'800'000'000'000); },
      [&] { store.Patch("a", 5, "patched"); },
      [&] { store.Expire("a", 1'900'000'000'000); },
      [&] { store.PutBoth("left", "right", "both"); },
      [&] { store.Rename("a", "renamed"); },
      [&] { store.Put("elsewhere", "x", 2); },
      [&] { store.Expire("b", storage::kNoExpiry); },
      [&] { store.Delete("left"); },
      [&] { store.Swap(0, 2); },
      [&] { store.Put("after", std::string(300, 'v')); },
      [&] { store.PutLibrary("library", "code"); },
      [&] { store.Flush(2); },
      [&] { store.PutLibrary("other", "more code"); },
      [&] { store.EraseLibrary("library"); },
      [&] { store.PutOnlyLibrary("only", "code"); },
      [&] { store.Put("last", ""); },
  };
  for (const auto& change : changes) {
    change();
    EXPECT_TRUE(store.log().Flush());
    after.push_back(store.Contents());
  }
  return after;
}

}  // namespace ringkv::test
