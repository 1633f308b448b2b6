// SPDX-License-Identifier: MIT
// Walks and samples of keys. The transaction holds no lock, then one partition is locked at a time, or it holds all
// locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "storage/transaction/partition_visit.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Visits about `count` keys in hash order from `cursor` on. Returns the next cursor, 0 at the end. Each key that exists
// during the whole walk is visited exactly once.
uint64_t Walk(Txn& txn, DbIndex db, uint64_t cursor, size_t count, const KeyVisitor& visit);

// In a placement by slot, by a transaction that has locked a key of the slot: likewise for the keys of this slot alone.
// The cursor is a position that is counted from the slot's first one; the next cursor is 0 at the end.
uint64_t WalkSlot(Txn& txn, DbIndex db, size_t slot, uint64_t cursor, size_t count, const KeyVisitor& visit);

// Visits up to `count` random keys, at most 16, of a part of the database; optionally only keys with an expiry. None if
// the database has none.
using PositionVisitor = std::function<void(Position, const Entry&)>;
void Sample(Txn& txn, DbIndex db, size_t count, bool volatile_only, const PositionVisitor& visit);

}  // namespace ringkv::storage
