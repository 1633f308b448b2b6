// SPDX-License-Identifier: MIT
// Searches by pattern, which use indexes of keys where there are any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/index/key_pattern.h"
#include "storage/transaction/partition_visit.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Like Walk, but only keys that `pattern` allows need be visited; others may. `count` bounds the work, as there. Asks
// for an index where that would help.
uint64_t Search(Txn& txn, DbIndex db, const KeyPattern& pattern, uint64_t cursor, size_t count,
                const KeyVisitor& visit);

}  // namespace ringkv::storage
