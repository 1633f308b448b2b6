// SPDX-License-Identifier: MIT
#include "storage/log/log_writer.h"

#include <algorithm>

#include "storage/base/check.h"
#include "storage/log/log_files.h"

namespace ringkv::storage {
namespace {

// So much is kept in memory for a second writing at most (and one batch more).
constexpr size_t kMostUnsynced = 16 << 20;
constexpr int64_t kSyncEvery = 900;  // ms; with the writer's naps of 100 ms: each second
constexpr uint64_t kReserveBytes = 1 << 20;
constexpr int64_t kHealEvery = 1000;  // ms
// So much memory is kept for the next frames while there is no file.
constexpr size_t kKeptWithoutFile = 2 << 20;

}  // namespace

Status OvertakenByUnrecorded() {
  return ringkv::storage::Fail("changes were made meanwhile that no log holds", ErrorKind::kOvertaken);
}

LogWriter::LogWriter(LogBuffer& buffer, FileSystem& files, const Clock& clock, LogWriterOptions options)
    : buffer_(buffer), files_(files), clock_(clock), options_(std::move(options)), hash_seed_(options_.hash_seed) {}

void LogWriter::SetPolicy(SyncPolicy policy) {
  policy_.store(policy, std::memory_order_relaxed);
  Announce();
}

Status LogWriter::Open(Lsn first, std::string_view frames) {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  if (file_ != nullptr) return {};
  buffer_.BeginRecording();  // what comes from now on waits in the buffer
  TakeFrame();
  RINGKV_CHECK(unsynced_.empty());
  Status begun = BeginFile(frames.empty() ? last_framed_ + 1 : first, frames);
  if (begun) {
    durable_.store(last_framed_);
    is_open_.store(true, std::memory_order_relaxed);
  } else {
    EndRecordingIfUnused();
  }
  return begun;
}

void LogWriter::BeginHeld() {
  MutexLock lock(mutex_);
  RINGKV_CHECK(file_ == nullptr && !is_holding_);
  buffer_.BeginRecording();
  TakeFrame();
  first_held_ = last_framed_ + 1;
  has_hole_ = false;
  is_holding_ = true;
}

Status LogWriter::OpenHeld() {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  RINGKV_CHECK(is_holding_);
  TakeFrame();
  is_holding_ = false;
  Status begun = has_hole_ ? OvertakenByUnrecorded() : BeginFile(first_held_, unsynced_);
  if (begun) {
    bytes_written_.fetch_add(unsynced_.size(), std::memory_order_relaxed);
    durable_.store(last_framed_);
    is_open_.store(true, std::memory_order_relaxed);
  } else {
    // The file may exist nevertheless, without a continuation.
    [[maybe_unused]] const Status removed = files_.Remove(JoinPath(options_.directory, NameOfLogFile(first_held_)));
    EndRecordingIfUnused();
  }
  ForgetFrames();
  return begun;
}

void LogWriter::DropHeld() {
  MutexLock lock(mutex_);
  is_holding_ = false;
  ForgetFrames();
  EndRecordingIfUnused();
}

void LogWriter::ForgetFrames() {
  unsynced_.clear();
  const size_t kept = is_open() ? 2 * kMostUnsynced : kKeptWithoutFile;
  if (unsynced_.capacity() > kept) buffer_.FreeRoom(&unsynced_);
  written_ = 0;
}

void LogWriter::EndRecordingIfUnused() {
  if (!is_open() && !is_holding_ && sinks_.empty()) buffer_.EndRecording();
}

void LogWriter::StartAnew(uint64_t hash_seed, Lsn last) {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  RINGKV_CHECK(file_ == nullptr);
  TakeFrame();
  hash_seed_ = hash_seed;
  buffer_.StartBehind(last);
  last_framed_ = last;
  durable_.store(last);
}

Status LogWriter::NumberUnrecorded() {
  MutexLock lock(mutex_);
  Status flushed = FlushFile();
  CloseFile();
  TakeFrame();
  buffer_.NumberUnrecorded();
  last_framed_ = buffer_.appended();
  has_hole_ = true;
  for (Sink& sink : sinks_) {
    if (sink.status) sink.status = sink.to->Skipped(last_framed_);
  }
  return flushed;
}

void LogWriter::Announce() {
  // Of two threads at once, one finds each change. Plain loads spare the usual case the writes.
  const auto changes = [](auto& announced, auto now) {
    return announced.load() != now && announced.exchange(now) != now;
  };
  bool may_release = changes(announced_.durable, durable());
  may_release = changes(announced_.is_open, is_open()) || may_release;
  may_release = changes(announced_.policy, policy()) || may_release;
  if (may_release && on_durable_) on_durable_();
  if (changes(announced_.has_failed, has_failed()) && on_health_) on_health_();
}

Status LogWriter::Close() {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  Status flushed = FlushFile();
  // Nothing depends on it: a reader takes zeros for the end too.
  if (file_ != nullptr && flushed) {
    [[maybe_unused]] const Status cut = file_->Truncate(file_bytes_);
  }
  CloseFile();
  return flushed;
}

void LogWriter::CloseFile() {
  if (file_ == nullptr) return;
  file_.reset();
  ForgetFrames();
  is_open_.store(false, std::memory_order_relaxed);
  has_failed_.store(false, std::memory_order_relaxed);
  failure_.clear();
  EndRecordingIfUnused();
}

Status LogWriter::BeginFile(Lsn first, std::string_view frames) {
  if (Status made = files_.MakeDirectory(options_.directory); !made) return made;
  // Small appends, each synced, are the system's cache's strength.
  const OpenMode mode = policy() == SyncPolicy::kAlways ? OpenMode::kReplace : OpenMode::kReplaceUncached;
  std::string bytes = EncodeFileHeader(kLogMagic, {.hash_seed = hash_seed_, .lsn = first, .created = clock_.Now()});
  bytes.append(frames);
  Result<std::unique_ptr<File>> file = PlaceFile(files_, options_.directory, NameOfLogFile(first), bytes, mode);
  if (!file) return tl::unexpected(file.error());
  file_ = std::move(*file);
  file_bytes_ = bytes.size();
  reserved_bytes_ = 0;
  last_sync_ = clock_.SteadyMs();
  return {};
}

// --- sinks ----------------------------------------------------------------------------------------------------------

void LogWriter::Attach(FrameSink* sink) {
  MutexLock lock(mutex_);
  buffer_.BeginRecording();
  TakeFrame();
  sink->Attached(last_framed_);
  sinks_.push_back({sink, {}});
}

Result<Lsn> LogWriter::Detach(FrameSink* sink) {
  MutexLock lock(mutex_);
  TakeFrame();
  const auto found = std::find_if(sinks_.begin(), sinks_.end(), [&](const Sink& each) { return each.to == sink; });
  RINGKV_CHECK(found != sinks_.end());
  const Status status = found->status;
  sinks_.erase(found);
  EndRecordingIfUnused();
  if (!status) return tl::unexpected(status.error());
  return last_framed_;
}

// --- passes ---------------------------------------------------------------------------------------------------------

void LogWriter::TakeFrame() {
  const bool has_taken = buffer_.Take(&batch_);
  last_framed_ = batch_.first + batch_.groups - 1;
  if (!has_taken || (!is_open() && !is_holding_ && sinks_.empty())) return;
  LogFrame frame{.first = batch_.first,
                 .groups = batch_.groups,
                 .durable = std::min(durable_.load(std::memory_order_relaxed), batch_.first - 1),
                 .time = clock_.Now(),
                 .body = batch_.bytes};
  const size_t start = unsynced_.size();
  buffer_.MakeRoom(&unsynced_, kFrameHeaderBytes + frame.body.size());
  EncodeFrame(&unsynced_, frame);
  for (Sink& sink : sinks_) {
    if (sink.status) sink.status = sink.to->Write(frame, std::string_view(unsynced_).substr(start));
  }
  if (!is_open() && !is_holding_) ForgetFrames();
}

Status LogWriter::SyncFile() {
  const int64_t start = clock_.SteadyMicros();
  if (Status synced = file_->Sync(); !synced) return synced;
  sync_micros_.store((sync_micros_.load(std::memory_order_relaxed) * 7 + clock_.SteadyMicros() - start) / 8);
  syncs_.fetch_add(1, std::memory_order_relaxed);
  last_sync_ = clock_.SteadyMs();
  ForgetFrames();
  durable_.store(last_framed_);
  return {};
}

Status LogWriter::WriteOut(bool sync_now) {
  if (written_ < unsynced_.size()) {
    const std::string_view rest = std::string_view(unsynced_).substr(written_);
    if (policy() == SyncPolicy::kAlways && file_bytes_ + rest.size() > reserved_bytes_) {
      reserved_bytes_ = file_bytes_ + rest.size() + kReserveBytes;
      [[maybe_unused]] const Status unneeded = file_->Reserve(reserved_bytes_);  // it only saves time
    }
    if (Status written = file_->Append(rest); !written) return written;
    file_bytes_ += rest.size();
    bytes_written_.fetch_add(rest.size(), std::memory_order_relaxed);
    written_ = unsynced_.size();
  }
  if (unsynced_.empty()) return {};
  const bool second_is_over = policy() == SyncPolicy::kEverySecond && clock_.SteadyMs() - last_sync_ >= kSyncEvery;
  const bool is_full = file_bytes_ >= options_.file_bytes;
  if (sync_now || policy() == SyncPolicy::kAlways || second_is_over || is_full || unsynced_.size() >= kMostUnsynced) {
    if (Status synced = SyncFile(); !synced) return synced;
  }
  return is_full ? BeginFile(last_framed_ + 1, {}) : Status();
}

bool LogWriter::Pass(bool sync_now) {
  if (is_holding_ && unsynced_.size() >= kMostUnsynced) return false;
  const Lsn framed_before = last_framed_;
  sync_now = is_sync_asked_.exchange(false) || sync_now;  // before the frame, which then has what the asker appended
  TakeFrame();
  if (!is_open()) return last_framed_ != framed_before;
  if (has_failed() && clock_.SteadyMs() >= next_attempt_) TryToHeal();
  if (has_failed()) return false;
  const uint64_t bytes_before = bytes_written();
  if (Status written = WriteOut(sync_now); !written) Fail(written.error());
  return last_framed_ != framed_before || bytes_written() != bytes_before;
}

bool LogWriter::Step() {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  return Pass(false);
}

Status LogWriter::FlushFile() {
  if (has_failed()) next_attempt_ = 0;
  Pass(true);
  if (has_failed()) return ringkv::storage::Fail(failure_);
  return {};
}

Status LogWriter::Flush() {
  const AnnounceAtEnd announcement(*this);
  MutexLock lock(mutex_);
  return FlushFile();
}

// --- when the disk fails --------------------------------------------------------------------------------------------

void LogWriter::Fail(const Error& error) {
  failure_ = error.text;
  has_failed_.store(true, std::memory_order_relaxed);
  next_attempt_ = clock_.SteadyMs() + kHealEvery;
}

void LogWriter::TryToHeal() {
  next_attempt_ = clock_.SteadyMs() + kHealEvery;
  if (Status begun = BeginFile(durable() + 1, unsynced_); !begun) {
    failure_ = begun.error().text;
    return;
  }
  bytes_written_.fetch_add(unsynced_.size(), std::memory_order_relaxed);
  ForgetFrames();
  durable_.store(last_framed_);
  failure_.clear();
  has_failed_.store(false, std::memory_order_relaxed);
}

std::string LogWriter::failure() {
  MutexLock lock(mutex_);
  return failure_;
}

}  // namespace ringkv::storage
