// SPDX-License-Identifier: MIT
// Takes groups of effects from the buffer, seals them into frames, and writes the frames to the log's files and to the
// attached sinks. One sync covers all threads that wait for one (group commit).
//
// Frames that are not known to be durable are kept in memory (`unsynced_`; it is bounded, and a large size forces an
// early sync). After a failed write or sync nothing is assumed about the file: all frames since the last successful
// sync are written again, into a new file that replaces the old one from that LSN on. Until that succeeds the log has
// failed, and its user should refuse changes. It retries every second.
//
// Threads: guarded. A background job calls `Step`; other methods may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/disk/file_system.h"
#include "storage/log/log_buffer.h"
#include "storage/log/log_format.h"

namespace ringkv::storage {

enum class SyncPolicy : uint8_t {
  kEverySecond,  // a power failure loses at most a second
  kAlways,       // before a change is acknowledged
  kNo,           // left to the operating system, unless too many bytes are unsynced
};

// Unrecorded changes took an LSN while a snapshot or a held log relied on complete frames; it has to begin again.
Status OvertakenByUnrecorded();

// A receiver of frames besides the log's files: a running snapshot, replicas.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // The sink was attached; the first frame will begin after `last`.
  virtual void Attached(Lsn) {}
  // `bytes`: the encoded frame. Called in order, without gaps, and no more after an error.
  virtual Status Write(const LogFrame& frame, std::string_view bytes) = 0;
  // Unrecorded changes took the LSN `last`: the next frame begins after it. Errors as for Write.
  virtual Status Skipped(Lsn last) = 0;
};

struct LogWriterOptions {
  std::string directory;
  uint64_t hash_seed = 0;
  uint64_t file_bytes = 64 << 20;  // size at which the next file is begun
};

class LogWriter {
 public:
  // All references must outlive the writer.
  LogWriter(LogBuffer& buffer, FileSystem& files, const Clock& clock, LogWriterOptions options);

  void SetPolicy(SyncPolicy policy);
  SyncPolicy policy() const { return policy_.load(std::memory_order_relaxed); }

  // The first is called when less may wait for the log than before: the durable LSN has changed, the log was opened or
  // closed, or another policy applies. The second is called when the log has failed, or has recovered or was closed
  // after a failure. Both are called without the writer's lock. Set before the first Step.
  void set_on_durable(std::function<void()> told) { on_durable_ = std::move(told); }
  void set_on_health(std::function<void()> told) { on_health_ = std::move(told); }

  // Begins a file after the last appended group; the buffer records from now on. The caller guarantees that the store's
  // files contain the state up to here. A store with other changes needs a snapshot for the log to continue. `frames`,
  // if not empty, are the end of the log from group `first` on: the file begins with them.
  Status Open(Lsn first = 0, std::string_view frames = {});
  // Prepares a log that continues a running snapshot: its frames are held in memory, up to 16 MB, then groups wait in
  // the buffer.
  void BeginHeld();
  // The snapshot is durable: begins the file with the held frames. After an error the log is closed.
  Status OpenHeld();
  // The snapshot failed: drops the held frames.
  void DropHeld();
  // The store's data set was replaced by one whose last group is `last`. Call with the log closed.
  void StartAnew(uint64_t hash_seed, Lsn last);
  // Assigns an LSN to unrecorded changes. The log does not lead over it: an open log is closed, as by Close but without
  // callbacks, and a held one can't be opened. Call with all partitions locked, and Announce when they are unlocked.
  Status NumberUnrecorded();
  // Calls the observers if what they observe has changed since their last call. All methods but NumberUnrecorded do so.
  void Announce();
  // Writes and syncs all groups and closes the file. The buffer continues to record only if there is a sink.
  Status Close();
  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  // Passes all groups from now on to `sink` too, possibly before this returns.
  void Attach(FrameSink* sink);
  // Passes all groups up to now to the sink, then detaches it. Returns the last LSN that it has seen, or its error.
  Result<Lsn> Detach(FrameSink* sink);

