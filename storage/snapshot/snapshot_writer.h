// SPDX-License-Identifier: MIT
// Makes a snapshot of the store while requests are served, without a fork or a copy of the keyspace.
//
// Workers copy one stretch of the hash order after another under the partition's lock, together with the LSN of that
// moment (a run), and compress outside of the lock. Groups of effects that are logged meanwhile are written into the
// same file, as frames. So the file alone is the state after its last frame: a reader loads the blocks and applies to
// each key the frames after the LSN of its run.
//
//   SnapshotWriter snapshot(store, log, files, clock, options);
//   snapshot.Begin();
//   while (worker has more) snapshot.Step(worker);     // from any number of threads
//   snapshot.Finish();                                 // the file has its name now
//
// Without Finish the file is removed. Threads: Step from several threads, each with its own worker, and
// ProgressLine; other methods from one thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/progress_lines.h"
#include "storage/disk/file_system.h"
#include "storage/keyspace/store.h"
#include "storage/log/log_writer.h"
#include "storage/snapshot/block_source.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

struct SnapshotOptions {
  std::string directory;
  std::string name;
  // An existing file `name` is renamed to this and replaces a file there. If this is empty, it is replaced.
  std::string name_of_previous;
  int compression_level = 1;  // zstd's; 0 stores
};

struct SnapshotSummary {
  Lsn last = 0;
  uint64_t keys = 0;
  uint64_t raw_bytes = 0;
  uint64_t file_bytes = 0;
};

class SnapshotWriter final : private FrameSink {
 public:
  // All references must outlive the object.
  SnapshotWriter(Store& store, LogWriter& log, FileSystem& files, const Clock& clock, SnapshotOptions options);
  ~SnapshotWriter() override;

  // A thread's share of the work.
  struct Worker : BlockSource::Cursor {
    explicit Worker(const SnapshotWriter& writer) : Cursor(writer.options_.compression_level) {}
  };

  Status Begin();
  // Writes one block. False when no block is left, or after an error, which Finish returns.
  bool Step(Worker& worker);
  Result<SnapshotSummary> Finish();
  // Progress between 0 and 1.
  double progress() const { return blocks_.progress(); }
  // Tells the operator of it, if it is time for that.
  std::optional<std::string> ProgressLine() {
    MutexLock lock(mutex_);
    return lines_.Next("saving", progress(), summary_.keys, "keys");
  }

 private:
  void Attached(Lsn last) override;
  Status Write(const LogFrame& frame, std::string_view bytes) override;
  Status Skipped(Lsn last) override;
  Status WriteBlock(Worker& worker);
  // What belongs to no database.
  Status WriteNode();
  Status WriteStored(SectionKind kind, std::string_view body) REQUIRES(mutex_);
  Status WriteSection(Section section, std::string_view body) REQUIRES(mutex_);
  Status WriteOutput() REQUIRES(mutex_);
  void NoteFailure(const Error& error);
  Status PutInPlace();

  Store& store_;
  LogWriter& log_;
  FileSystem& files_;
  const Clock& clock_;
  const SnapshotOptions options_;
  const std::string temporary_;

  BlockSource blocks_;
  std::atomic<bool> has_failed_{false};
  bool is_attached_ = false;
  bool is_finished_ = false;

  Mutex mutex_;
  std::unique_ptr<File> file_ GUARDED_BY(mutex_);
  std::string output_ GUARDED_BY(mutex_);
  Status status_ GUARDED_BY(mutex_);
  uint64_t sections_ GUARDED_BY(mutex_) = 0;
  SnapshotSummary summary_ GUARDED_BY(mutex_);
  ProgressLines lines_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::storage
