// SPDX-License-Identifier: MIT
#include "check/data_set.h"

#include "storage/types/collection.h"

#include "storage/snapshot/snapshot_writer.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"

namespace ringkv::check {

using storage::Result;
using storage::Status;

DataSet::DataSet(storage::FileSystem& files, const storage::DataFiles& data, uint64_t hash_seed,
                 storage::DbIndex databases)
    : files_(files),
      store_({.databases = databases, .hash_seed = hash_seed}, clock_),
      log_(store_.log(), files, clock_, {.directory = data.log_directory, .hash_seed = hash_seed}),
      random_(hash_seed),
      txn_(store_, clock_.Now(), random_) {
  txn_.set_keeps_expired(true);
}

Result<std::unique_ptr<DataSet>> DataSet::Load(storage::FileSystem& files, const storage::DataFiles& data,
                                               const storage::RecoveryOptions& options, storage::DbIndex databases) {
  const Result<std::optional<uint64_t>> seed = storage::FindHashSeed(files, data);
  if (!seed) return tl::unexpected(seed.error());
  if (!seed->has_value()) {
    return storage::Fail("there is no data in '" + data.directory + "': neither '" + data.snapshot_name +
                         "' nor log files in '" + data.log_directory + "'");
  }
  std::unique_ptr<DataSet> set(new DataSet(files, data, **seed, databases));
  Result<storage::RecoverySummary> recovered = storage::Recover(set->store_, files, data, options);
  if (!recovered) return tl::unexpected(recovered.error());
  set->recovery_ = std::move(*recovered);
  set->store_.log().StartBehind(set->recovery_.last);
  return set;
}

uint64_t DataSet::CountKeys() { return storage::CountKeys(txn_); }

void DataSet::Show(DataVisitor& visitor) {
  constexpr size_t kAtOnce = 1000;
  for (const auto& [name, code] : *txn_.ReadLibraries()) visitor.Library(name, *code);
  if (const std::string ledger = store_.CopyLedger(); !ledger.empty()) visitor.Ledger(ledger);
  for (storage::DbIndex db = 0; db < store_.databases(); ++db) {
    uint64_t cursor = 0;
    do {
      cursor = Walk(txn_, db, cursor, kAtOnce, [&](const storage::Entry& entry) {
        std::string packed;
        visitor.Key({.db = db,
                     .key = entry.key(),
                     .kind = storage::PackedKind(entry),
                     .value = storage::PackedValue(entry, &packed),
                     .expiry = entry.expiry(),
                     .access = entry.access()});
      });
    } while (cursor != 0);
  }
}

Status DataSet::Save(const std::string& directory, const std::string& name, const std::string& name_of_previous) {
  storage::SnapshotWriter writer(store_, log_, files_, clock_,
                                 {.directory = directory, .name = name, .name_of_previous = name_of_previous});
  if (Status begun = writer.Begin(); !begun) return begun;
  storage::SnapshotWriter::Worker worker(writer);
  while (writer.Step(worker)) {
  }
  const Result<storage::SnapshotSummary> made = writer.Finish();
  return made ? Status() : tl::unexpected(made.error());
}

}  // namespace ringkv::check