  // One pass: takes, writes, syncs by the policy, recovers from failures. True if there was work.
  bool Step();
  // Writes and syncs all groups that were appended before the call.
  Status Flush();
  // The next Step does so.
  void AskForSync() { is_sync_asked_ = true; }
  // Whether recent syncs were so short that a thread should sync itself instead of handing over to the log thread.
  bool IsQuick() const { return sync_micros_.load(std::memory_order_relaxed) < kQuickMicros; }

  Lsn durable() const { return durable_.load(); }
  bool has_failed() const { return has_failed_.load(std::memory_order_relaxed); }
  std::string failure();  // the current failure; empty if there is none
  uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }
  uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kQuickMicros = 1000;

  // The state that observers were last told.
  struct Announced {
    std::atomic<Lsn> durable{0};
    std::atomic<bool> is_open{false};
    std::atomic<SyncPolicy> policy{SyncPolicy::kEverySecond};
    std::atomic<bool> has_failed{false};
  };
  // Announces at the end of a method. Declared before the lock, it does so without it.
  struct AnnounceAtEnd {
    explicit AnnounceAtEnd(LogWriter& changed) : writer(changed) {}
    ~AnnounceAtEnd() { writer.Announce(); }
    AnnounceAtEnd(const AnnounceAtEnd&) = delete;
    AnnounceAtEnd& operator=(const AnnounceAtEnd&) = delete;
    LogWriter& writer;
  };

  bool Pass(bool sync_now) REQUIRES(mutex_);
  void TakeFrame() REQUIRES(mutex_);
  Status WriteOut(bool sync_now) REQUIRES(mutex_);
  Status SyncFile() REQUIRES(mutex_);
  // Begins a file at `first`, with `frames`.
  Status BeginFile(Lsn first, std::string_view frames) REQUIRES(mutex_);
  // Drops all frames that are not written yet.
  void ForgetFrames() REQUIRES(mutex_);
  void CloseFile() REQUIRES(mutex_);
  // Writes and syncs all groups.
  Status FlushFile() REQUIRES(mutex_);
  void EndRecordingIfUnused() REQUIRES(mutex_);
  void Fail(const Error& error) REQUIRES(mutex_);
  void TryToHeal() REQUIRES(mutex_);

  LogBuffer& buffer_;
  FileSystem& files_;
  const Clock& clock_;
  const LogWriterOptions options_;
  std::function<void()> on_durable_;
  std::function<void()> on_health_;

  std::atomic<SyncPolicy> policy_{SyncPolicy::kEverySecond};
  std::atomic<Lsn> durable_{0};
  std::atomic<bool> is_open_{false};
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> is_sync_asked_{false};
  Announced announced_;
  std::atomic<uint64_t> syncs_{0};
  std::atomic<int64_t> sync_micros_{kQuickMicros};  // a moving average
  std::atomic<uint64_t> bytes_written_{0};

  Mutex mutex_;
  LogBuffer::Batch batch_ GUARDED_BY(mutex_);
  std::unique_ptr<File> file_ GUARDED_BY(mutex_);
  uint64_t file_bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t reserved_bytes_ GUARDED_BY(mutex_) = 0;
  std::string unsynced_ GUARDED_BY(mutex_);  // frames since the last successful sync
  size_t written_ GUARDED_BY(mutex_) = 0;    // bytes of them that are in the file
  Lsn last_framed_ GUARDED_BY(mutex_) = 0;
  int64_t last_sync_ GUARDED_BY(mutex_) = 0;     // by the steady clock
  int64_t next_attempt_ GUARDED_BY(mutex_) = 0;  // to heal, likewise
  bool is_holding_ GUARDED_BY(mutex_) = false;
  Lsn first_held_ GUARDED_BY(mutex_) = 0;
  bool has_hole_ GUARDED_BY(mutex_) = false;  // the held frames have a gap
  std::string failure_ GUARDED_BY(mutex_);
  struct Sink {
    FrameSink* to;
    Status status;
  };
  std::vector<Sink> sinks_ GUARDED_BY(mutex_);
  uint64_t hash_seed_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::storage
