// SPDX-License-Identifier: MIT
// Sums over all partitions, each looked at in turn: for a transaction that holds no lock or all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/index/directed_key.h"
#include "storage/table/prefix_usage.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

struct DatabaseSize {
  uint64_t keys = 0;
  uint64_t volatile_keys = 0;
  __int128 expiry_sum = 0;         // of those, see Table
  uint64_t field_expiry_keys = 0;  // hashes with fields that expire

  // How long keys with an expiry have to live on average, in milliseconds; 0 if there are none.
  int64_t AverageTtl(UnixMs now) const;
};
DatabaseSize SizeOf(Txn& txn, DbIndex db);
uint64_t CountKeys(Txn& txn);     // of all databases
uint64_t CountChanges(Txn& txn);  // effects applied since the start
// In a placement by slot: the keys of each slot in the database, from the first to the last one; expired ones too.
std::vector<uint64_t> CountKeysOfSlots(Txn& txn, DbIndex db, size_t first, size_t last);
// Bytes in tables and directories, without the entries.
uint64_t TableBytes(Txn& txn, DbIndex db);
uint64_t TableBytes(Txn& txn);  // of all databases

KeyStatistics SumStatistics(Txn& txn);
uint64_t CountExpiredFields(Txn& txn);  // since the same time
void ResetStatistics(Txn& txn);
std::vector<PrefixUsage> PrefixUsages(Txn& txn);

// The indexes of all tables in one direction.
struct IndexReport {
  uint64_t tables = 0;  // that have keys
  uint64_t ready = 0;   // of them, with an index that is complete
  uint64_t begun = 0;   // of them, with an index
  uint64_t keys = 0;
  uint64_t bytes = 0;
};
IndexReport ReportIndexes(Txn& txn, Direction direction);

}  // namespace ringkv::storage
