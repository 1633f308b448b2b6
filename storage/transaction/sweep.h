// SPDX-License-Identifier: MIT
// How keys go that nobody has asked for: because their time is over, or because memory is short. For background work,
// in a transaction that holds no lock.
#pragma once

#include <cstddef>
#include <functional>

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

}  // namespace ringkv::storage
