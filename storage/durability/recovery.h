// SPDX-License-Identifier: MIT
// Files to store: the newest good snapshot, then the log behind it.
//
// Cuts a torn tail of the last log file off, and says so. Any other damage is an error that names the file and the
// offset; nothing is loaded silently in part.
#pragma once

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
  // The snapshot before, kept while there is a log that reaches back to it.
  std::string PreviousName() const { return snapshot_name + ".previous"; }
  std::string PreviousPath() const { return JoinPath(directory, PreviousName()); }
  // What can't be used is called so when the state that was recovered without it is safe.
  static std::string DamagedName(const std::string& name) { return name + ".damaged"; }
  // Held by whoever writes.
  static constexpr const char* kLockName = "ringkv.lock";
  std::string LockPath() const { return JoinPath(directory, kLockName); }
};

struct RecoveryOptions {
  // Takes what is good before the first damage, and goes on.
  bool up_to_damage = false;
  size_t threads = 1;
  // Nothing behind these is applied, and no snapshot is used that reaches further. For point-in-time recovery.
  Lsn last_lsn = UINT64_MAX;
  UnixMs last_time = INT64_MAX;
  bool read_only = false;                                                             // cut nothing
  std::function<void(const std::string& line)> progress = [](const std::string&) {};  // about once a second
};

struct RecoverySummary {
  Lsn last = 0;          // the store is the state after this group
  std::string snapshot;  // its path, empty if there was none
  UnixMs snapshot_created = 0;
  Lsn snapshot_last = 0;
  uint64_t groups_replayed = 0;
  uint64_t cut_bytes = 0;  // of the last log file
  std::string cut_file;
  // What is on disk doesn't give this state again by itself: a snapshot is due before changes are accepted. When that
  // is safe, and not before, the damaged files are set aside.
  bool needs_snapshot = false;
  bool snapshot_is_damaged = false;       // the newest one: the next takes its place
  std::vector<std::string> damaged_logs;  // their names
  std::vector<std::string> warnings;
};

// Keeps every other process off these files until the lock is destroyed. An error says what to do.
Result<std::unique_ptr<FileLock>> LockData(FileSystem& files, const DataFiles& data);

// The seed of the data set in these files; nothing if there is no data set. A store must be made with it.
Result<std::optional<uint64_t>> FindHashSeed(FileSystem& files, const DataFiles& data);

// What recovery has read of the log and nobody knows to be durable: a process that was killed may have left it in the
// system's cache only, and after a failed sync a later one tells nothing. Whoever goes on with the log writes it again.
struct UnsafeTail {
  Lsn first = 0;       // the first group, 0 if there is none
  std::string frames;  // as they stand in the last file
};
// `last`: of what was recovered. Nothing is needed of a log that ends before it: a snapshot holds more.
Result<UnsafeTail> ReadUnsafeTail(FileSystem& files, const DataFiles& data, Lsn last);
// Makes the names of the files durable that recovery has found.
Status SyncNames(FileSystem& files, const DataFiles& data);
// Sets damaged files of the log aside, as *.damaged.
Status SetAside(FileSystem& files, const std::string& log_directory, const std::vector<std::string>& names);

// `store` is empty, and nobody else uses it yet.
Result<RecoverySummary> Recover(Store& store, FileSystem& files, const DataFiles& data, const RecoveryOptions& options);

}  // namespace ringkv::storage
