// SPDX-License-Identifier: MIT
// What keeps the data: recovery at the start, the log's writer on its thread, and snapshots, asked for or due.
//
// Threads: guarded; Open and Close by the one that owns it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "storage/durability/recovery.h"
#include "storage/keyspace/store.h"
#include "storage/log/log_writer.h"
#include "storage/snapshot/snapshot_writer.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Why a snapshot is made. They differ in what is said of them, not in what is done.
enum class SnapshotReason : uint8_t { kSave, kLogRewrite };

class Durability {
 public:
  struct Options {
    DataFiles data;
    uint64_t log_file_bytes = 64 << 20;
    // Off: no thread is started. Whoever owns the object steps the log, and background snapshots are made by the
    // caller.
    bool has_threads = true;
  };

  // All must outlive the object.
  Durability(Store& store, FileSystem& files, const Clock& clock, Options options);
  ~Durability();
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;

  // Both at any time.
  void SetCompression(int level, size_t threads);
  void SetSyncPolicy(SyncPolicy policy) { log_.SetPolicy(policy); }
  // Told of what an operator should read. Set before Open.
  using Say = std::function<void(bool is_warning, const std::string& line)>;
  void set_say(Say say) { say_ = std::move(say); }

  // Keeps others off the directory, until the end. Done by whatever writes; earlier if called earlier.
  Status LockDirectory();
  // Likewise, with a lock that LockData gave to the caller.
  void AdoptLock(std::unique_ptr<FileLock> lock);
  // Fills the store, begins the log if there is to be one, and starts the threads. Once.
  // If there are no keys then, `fill` may put some into the store: after a crash within it there are none again.
  using Fill = std::function<Status()>;
  Status Open(const RecoveryOptions& options, bool with_log, const Fill& fill);
  // Ends the threads, waits for a snapshot under way, writes out and closes the log. `store` may change no more.
  Status Close();

  // The store will hold another data set: ends a snapshot under way, and closes the log. What is in the files stays,
  // and they are left alone until EndReplacement.
  Status BeginReplacement();
  // It does now: the state after group `last`. The log begins anew behind a snapshot of it, if there is to be a log;
  // else one is made at once if `save` says so.
  void EndReplacement(Lsn last, bool save);
  // Whether the files, if there are any, are of the data set in the store.
  bool files_follow() const { return files_follow_.load(); }

  LogWriter& log() { return log_; }
  const LogWriter& log() const { return log_; }
  // Switches the log on behind a snapshot that is made in the background, or off.
  void SwitchLog(bool on);
  // Nobody has recorded some of the changes that the store holds: the log begins anew behind a snapshot of them.
  void RestartLog();
  bool wants_log() const { return wants_log_.load(std::memory_order_relaxed); }

  // Makes a snapshot in the calling thread, behind one that is under way for the log. Fails if somebody else saves.
  Status Save();
  // Makes the last one before the process ends. One in the background is given up for it, one that a caller of Save
  // waits for is waited for. If it fails all goes on as before.
  Status SaveAtEnd();
  // Begins one in the background. False if one is under way.
  bool StartSave(SnapshotReason reason);
  // Begins one when what is under way has ended.
  void ScheduleSave(SnapshotReason reason);
  // The background job of snapshots that were scheduled or switch the log on; called about ten times a second.
  void Tick();

  struct SnapshotState {
    bool is_running = false;
    bool is_scheduled = false;
    SnapshotReason scheduled_reason = SnapshotReason::kSave;
    SnapshotReason reason = SnapshotReason::kSave;
    int64_t started = 0;  // milliseconds of the steady clock, as all that isn't UnixMs
    double progress = 0;
    UnixMs last_success = 0;  // or when the data set came to be
    int64_t last_success_steady = 0;
    int64_t last_attempt = 0;
    bool last_ok = true;
    bool last_rewrite_ok = true;
    int64_t last_seconds = -1;  // of a finished one
    int64_t last_rewrite_seconds = -1;
    uint64_t saves = 0;
    uint64_t rewrites = 0;
    SnapshotSummary summary;  // of the last good one
    std::string failure;      // of the last one, empty if it was good
  };
  SnapshotState snapshot_state();
  // Effects since the last good snapshot.
  uint64_t ChangesSinceSave(Txn& txn) const;
  // Bytes of log behind the last good snapshot.
  uint64_t LogBytesSinceSave() const;
  const RecoverySummary& recovery() const { return recovery_; }
  // Keys that were loaded at the start.
  uint64_t keys_loaded() const { return keys_loaded_; }

 private:
  bool BeginRun(SnapshotReason reason, bool at_end = false);
  // Waits for the thread of the last snapshot in the background.
  void JoinLastRun();
  // Makes the snapshot that BeginRun has announced, and notes how it went.
  Status Run(SnapshotReason reason, bool is_background);
  Result<SnapshotSummary> MakeSnapshot(bool is_background);
  void CopyAll(SnapshotWriter& writer, bool is_background);
  Result<SnapshotSummary> Finish(SnapshotWriter& writer);
  // Before clients are there, if recovery has found damage: what the snapshot does not build on.
  std::string NameOfPrevious() const;
  Status SetDamagedAside();
  // The snapshot that the log is to continue is safe.
  void BeginLogBehindSnapshot();
  void CloseLog();
  bool IsGivenUp(bool is_background) const { return is_replacing_ || (is_background && gives_up_background_); }
  Status DropLog();
  Status DropWhatIsCovered(Lsn last, Lsn before, bool log_begins);
  void NoteRun(SnapshotReason reason, const Result<SnapshotSummary>& result, int64_t started, bool is_background);
  void RunLog();
  uint64_t Changes();

  Store& store_;
  FileSystem& files_;
  const Clock& clock_;
  const Options options_;
  Say say_ = [](bool, const std::string&) {};
  LogWriter log_;

  std::atomic<int> compression_level_{1};
  std::atomic<size_t> snapshot_threads_{1};
  std::atomic<bool> wants_log_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> gives_up_background_{false};
  std::atomic<int64_t> next_switch_on_{0};  // by the steady clock: when to try to begin the log again
  std::atomic<bool> files_follow_{true};
  std::atomic<double> progress_{0};
  std::atomic<uint64_t> changes_at_save_{0};
  std::atomic<uint64_t> log_bytes_at_save_{0};
  RecoverySummary recovery_;
  uint64_t keys_loaded_ = 0;
  bool is_open_ = false;
  std::thread log_thread_;

  Mutex mutex_;
  bool is_ending_ GUARDED_BY(mutex_) = false;
  SnapshotState state_ GUARDED_BY(mutex_);
  std::thread snapshot_thread_ GUARDED_BY(mutex_);
  std::unique_ptr<FileLock> lock_ GUARDED_BY(mutex_);
  Lsn last_snapshot_ GUARDED_BY(mutex_) = 0;  // the last LSN of the newest snapshot
};

}  // namespace ringkv::storage
