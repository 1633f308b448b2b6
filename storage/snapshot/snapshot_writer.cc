// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_writer.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "storage/checksum.h"

namespace ringkv::storage {
namespace {

// Blocks are closed when they have so many bytes: enough for zstd to find what repeats.
constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kOutputBytes = 1 << 20;  // what is handed to the file at once
constexpr uint64_t kPartitionEnd = uint64_t{1} << 32;
constexpr size_t kKeysAtOnce = 64;  // about so many are copied under one lock

}  // namespace

SnapshotWriter::SnapshotWriter(Store& store, LogWriter& log, FileSystem& files, const Clock& clock,
                               SnapshotOptions options)
    : store_(store),
      log_(log),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      temporary_(JoinPath(options_.directory, options_.name + ".tmp")) {}

SnapshotWriter::~SnapshotWriter() {
  if (is_attached_) [[maybe_unused]]
    const auto ignored = log_.Detach();
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
    const std::string header = EncodeFileHeader(
        kSnapshotMagic, {.hash_seed = store_.hash_seed(), .lsn = store_.log().appended(), .created = clock_.Now()});
    summary_.file_bytes = header.size();
    output_ = header;
  }
  // From here on every group goes into the file; a group that a block holds already is left out when it is read.
  log_.Attach(this);
  is_attached_ = true;
  return {};
}

double SnapshotWriter::progress() const {
  return static_cast<double>(std::min(next_partition_.load(std::memory_order_relaxed), kPartitions)) / kPartitions;
}

// --- blocks ---------------------------------------------------------------------------------------------------------

uint64_t SnapshotWriter::StretchEnd(const Partition& partition, uint64_t at) {
  uint64_t end = kPartitionEnd;
  for (const auto& table : partition.tables) {
    if (table == nullptr) continue;
    const Table::Stretch stretch = table->StretchAt(static_cast<uint32_t>(at));
    // Hashes are spread evenly: an equal part of the stretch holds about an equal part of its keys.
    const uint64_t width = (uint64_t{1} << 32) >> stretch.segment->depth();
    const uint64_t part = std::max<uint64_t>(width / std::bit_ceil(stretch.segment->size() / kKeysAtOnce + 1), 1);
    end = std::min(end, at / part * part + part);
  }
  return end;
}

uint64_t SnapshotWriter::CopyStretch(size_t partition_index, uint64_t at, std::string* raw, uint32_t* keys) {
  Partition& partition = store_.partition(partition_index);
  std::vector<const Entry*> entries;
  const auto gather = [&](DbIndex db, uint64_t end) REQUIRES(partition.mutex) {
    partition.tables[db]->StretchAt(static_cast<uint32_t>(at)).segment->ForEach([&](const Slot& slot) {
      if (slot.local_position() >= at && slot.local_position() < end) entries.push_back(slot.entry());
    });
  };
  {
    // First only bring the entries near, so that the lock is held for a few microseconds when they are copied.
    MutexLock lock(partition.mutex);
    const uint64_t end = StretchEnd(partition, at);
    for (DbIndex db = 0; db < partition.tables.size(); ++db) {
      if (partition.tables[db] != nullptr) gather(db, end);
    }
  }
  for (const Entry* entry : entries) {  // which may be gone by now: a prefetch of whatever address does no harm
    __builtin_prefetch(entry);
    __builtin_prefetch(reinterpret_cast<const char*>(entry) + 64);
  }
  MutexLock lock(partition.mutex);
  const uint64_t end = StretchEnd(partition, at);
  const uint64_t base = static_cast<uint64_t>(partition_index) << 32;
  EncodeRun(raw, {.first = base + at, .end = base + end, .lsn = store_.log().appended()});
  for (DbIndex db = 0; db < partition.tables.size(); ++db) {
    if (partition.tables[db] == nullptr) continue;
    entries.clear();
    gather(db, end);
    if (entries.empty()) continue;
    PutVarint(raw, uint64_t{db} + 1);
    PutVarint(raw, entries.size());
    for (const Entry* entry : entries) EncodeEntry(raw, *entry);
    *keys += static_cast<uint32_t>(entries.size());
  }
  PutVarint(raw, 0);
  return end;
}

bool SnapshotWriter::Step(Worker& worker) {
  if (has_failed_.load(std::memory_order_relaxed)) return false;
  worker.raw.clear();
  uint32_t keys = 0;
  while (worker.raw.size() < kBlockBytes) {
    if (worker.at == kPartitionEnd) {
      worker.partition = next_partition_.fetch_add(1);
      if (worker.partition >= kPartitions) break;
      worker.at = 0;
    }
    worker.at = CopyStretch(worker.partition, worker.at, &worker.raw, &keys);
  }
  if (worker.raw.empty()) return false;
  if (Status written = WriteBlock(worker, keys); !written) NoteFailure(written.error());
  if (worker.raw.capacity() > 8 * kBlockBytes) {
    std::string().swap(worker.raw);
    std::string().swap(worker.compressed);
  }
  return true;
}

Status SnapshotWriter::WriteBlock(Worker& worker, uint32_t keys) {
  Section section{.kind = SectionKind::kBlock, .keys = keys, .raw_bytes = worker.raw.size()};
  std::string_view body = worker.raw;
  if (worker.compressor.Compress(worker.raw, &worker.compressed)) {
    section.codec = Codec::kZstd;
    body = worker.compressed;
  }
  section.body_checksum = Checksum(body);
  MutexLock lock(mutex_);
  summary_.keys += keys;
  summary_.raw_bytes += worker.raw.size();
  return WriteSection(section, body);
}

Status SnapshotWriter::WriteSection(Section section, std::string_view body) {
  section.number = sections_++;
  section.stored_bytes = body.size();
  const std::string head = EncodeSection(section);
  summary_.file_bytes += head.size() + body.size();
  output_.append(head);
  output_.append(body);
  return output_.size() < kOutputBytes ? Status() : WriteOutput();
}

Status SnapshotWriter::WriteOutput() {
  Status written = file_->Append(output_);
  output_.clear();
  if (output_.capacity() > 4 * kOutputBytes) output_.shrink_to_fit();
  return written;
}

Status SnapshotWriter::Write(std::string_view frame) {
  MutexLock lock(mutex_);
  return WriteSection({.kind = SectionKind::kFrame, .raw_bytes = frame.size(), .body_checksum = Checksum(frame)},
                      frame);
}

void SnapshotWriter::NoteFailure(const Error& error) {
  has_failed_.store(true, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  if (status_) status_ = tl::unexpected(error);
}

// --- the end --------------------------------------------------------------------------------------------------------

Result<SnapshotSummary> SnapshotWriter::Finish() {
  const Result<Lsn> last = log_.Detach();
  is_attached_ = false;
  if (!last) return tl::unexpected(last.error());
  MutexLock lock(mutex_);
  if (!status_) return tl::unexpected(status_.error());
  summary_.last = *last;
  const std::string body = EncodeEnd({.last = summary_.last, .keys = summary_.keys, .raw_bytes = summary_.raw_bytes});
  Status done =
      WriteSection({.kind = SectionKind::kEnd, .raw_bytes = body.size(), .body_checksum = Checksum(body)}, body);
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
  if (!options_.name_of_previous.empty() && files_.Exists(path)) {
    Status kept = files_.Rename(path, JoinPath(options_.directory, options_.name_of_previous));
    if (!kept) return kept;
  }
  if (Status renamed = files_.Rename(temporary_, path); !renamed) return renamed;
  return files_.SyncDirectory(options_.directory);
}

}  // namespace ringkv::storage
