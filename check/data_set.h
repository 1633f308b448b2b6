// SPDX-License-Identifier: MIT
// The data that lies in a directory, loaded without a server: as it is, or as it was at a point in time.
#pragma once

#include <memory>

#include "check/data_visitor.h"
#include "storage/durability/recovery.h"
#include "storage/log/log_writer.h"
#include "storage/transaction/txn.h"

namespace ringkv::check {

class DataSet {
 public:
  // `files` must outlive it.
  static storage::Result<std::unique_ptr<DataSet>> Load(storage::FileSystem& files, const storage::DataFiles& data,
                                                        const storage::RecoveryOptions& options,
                                                        storage::DbIndex databases);

  const storage::RecoverySummary& recovery() const { return recovery_; }
  uint64_t CountKeys();
  // Keys whose time is over are shown, too: whether they are gone depends on when it is asked.
  void Show(DataVisitor& visitor);
  // As a snapshot, from which a server starts. What is called so gets the other name; with an empty one it goes.
  storage::Status Save(const std::string& directory, const std::string& name, const std::string& name_of_previous);

 private:
  DataSet(storage::FileSystem& files, const storage::DataFiles& data, uint64_t hash_seed, storage::DbIndex databases);

  storage::FileSystem& files_;
  const storage::SystemClock clock_;
  storage::Store store_;
  storage::LogWriter log_;  // never opened: a snapshot takes from it what happens meanwhile, which is nothing
  storage::Random random_;
  storage::Txn txn_;
  storage::RecoverySummary recovery_;
};

}  // namespace ringkv::check
