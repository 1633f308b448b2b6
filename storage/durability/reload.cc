// SPDX-License-Identifier: MIT
#include "storage/durability/reload.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/keyspace/store.h"

namespace ringkv::storage {
namespace {

constexpr TypeLimits::Limit TypeLimits::*kTypeLimits[] = {
    &TypeLimits::hash_entries,       &TypeLimits::hash_value,
    &TypeLimits::set_integers,       &TypeLimits::set_entries,
    &TypeLimits::set_value,          &TypeLimits::sorted_set_entries,
    &TypeLimits::sorted_set_value,   &TypeLimits::list_size,
    &TypeLimits::list_packed_bytes,  &TypeLimits::sparse_hyperloglog_bytes,
    &TypeLimits::stream_block_bytes, &TypeLimits::stream_block_entries,
    &TypeLimits::list_open_ends,
};
static_assert(sizeof(TypeLimits) ==
                  sizeof(kTypeLimits) / sizeof(kTypeLimits[0]) * sizeof(TypeLimits::Limit) + sizeof(uint64_t),
              "a new limit must be copied here too");

void CopyOptions(Store& from, Store& to) {
  for (const auto limit : kTypeLimits) (to.type_limits().*limit) = (from.type_limits().*limit).load();
  to.access_options().mode = from.access_options().mode.load();
  to.access_options().lfu_log_factor = from.access_options().lfu_log_factor.load();
  to.access_options().lfu_decay_minutes = from.access_options().lfu_decay_minutes.load();
}

// Tables refer to the list of prefixes of their partition, and will outlive the store that they are loaded into.
void SharePrefixes(Store& from, Store& to) {
  for (size_t i = 0; i < kPartitions; ++i) to.partition(i).prefixes = from.partition(i).prefixes;
}

void TellWatchers(Store& store) {
  if (store.observer() == nullptr) return;
  for (DbIndex db = 0; db < store.databases(); ++db) {
    store.observer()->Replacing(db, [](std::string_view) { return true; });
  }
}

void SwapTables(Store& store, Store& loaded) {
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store.partition(i);
    Partition& other = loaded.partition(i);
    partition.mutex.AssertHeld();
    LongHoldMutexLock lock(other.mutex);
    std::swap(partition.tables, other.tables);
    for (DbIndex db = 0; db < store.databases(); ++db) partition.NoteOccupancy(db);
  }
}

}  // namespace

Status ReloadFromFiles(Txn& txn, FileSystem& files, const DataFiles& data) {
  RINGKV_CHECK(txn.holds_all());
  Store& store = txn.store();
  const Placement placement = store.placement();
  Store loaded({.databases = store.databases(),
                .hash_seed = placement.seed,
                .by_slot = placement.by_slot,
                .prefixes = store.prefixes(),
                .longest_string = store.longest_string()},
               store.clock());
  CopyOptions(store, loaded);
  SharePrefixes(store, loaded);
  RecoveryOptions options;
  options.read_only = true;
  const Result<RecoverySummary> recovered = Recover(loaded, files, data, options);
  if (!recovered) return tl::unexpected(recovered.error());
  if (recovered->needs_snapshot) return Fail("the files are damaged; the log of the server has the details");
  TellWatchers(store);
  SwapTables(store, loaded);
  store.libraries().Replace({store.libraries().Get().lsn, loaded.libraries().Get().set});
  return {};
}

}  // namespace ringkv::storage
