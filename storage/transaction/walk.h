// SPDX-License-Identifier: MIT
// Keys by the order of the hash, and by chance. The transaction holds no lock, and then one partition is locked at a
// time, or all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "storage/transaction/partition_visit.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Visits keys in the order of the hash, from `cursor` on, and stops after about `count` of them. Returns the cursor to
// go on with, 0 at the end. Each key that is there throughout is visited exactly once.
uint64_t Walk(Txn& txn, DbIndex db, uint64_t cursor, size_t count, const KeyVisitor& visit);

// Visits up to `count` keys, and no more than 16, that chance picks from a part of the database; only keys with an
// expiry if so asked. None when the database has none.
using PositionVisitor = std::function<void(Position, const Entry&)>;
void Sample(Txn& txn, DbIndex db, size_t count, bool volatile_only, const PositionVisitor& visit);

}  // namespace ringkv::storage
