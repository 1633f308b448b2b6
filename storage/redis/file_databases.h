// SPDX-License-Identifier: MIT
// The databases of an RDB file that is made while databases are flushed and swapped.
//
// The file's receiver executes those changes behind the file. So the file has the databases under their first numbers;
// and of one that has been flushed it has no key that was copied since: the commands behind the file make these keys.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/base/db_index.h"
#include "storage/base/lsn.h"

namespace ringkv::storage {

class FileDatabases {
 public:
  // In the order of the log.
  void NoteFlush(Lsn lsn, DbIndex db) { changes_.push_back({lsn, db, db}); }
  void NoteSwap(Lsn lsn, DbIndex a, DbIndex b) {
    if (a != b) changes_.push_back({lsn, a, b});
  }

  // The number in the file of the database that is `db` after group `at`. None if it has been flushed by then.
  std::optional<DbIndex> NumberOf(DbIndex db, Lsn at) const {
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
      if (change->lsn > at || (db != change->a && db != change->b)) continue;
      if (change->a == change->b) return std::nullopt;
      db = db == change->a ? change->b : change->a;
    }
    return db;
  }
  bool HasBeenFlushed(DbIndex db) const { return !changes_.empty() && !NumberOf(db, UINT64_MAX).has_value(); }

 private:
  struct Change {
    Lsn lsn;
    DbIndex a;  // equal ones: a flush
    DbIndex b;
  };
  std::vector<Change> changes_;
};

}  // namespace ringkv::storage
