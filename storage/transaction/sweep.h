// SPDX-License-Identifier: MIT
// Removal of keys without a request: active expiry and eviction. For background work, in a transaction that holds no
// lock. What is held for long is left out: its turn comes later.
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
// Erases up to `most` expired keys, and expired fields of hashes, among those that are due in the partition.
Sweep SweepExpired(Txn& txn, size_t partition, size_t most);

// Evicts a key at the position for which `may_go` is true. False if there is none.
bool EvictAt(Txn& txn, DbIndex db, Position position, const std::function<bool(const Entry&)>& may_go);

// Neighbouring keys of a database that may expire, and the earliest expiry in their expiry queue.
struct DueKeys {
  DbIndex db = 0;
  Position first;  // of the first of them
  DueTime due = kNeverDue;
  size_t count = 0;
};
// Some that chance picks from a part of the database. Nothing where none has an expiry, or where slots are foreign.
std::optional<DueKeys> SampleDue(Txn& txn, DbIndex db);
// Evicts one of them that is due by `keys->due`, which becomes what it is now. False if there is none.
bool EvictDue(Txn& txn, DueKeys* keys);

}  // namespace ringkv::storage
