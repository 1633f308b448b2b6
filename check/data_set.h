// SPDX-License-Identifier: MIT
// The data of a directory, loaded without a server: the current state, or the state at an earlier moment.
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
  size_t CountLibraries() { return txn_.ReadLibraries()->size(); }
  // All libraries of functions, then all keys. Includes keys that have expired: whether they exist depends on the time
  // of the question.
  void Show(DataVisitor& visitor);
  // Writes a snapshot that a server can load. An existing file of that name is renamed to the other name, or removed if
  // that is empty.
  storage::Status Save(const std::string& directory, const std::string& name, const std::string& name_of_previous);

 private:
  DataSet(storage::FileSystem& files, const storage::DataFiles& data, uint64_t hash_seed, storage::DbIndex databases);

  storage::FileSystem& files_;
  const storage::SystemClock clock_;
  storage::Store store_;
  storage::LogWriter log_;  // never opened: a snapshot reads the changes of meanwhile from it, and there are none
  storage::Random random_;
  storage::Txn txn_;
  storage::RecoverySummary recovery_;
};

}  // namespace ringkv::check
