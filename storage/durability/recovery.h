// SPDX-License-Identifier: MIT
// Recovery of a store from its files: the newest valid snapshot, then the log after it.
//
// Truncates a torn tail of the last log file and reports it. Any other damage is an error that names the file and the
// offset; no part of the data is dropped silently.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/lsn.h"
#include "storage/disk/file_system.h"
#include "storage/keyspace/store.h"

namespace ringkv::storage {

struct DataFiles {
  std::string directory;
  std::string snapshot_name;
  std::string log_directory;

  std::string SnapshotPath() const { return JoinPath(directory, snapshot_name); }
  // The previous snapshot, kept while the log reaches back to it.
  std::string PreviousName() const { return snapshot_name + ".previous"; }
  std::string PreviousPath() const { return JoinPath(directory, PreviousName()); }
  // The name of a damaged file, once the state recovered without it is durable.
  static std::string DamagedName(const std::string& name) { return name + ".damaged"; }
  // Held by the process that writes.
  static constexpr const char* kLockName = "ringkv.lock";
  std::string LockPath() const { return JoinPath(directory, kLockName); }
  // Names the replication history that the data set belongs to.
  static constexpr const char* kHistoryName = "replication.history";
  std::string HistoryPath() const { return JoinPath(directory, kHistoryName); }
};

// How far recovery is; read by other threads.
struct RecoveryProgress {
  std::atomic<uint64_t> total_bytes{0};  // of the files
  std::atomic<uint64_t> loaded_bytes{0};
};

struct RecoveryOptions {
  // Recovers the state before the first damage instead of failing.
  bool up_to_damage = false;
  // Fails if the log has a torn tail, instead of truncating it.
  bool refuses_torn_tail = false;
  size_t threads = 1;
  // Limits for point-in-time recovery: later groups are not applied, later snapshots are not used.
  Lsn last_lsn = UINT64_MAX;
  UnixMs last_time = INT64_MAX;
  RecoveryProgress* loaded = nullptr;  // must outlive the recovery; may be null
  bool read_only = false;              // truncates nothing
  std::function<void(const std::string& line)> progress = [](const std::string&) {};  // as ProgressLines has it
};

struct RecoverySummary {
  Lsn last = 0;          // the store is the state after this group
  std::string snapshot;  // its path; empty if there was none
  UnixMs snapshot_created = 0;
  Lsn snapshot_last = 0;
  uint64_t groups_replayed = 0;
  uint64_t cut_bytes = 0;  // of the last log file
  std::string cut_file;
  // The files alone do not lead to this state again: a snapshot is needed before changes are accepted. The damaged
  // files are renamed only when that snapshot is durable.
  bool needs_snapshot = false;
  bool snapshot_is_damaged = false;       // the newest one; the previous one was used
  std::vector<std::string> damaged_logs;  // their names
  std::vector<std::string> warnings;
};

// Locks the files against other processes until the lock is destroyed. The error says what to do.
Result<std::unique_ptr<FileLock>> LockData(FileSystem& files, const DataFiles& data);

// The hash seed of the data set in these files, which the store needs; none if there is no data set.
Result<std::optional<uint64_t>> FindHashSeed(FileSystem& files, const DataFiles& data);

// The end of the log, which may not be durable: a killed process may have left it in the page cache only, and after a
// failed sync a later successful one proves nothing. The log writer writes it again.
struct UnsafeTail {
  Lsn first = 0;       // the first group; 0 if there is none
  std::string frames;  // as in the last file
};
// `last`: the last recovered group. Empty if the log ends before it, because the snapshot is newer.
Result<UnsafeTail> ReadUnsafeTail(FileSystem& files, const DataFiles& data, Lsn last);
// Makes the names of the recovered files durable.
Status SyncNames(FileSystem& files, const DataFiles& data);
// Renames damaged log files to *.damaged.
Status SetAside(FileSystem& files, const std::string& log_directory, const std::vector<std::string>& names);

// `store` must be empty and not in use by other threads.
Result<RecoverySummary> Recover(Store& store, FileSystem& files, const DataFiles& data, const RecoveryOptions& options);

}  // namespace ringkv::storage
