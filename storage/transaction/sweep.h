// SPDX-License-Identifier: MIT
// Removal of keys without a request: active expiry and eviction. For background work,
// in a transaction that holds no lock.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "storage/transaction/txn.h"

namespace ringkv::storage {

struct Sweep {
  size_t erased = 0;
  size_t looked_at = 0;
  bool finished = true;
};
// Erases up to `most` expired keys among those that are due in the partition.
Sweep SweepExpired(Txn& txn, size_t partition, size_t most);

// Evicts a key that stands at the position, if `may_go` says so of it. False if there is none.
bool EvictAt(Txn& txn, DbIndex db, Position position, const std::function<bool(const Entry&)>& may_go);

// Keys of a database that stand together, and when the first of them is due, as their queue of expiries says.
struct DueKeys {
  DbIndex db = 0;
  Position first;  // where they begin
  DueTime due = kNeverDue;
  size_t count = 0;
};
// Some that chance picks from a part of the database. Nothing where none has an expiry, or where slots are foreign.
std::optional<DueKeys> SampleDue(Txn& txn, DbIndex db);
// Evicts one of them that is due by `keys->due`, which becomes what it is now. False if there is none.
bool EvictDue(Txn& txn, DueKeys* keys);

}  // namespace ringkv::storage
