// SPDX-License-Identifier: MIT
// Searches by pattern, which use key indexes if they exist.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/index/key_pattern.h"
#include "storage/transaction/partition_visit.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Like Walk, but keys that `pattern` excludes need not be visited. `count` bounds the work, as in Walk. Requests an
// index if that would help.
uint64_t Search(Txn& txn, DbIndex db, const KeyPattern& pattern, uint64_t cursor, size_t count,
                const KeyVisitor& visit);

}  // namespace ringkv::storage
