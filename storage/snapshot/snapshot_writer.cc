// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_writer.h"

#include "storage/base/checksum.h"

namespace ringkv::storage {
namespace {

constexpr size_t kOutputBytes = 1 << 20;  // what is handed to the file at once

}  // namespace

SnapshotWriter::SnapshotWriter(Store& store, LogWriter& log, FileSystem& files, const Clock& clock,
                               SnapshotOptions options)
    : store_(store),
      log_(log),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      temporary_(JoinPath(options_.directory, options_.name + ".tmp")),
      blocks_(store),
      lines_(clock) {}

SnapshotWriter::~SnapshotWriter() {
  if (is_attached_) [[maybe_unused]]
    const auto ignored = log_.Detach(this);
  MutexLock lock(mutex_);
  if (file_ != nullptr && !is_finished_) {
    file_.reset();
    [[maybe_unused]] const Status ignored = files_.Remove(temporary_);
  }
}

Status SnapshotWriter::Begin() {
  {
    MutexLock lock(mutex_);
    Result<std::unique_ptr<File>> file = files_.Open(temporary_, OpenMode::kReplaceUncached);
    if (!file) return tl::unexpected(file.error());
    file_ = std::move(*file);
  }
  // From here on every group goes into the file; a group that a block holds already is left out when it is read.
  log_.Attach(this);
  is_attached_ = true;
  return WriteNode();
}

Status SnapshotWriter::WriteNode() {
  const std::string libraries = EncodeLibraries(*store_.CopyLibraries().set);
  const std::string ledger = store_.CopyLedger();
  MutexLock lock(mutex_);
  Status written = libraries.empty() ? Status() : WriteStored(SectionKind::kLibraries, libraries);
  if (!written || ledger.empty()) return written;
  return WriteStored(SectionKind::kLedger, ledger);
}

void SnapshotWriter::Attached(Lsn last) {
  MutexLock lock(mutex_);
  output_ = EncodeSnapshotHeader(store_, clock_.Now(), last);
  summary_.file_bytes = output_.size();
}

// --- blocks ---------------------------------------------------------------------------------------------------------

bool SnapshotWriter::Step(Worker& worker) {
  if (has_failed_.load(std::memory_order_relaxed) || !blocks_.NextBlock(worker)) return false;
  if (Status written = WriteBlock(worker); !written) NoteFailure(written.error());
  worker.Shrink();
  return true;
}

Status SnapshotWriter::WriteBlock(Worker& worker) {
  std::string_view body;
  const Section section = worker.Seal(&body);
  MutexLock lock(mutex_);
  summary_.keys += section.keys;
  summary_.raw_bytes += section.raw_bytes;
  return WriteSection(section, body);
}

Status SnapshotWriter::WriteSection(Section section, std::string_view body) {
  section.number = sections_++;
  section.stored_bytes = body.size();
  const std::string head = EncodeSection(section);
  summary_.file_bytes += head.size() + body.size();
  output_.append(head);
  if (body.size() >= kOutputBytes) {  // the frame of a burst: a copy would count as memory until the disk has it
    if (Status written = WriteOutput(); !written) return written;
    return file_->Append(body);
  }
  output_.append(body);
  return output_.size() < kOutputBytes ? Status() : WriteOutput();
}

Status SnapshotWriter::WriteStored(SectionKind kind, std::string_view body) {
  return WriteSection({.kind = kind, .raw_bytes = body.size(), .body_checksum = Checksum(body)}, body);
}

Status SnapshotWriter::WriteOutput() {
  Status written = file_->Append(output_);
  output_.clear();
  if (output_.capacity() > 4 * kOutputBytes) output_.shrink_to_fit();
  return written;
}

Status SnapshotWriter::Write(const LogFrame&, std::string_view bytes) {
  MutexLock lock(mutex_);
  return WriteStored(SectionKind::kFrame, bytes);
}

// Runs from before and frames from behind would make values that there never were.
Status SnapshotWriter::Skipped(Lsn) {
  NoteFailure(OvertakenByUnrecorded().error());
  return OvertakenByUnrecorded();
}

void SnapshotWriter::NoteFailure(const Error& error) {
  has_failed_.store(true, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  if (status_) status_ = tl::unexpected(error);
}

// --- the end --------------------------------------------------------------------------------------------------------

Result<SnapshotSummary> SnapshotWriter::Finish() {
  const Result<Lsn> last = log_.Detach(this);
  is_attached_ = false;
  if (!last) return tl::unexpected(last.error());
  MutexLock lock(mutex_);
  if (!status_) return tl::unexpected(status_.error());
  summary_.last = *last;
  const std::string body = EncodeEnd({.last = summary_.last, .keys = summary_.keys, .raw_bytes = summary_.raw_bytes});
  Status done = WriteStored(SectionKind::kEnd, body);
  if (done) done = WriteOutput();
  if (done) done = file_->Truncate(summary_.file_bytes);
  if (done) done = file_->Sync();
  if (done) done = PutInPlace();
  if (!done) return tl::unexpected(done.error());
  is_finished_ = true;
  return summary_;
}

Status SnapshotWriter::PutInPlace() {
  const std::string path = JoinPath(options_.directory, options_.name);
  if (files_.Exists(JoinPath(path, "."))) return Fail("cannot replace '" + path + "': it is a directory");
  if (!options_.name_of_previous.empty() && files_.Exists(path)) {
    Status kept = files_.Rename(path, JoinPath(options_.directory, options_.name_of_previous));
    if (!kept) return kept;
  }
  if (Status renamed = files_.Rename(temporary_, path); !renamed) return renamed;
  return files_.SyncDirectory(options_.directory);
}

}  // namespace ringkv::storage
