// SPDX-License-Identifier: MIT
// Takes groups of effects from the buffer, seals them into frames, and gives the frames to the log's files and, while
// a snapshot is made, to that snapshot too. One sync covers everybody who waits for one (group commit).
//
// What is not known to be on the disk is kept in memory (`unsynced_`, bounded: much of it brings a sync forward). So
// after a failed write or sync nothing is assumed about the file: everything since the last good sync is written again,
// into a new file that takes the old one's place from that LSN on. Until that has worked the log has failed: whoever
// accepts changes should refuse them. It is tried again each second.
//
// Threads: guarded. `Step` is a background job's; Flush and the rest may come from any thread.
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
  kEverySecond,  // what a crash of the machine can take is at most a second
  kAlways,       // before a change is acknowledged
  kNo,           // when the operating system likes, and when too much waits
};

// Where frames go besides the log's files: a snapshot that is being made, replicas.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // It is attached: the first frame will begin behind `last`.
  virtual void Attached(Lsn) {}
  // `frame` is good; `bytes` are it, encoded. Called in order, without a hole. After an error it is called no more.
  virtual Status Write(const LogFrame& frame, std::string_view bytes) = 0;
};

struct LogWriterOptions {
  std::string directory;
  uint64_t hash_seed = 0;
  uint64_t file_bytes = 64 << 20;  // a file that has grown beyond this is followed by the next
};

class LogWriter {
 public:
  // All must outlive the writer.
  LogWriter(LogBuffer& buffer, FileSystem& files, const Clock& clock, LogWriterOptions options);

  void SetPolicy(SyncPolicy policy) { policy_.store(policy, std::memory_order_relaxed); }
  SyncPolicy policy() const { return policy_.load(std::memory_order_relaxed); }

  // Told when more has become durable, and when the log has failed or works again. Called without the writer's lock
  // held by nobody else; must not call back. Set before the first Step.
  void set_on_durable(std::function<void()> told) { on_durable_ = std::move(told); }
  void set_on_health(std::function<void()> told) { on_health_ = std::move(told); }

  // Begins a file behind what was appended so far. The buffer records from now on. The caller knows that the store's
  // files are the state up to here: for a store that has changed, a snapshot has to be made that the log continues.
  // `frames`, if there are any, are the end of the log up to here, from group `first` on: the file begins with them.
  Status Open(Lsn first = 0, std::string_view frames = {});
  // The log is to continue a snapshot that is being made: its frames wait in memory from now on, though no longer than
  // 16 MB of them; then groups wait in the buffer.
  void BeginHeld();
  // The snapshot is safe: begins the file with the frames that have waited. After an error the log is closed.
  Status OpenHeld();
  // There will be no such snapshot.
  void DropHeld();
  // Another data set has taken the store's place, whose last group is `last`. While the log is closed.
  void StartAnew(uint64_t hash_seed, Lsn last);
  // Writes and syncs what there is and closes the file. The buffer goes on recording only for a sink.
  Status Close();
  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  // Begins to give every group from now on to `sink` as well, which may be called before this returns.
  void Attach(FrameSink* sink);
  // Gives the sink what came up to now, then nothing more. Returns the last LSN that it has seen, or what went wrong
  // with it in between.
  Result<Lsn> Detach(FrameSink* sink);

  // One pass: takes, writes, syncs as the policy says, heals. True if there was something to do.
  bool Step();
  // Everything that was appended before the call is written and synced.
  Status Flush();
  // Whether a sync takes so short a time lately that waiting for it costs a thread less than handing it over.
  bool IsQuick() const { return sync_micros_.load(std::memory_order_relaxed) < kQuickMicros; }

  Lsn durable() const { return durable_.load(); }
  bool has_failed() const { return has_failed_.load(std::memory_order_relaxed); }
  std::string failure();  // what went wrong, empty if nothing is wrong
  uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }
  uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kQuickMicros = 1000;

  bool Pass(bool sync_now) REQUIRES(mutex_);
  void TakeFrame() REQUIRES(mutex_);
  Status WriteOut(bool sync_now) REQUIRES(mutex_);
  Status SyncFile() REQUIRES(mutex_);
  // Begins a file at `first` that holds `frames` already.
  Status BeginFile(Lsn first, std::string_view frames) REQUIRES(mutex_);
  // Nothing of what has been framed has to be written any more.
  void ForgetFrames() REQUIRES(mutex_);
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
  std::atomic<uint64_t> syncs_{0};
  std::atomic<int64_t> sync_micros_{kQuickMicros};  // a moving average
  std::atomic<uint64_t> bytes_written_{0};

  Mutex mutex_;
  LogBuffer::Batch batch_ GUARDED_BY(mutex_);
  std::unique_ptr<File> file_ GUARDED_BY(mutex_);
  uint64_t file_bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t reserved_bytes_ GUARDED_BY(mutex_) = 0;
  std::string unsynced_ GUARDED_BY(mutex_);  // frames since the last good sync
  size_t written_ GUARDED_BY(mutex_) = 0;    // how much of them the file has got
  Lsn last_framed_ GUARDED_BY(mutex_) = 0;
  int64_t last_sync_ GUARDED_BY(mutex_) = 0;     // by the steady clock
  int64_t next_attempt_ GUARDED_BY(mutex_) = 0;  // to heal, likewise
  bool is_holding_ GUARDED_BY(mutex_) = false;
  Lsn first_held_ GUARDED_BY(mutex_) = 0;
  std::string failure_ GUARDED_BY(mutex_);
  struct Sink {
    FrameSink* to;
    Status status;
  };
  std::vector<Sink> sinks_ GUARDED_BY(mutex_);
  uint64_t hash_seed_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::storage
