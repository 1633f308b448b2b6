// SPDX-License-Identifier: MIT
// What a transaction needs to undo its changes: the values before, and what it has not told its observer yet.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/db_index.h"
#include "storage/base/key_change.h"
#include "storage/entry/entry.h"
#include "storage/entry/type_limits.h"

namespace ringkv::storage {

class MutableEntry;

class Undo {
 public:
  Undo() = default;
  ~Undo() { Clear(); }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;

  // `records`: the length of the group's record, which Rollback cuts back to.
  void Begin(size_t records) { records_ = records; }
  size_t records() const { return records_; }
  // Forgets everything.
  void Clear();

  // Whether one more value is kept at little cost. Null: there is none.
  bool MayKeep(const Entry* before) const;
  bool Has(DbIndex db, std::string_view key);
  // Before the first change of the key; null: it is missing.
  void Keep(DbIndex db, std::string_view key, const Entry* before, const TypeLimits& limits);
  // The key has been kept.
  void NoteChange(DbIndex db, std::string_view key, KeyChange change);

  // Calls `function(db, key, change)` for the changes in their order; repetitions are left out.
  template <typename Function>
  void ForEachChange(Function&& function) const {
    for (const auto& [kept, change] : changes_) function(kept->first.db, kept->first.key, change);
  }
  // Calls `function(db, key, changes, before)` for each key that was kept, with the number of its changes. The entry,
  // null if the key was missing, is the function's.
  template <typename Function>
  void TakeBack(Function&& function) {
    for (auto& [name, kept] : kept_) function(name.db, name.key, kept.changes, std::exchange(kept.before, nullptr));
  }

 private:
  struct Name {
    DbIndex db;
    std::string key;
  };
  using View = std::pair<DbIndex, std::string_view>;
  struct Less {
    using is_transparent = void;
    static View ViewOf(const Name& name) { return {name.db, name.key}; }
    static View ViewOf(const View& view) { return view; }
    bool operator()(const auto& a, const auto& b) const { return ViewOf(a) < ViewOf(b); }
  };
  struct Kept {
    MutableEntry* before = nullptr;
    uint64_t changes = 0;
    uint32_t noted = 0;  // one bit for each kind of change
  };
  using Map = std::map<Name, Kept, Less>;

  Map::value_type* Find(DbIndex db, std::string_view key);

  size_t records_ = 0;
  size_t bytes_ = 0;
  Map kept_;
  Map::value_type* last_ = nullptr;  // found; the next change is mostly of the same key
  std::vector<std::pair<const Map::value_type*, KeyChange>> changes_;
};

}  // namespace ringkv::storage
