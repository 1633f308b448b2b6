// SPDX-License-Identifier: MIT
// Durability: recovery at the start, the log writer on its thread, and snapshots.
//
// Threads: guarded; Open and Close by the owner.
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

// The reason for a snapshot; it matters for INFO and log lines only.
enum class SnapshotReason : uint8_t { kSave, kLogRewrite };

class Durability {
 public:
  struct Options {
    DataFiles data;
    uint64_t log_file_bytes = 64 << 20;
    // Off: no thread is started. The owner steps the log, and background snapshots run in the calling thread.
    bool has_threads = true;
  };

  // All references must outlive the object.
  Durability(Store& store, FileSystem& files, const Clock& clock, Options options);
  ~Durability();
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;

  // May be called at any time.
  void SetCompression(int level, size_t threads);
  void SetSyncPolicy(SyncPolicy policy) { log_.SetPolicy(policy); }
  // Receives messages for the operator. Set before Open.
  using Say = std::function<void(bool is_warning, const std::string& line)>;
  void set_say(Say say) { say_ = std::move(say); }

  // Is called in a new thread of this object, at its start. Set before Open.
  enum class ThreadRole : uint8_t { kLog, kSave, kLogRewrite };
  using OnThread = std::function<void(ThreadRole)>;
  void set_on_thread(OnThread on_thread) { on_thread_ = std::move(on_thread); }

  // Locks the directory until the end. Every writer calls it first.
  Status LockDirectory();
  // Adopts a lock from LockData.
  void AdoptLock(std::unique_ptr<FileLock> lock);
  // Recovers the store, begins the log if it is enabled, and starts the threads. Call once. If there are no keys,
  // `fill` may load some; after a crash during `fill` there are none again.
  using Fill = std::function<Status()>;
  Status Open(const RecoveryOptions& options, bool with_log, const Fill& fill);
  // Ends the threads, waits for a running snapshot, writes and closes the log. `store` must not change any more.
  Status Close();

  // Before the store's data set is replaced: aborts a running snapshot and closes the log. The files are left unchanged
  // until EndReplacement.
  Status BeginReplacement();
  // The store has the new data set, the state after group `last`. If the log is enabled, it begins anew after a
  // snapshot; else a snapshot is made at once if `save` is set.
  void EndReplacement(Lsn last, bool save);
  // Whether existing files are of the data set in the store.
  bool files_follow() const { return files_follow_.load(); }
  // Whether a crash would take back changes that a log was to keep: since the data set was replaced, or took LSNs for
  // changes that had none, until the log has begun behind a snapshot. Ask before log().is_open().
  bool awaits_log() const { return gaps_closed_.load() != gaps_.load() && wants_log(); }

  LogWriter& log() { return log_; }
  const LogWriter& log() const { return log_; }
  // Enables the log, after a snapshot in the background, or disables it.
  void SwitchLog(bool on);
  // A replica becomes a primary, and its store owns the data. Writes of its own clients while it was a writable replica
  // are in no log: they take an LSN, and the log begins anew after a snapshot of them. This is one step under the locks
  // of all partitions, so no change can come between. Call without data locked.
  struct Promotion {
    Lsn last = 0;  // the last replicated group
    bool has_unrecorded = false;
  };
  Promotion BecomeOwner();
  bool wants_log() const { return wants_log_.load(std::memory_order_relaxed); }

  // Makes a snapshot in the calling thread, after a running snapshot for the log. Fails during any other snapshot.
  Status Save();
  // Makes the final snapshot at shutdown. Aborts one in the background; waits for a running Save. If it fails, the
  // server continues as before.
  Status SaveAtEnd();
  // Begins a snapshot in the background. False if one is running.
  bool StartSave(SnapshotReason reason);
  // Begins a snapshot when the running one has ended.
  void ScheduleSave(SnapshotReason reason);
  // Starts scheduled snapshots and retries to enable the log; call about ten times a second.
  void Tick();

  struct SnapshotState {
    bool is_running = false;
    bool is_scheduled = false;
    SnapshotReason scheduled_reason = SnapshotReason::kSave;
    SnapshotReason reason = SnapshotReason::kSave;
    int64_t started = 0;  // milliseconds of the steady clock
    double progress = 0;
    UnixMs last_success = 0;  // or the creation of the data set
    int64_t last_success_steady = 0;
    int64_t last_attempt = 0;
    bool last_ok = true;
    bool last_rewrite_ok = true;
    int64_t last_seconds = -1;  // of the last finished one
    int64_t last_rewrite_seconds = -1;
    uint64_t saves = 0;
    uint64_t rewrites = 0;
    uint64_t rewrites_failed = 0;  // in a row
    SnapshotSummary summary;       // of the last successful one
    std::string failure;           // of the last one; empty if it succeeded
  };
  SnapshotState snapshot_state();
  // Effects since the last successful snapshot.
  uint64_t ChangesSinceSave(Txn& txn) const;
  // Bytes of log since the last successful snapshot.
  uint64_t LogBytesSinceSave() const;
  const RecoverySummary& recovery() const { return recovery_; }
  // Keys that were loaded at the start.
  uint64_t keys_loaded() const { return keys_loaded_; }

 private:
  bool BeginRun(SnapshotReason reason, bool at_end = false);
  // Joins the thread of the last background snapshot.
  void JoinLastRun();
  // Makes the snapshot announced by BeginRun, and records its result.
  Status Run(SnapshotReason reason, bool is_background);
  Result<SnapshotSummary> MakeSnapshot(bool is_background);
  void CopyAll(SnapshotWriter& writer, bool is_background);
  Result<SnapshotSummary> Finish(SnapshotWriter& writer);
  // Before clients are served, if recovery has found damage: makes a snapshot, then renames the damaged files.
  std::string NameOfPrevious() const;
  Status SetDamagedAside();
  // The snapshot that the log continues is durable. True if the log has begun, or is not wanted any more.
  bool BeginLogBehindSnapshot();
  void CloseLog();
  void SayUnsafe(const Error& error);
  // Requests the log; Tick begins it.
  void AskForLog();
  bool IsGivenUp(bool is_background) const { return is_replacing_ || (is_background && gives_up_background_); }
  // Removes what is left of a data set that was replaced, except for its snapshot.
  Status DropReplaced();
  Status DropWhatIsCovered(Lsn last, Lsn before, bool log_begins);
  void NoteRun(SnapshotReason reason, const Result<SnapshotSummary>& result, int64_t started, bool is_background);
  void RunLog();
  uint64_t Changes();

  Store& store_;
  FileSystem& files_;
  const Clock& clock_;
  const Options options_;
  Say say_ = [](bool, const std::string&) {};
  OnThread on_thread_ = [](ThreadRole) {};
  LogWriter log_;

  std::atomic<int> compression_level_{1};
  std::atomic<size_t> snapshot_threads_{1};
  std::atomic<bool> wants_log_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> gives_up_background_{false};
  std::atomic<bool> files_follow_{true};
  // How often changes came to be in no file that a log could continue, and how many of these a snapshot covers. Counted
  // under the mutex together with the end of the log that they cause.
  std::atomic<uint64_t> gaps_{0};
  std::atomic<uint64_t> gaps_closed_{0};
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
  int64_t next_switch_on_ GUARDED_BY(mutex_) = 0;  // steady clock; the next attempt to begin the log
  uint64_t times_asked_ GUARDED_BY(mutex_) = 0;    // how often the log was requested
  Lsn last_snapshot_ GUARDED_BY(mutex_) = 0;       // the last LSN of the newest snapshot
};

}  // namespace ringkv::storage
