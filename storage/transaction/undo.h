// SPDX-License-Identifier: MIT
// What a transaction needs to undo its changes: the values before, and what it has not told its observer yet.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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
  // What statistics have counted of a key, and must not count once more when it is done again.
  struct Counted {
    uint64_t changes = 0;
    uint32_t expired = 0;
    uint32_t expired_fields = 0;
  };

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
  // Likewise; it has expired, or one of its fields.
  void NoteExpired(DbIndex db, std::string_view key, bool is_field);

  // Calls `function(db, key, change)` for the changes in their order; repetitions are left out.
  template <typename Function>
  void ForEachChange(Function&& function) const {
    for (const auto& [kept, change] : changes_) function(kept->db, kept->key, change);
  }
  // Calls `function(db, key, counted, before)` for each key that was kept. The entry, null if the key was missing, is
  // the function's.
  template <typename Function>
  void TakeBack(Function&& function) {
    for (size_t i = 0; i < count_; ++i) {
      Kept& kept = kept_[i];
      function(kept.db, std::string_view(kept.key), kept.counted, TakeBefore(kept));
    }
  }

 private:
  // A key; used again by later transactions, with the memory of its texts.
  struct Kept {
    DbIndex db = 0;
    std::string key;
    std::string before;             // the bytes of the entry; empty: it was missing, or has a large value
    MutableEntry* large = nullptr;  // a copy of an entry with a large value
    Counted counted;
    uint32_t noted = 0;  // one bit for each kind of change
  };
  using Name = std::pair<DbIndex, std::string_view>;

  // Few keys are compared one by one; of more there is an index.
  static constexpr size_t kFew = 8;

  Kept* Find(DbIndex db, std::string_view key);
  Kept* Search(DbIndex db, std::string_view key);
  Kept& NextKept();
  static MutableEntry* TakeBefore(Kept& kept);

  size_t records_ = 0;
  size_t bytes_ = 0;
  std::deque<Kept> kept_;  // the first `count_` are in use; their addresses are stable
  size_t count_ = 0;
  std::map<Name, Kept*> index_;  // empty while they are few
  Kept* last_ = nullptr;         // found; the next change is mostly of the same key
  std::vector<std::pair<const Kept*, KeyChange>> changes_;
};

}  // namespace ringkv::storage
