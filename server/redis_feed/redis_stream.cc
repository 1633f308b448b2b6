// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_stream.h"

#include <algorithm>
#include <utility>

#include "server/redis_feed/padding.h"
#include "storage/log/log_reader.h"

namespace ringkv::server {
namespace {

using storage::Backlog;
using storage::Fail;
using storage::Lsn;
using storage::MutexLock;
using storage::Result;
using storage::Status;

constexpr size_t kReadAtOnce = 256 * 1024;
constexpr int kMostReads = 16;  // at once
constexpr size_t kMostMarks = 64 * 1024;
constexpr size_t kMostSyncs = 64;
constexpr size_t kMostPublishedBytes = 64 << 20;

}  // namespace

RedisStream::RedisStream(std::string id, Lsn begun, int64_t offset, std::unique_ptr<storage::LogTail> tail,
                         storage::BufferMemory& buffers)
    : id_(std::move(id)),
      tail_(std::move(tail)),
      window_(offset),
      last_(begun),
      marks_{{offset, begun}},
      memory_(buffers),
      published_memory_(buffers) {}

// --- what comes in --------------------------------------------------------------------------------------------------

Result<bool> RedisStream::Advance(const Upkeep& upkeep) {
  MutexLock lock(mutex_);
  if (has_ended_) return Fail("its stream has ended");
  const Result<bool> has_more = ReadLog();
  if (!has_more) {
    has_ended_ = true;
    return has_more;
  }
  TakePublished();
  if (const Lsn wanted = wanted_ack_.load(); wanted > asked_ack_ && wanted <= last_) {
    encoder_.Command({"REPLCONF", "GETACK", "*"});
    asked_ack_ = last_;
  }
  if (readers_.empty()) last_ping_ms_ = upkeep.now_ms;
  if (upkeep.now_ms - last_ping_ms_ >= upkeep.ping_every_ms) {
    bytes_ += kPing;
    last_ping_ms_ = upkeep.now_ms;
  }
  Flush();
  Trim(upkeep.backlog_bytes);
  return has_more;
}

// Writers may be faster than this: what waits for replicas has to be looked at in between.
Result<bool> RedisStream::ReadLog() {
  for (int i = 0; i < kMostReads; ++i) {
    const Backlog::ReadResult found = tail_->Read(kReadAtOnce, &frames_);
    if (found == Backlog::ReadResult::kNothingYet) return false;
    if (found == Backlog::ReadResult::kGone) {
      return Fail("LSN " + std::to_string(last_ + 1) + " is neither in the backlog nor in the log (repl-backlog-size)");
    }
    if (Status taken = TakeFrames(); !taken) return tl::unexpected(taken.error());
  }
  return true;
}

Status RedisStream::TakeFrames() {
  for (const auto& frame : frames_) {
    if (!EncodeFrame(*frame)) return Fail("a frame of the log is damaged");
  }
  Flush();
  return {};
}

bool RedisStream::EncodeFrame(std::string_view bytes) {
  storage::LogFrame frame;
  if (!storage::DecodeFrame(bytes, &frame) || frame.first > last_ + 1) return false;
  return storage::ForEachGroup(frame, [&](Lsn lsn, std::string_view effects) {
    mutex_.AssertHeld();
    if (lsn <= last_) return true;
    last_ = lsn;
    return EncodeGroup(effects);
  });
}

bool RedisStream::EncodeGroup(std::string_view effects) {
  group_.clear();
  storage::ByteReader reader(effects);
  while (!reader.AtEnd()) {
    group_.push_back(storage::DecodeEffect(&reader));
    if (!reader.ok()) return false;
  }
  encoder_.Group(group_);
  return true;
}

void RedisStream::Flush() {
  if (bytes_.empty()) return;
  window_.Append(bytes_);
  bytes_.clear();
  if (bytes_.capacity() > 4 * kReadAtOnce) bytes_.shrink_to_fit();
  marks_.push_back({window_.last(), last_});
  if (marks_.size() > kMostMarks) marks_.pop_front();
  CountMemory();
}

void RedisStream::CountMemory() {
  size_t bytes = window_.MemoryBytes() + marks_.size() * sizeof(Mark);
  for (const auto& [number, messages] : messages_) bytes += messages.capacity();
  memory_.Set(bytes);
}

void RedisStream::Trim(size_t backlog_bytes) {
  int64_t needed = window_.last() + 1;
  for (const Reader* reader : readers_) needed = std::min(needed, reader->next);
  window_.Trim(backlog_bytes, needed);
  std::erase_if(syncs_, [&](const Sync& sync) REQUIRES(mutex_) { return sync.end < window_.first(); });
  CountMemory();
}

RedisStream::Queued RedisStream::Publish(Lsn after, bool in_shard, std::string_view channel, std::string_view message) {
  std::string command;
  storage::CommandEncoder(&command).Command({in_shard ? "SPUBLISH" : "PUBLISH", channel, message});
  return Queue(after, std::move(command));
}

RedisStream::Queued RedisStream::Queue(Lsn after, std::string command) {
  MutexLock lock(published_mutex_);
  if (published_bytes_ + command.size() > kMostPublishedBytes) return Queued::kNot;
  published_bytes_ += command.size();
  published_.push_back({after, std::move(command)});
  published_memory_.Set(published_bytes_ + published_.size() * sizeof(Published));
  return published_.size() == 1 ? Queued::kFirst : Queued::kBehindOthers;
}

void RedisStream::TakePublished() {
  MutexLock lock(published_mutex_);
  while (!published_.empty() && published_.front().after <= last_) {
    bytes_ += published_.front().command;
    for (auto& [number, messages] : messages_) messages += published_.front().command;
    published_bytes_ -= published_.front().command.size();
    published_.pop_front();
  }
  published_memory_.Set(published_bytes_ + published_.size() * sizeof(Published));
}

void RedisStream::AskForAck(Lsn lsn) {
  Lsn before = wanted_ack_.load();
  while (before < lsn && !wanted_ack_.compare_exchange_weak(before, lsn)) {
  }
}

// --- numbers --------------------------------------------------------------------------------------------------------

RedisStream::Numbers RedisStream::numbers() const {
  MutexLock lock(mutex_);
  return {window_.last(), window_.first(), window_.bytes()};
}

Lsn RedisStream::LsnAt(int64_t offset) const {
  MutexLock lock(mutex_);
  const auto behind = std::upper_bound(marks_.begin(), marks_.end(), offset,
                                       [](int64_t value, const Mark& mark) { return value < mark.offset; });
  return behind == marks_.begin() ? 0 : std::prev(behind)->lsn;
}

int64_t RedisStream::OffsetAt(Lsn lsn) const {
  MutexLock lock(mutex_);
  if (lsn >= last_) return window_.last();
  const auto behind =
      std::upper_bound(marks_.begin(), marks_.end(), lsn, [](Lsn value, const Mark& mark) { return value < mark.lsn; });
  return behind == marks_.begin() ? marks_.front().offset : std::prev(behind)->offset;
}

// --- replicas -------------------------------------------------------------------------------------------------------

RedisStream::Start RedisStream::BeginSync() {
  MutexLock lock(mutex_);
  encoder_.ForgetDatabase();  // the stream has SELECT wherever the commands of the sync have it
  messages_[++last_sync_];
  return {last_sync_, last_, window_.last()};
}

void RedisStream::TakeMessages(const Start& start, std::string* commands) {
  MutexLock lock(mutex_);
  const auto found = messages_.find(start.number);
  if (found != messages_.end()) *commands += std::exchange(found->second, {});
}

size_t RedisStream::MessageBytes(const Start& start) const {
  MutexLock lock(mutex_);
  const auto found = messages_.find(start.number);
  return found == messages_.end() ? 0 : found->second.size();
}

std::optional<int64_t> RedisStream::EndSync(const Start& start, Lsn last, int64_t sent, std::string* messages,
                                            Reader* reader) {
  MutexLock lock(mutex_);
  if (has_ended_ || !CatchUp(last)) return std::nullopt;
  auto collected = messages_.extract(start.number);
  if (!collected.empty()) messages->append(collected.mapped());
  const int64_t all_sent = sent + static_cast<int64_t>(messages->size());
  const auto missing = [&]() REQUIRES(mutex_) { return window_.last() - start.offset - all_sent; };
  Pad(PaddingBefore(missing()));
  encoder_.ForgetDatabase();
  CoverSync(start);
  reader->next = window_.last() + 1;
  readers_.push_back(reader);
  return missing();
}

// Under unbroken writes the log is always ahead: so the stream comes to the end of the sync, frame by frame.
bool RedisStream::CatchUp(Lsn last) {
  while (last_ < last) {
    if (tail_->Read(1, &frames_) != Backlog::ReadResult::kFrames || !TakeFrames()) return false;
  }
  return last_ == last;
}

void RedisStream::Pad(int64_t bytes) {
  while (bytes > 0) {
    bytes = AppendPadding(&bytes_, bytes, kPaddingAtOnce);
    Flush();
  }
}

void RedisStream::CoverSync(const Start& start) {
  if (syncs_.size() == kMostSyncs) {  // one that covers all
    Sync all{0, start.offset, 0};
    for (const Sync& sync : syncs_) all = {0, std::min(all.begin, sync.begin), std::max(all.end, sync.end)};
    syncs_ = {all};
  }
  if (window_.last() > start.offset) syncs_.push_back({start.number, start.offset, window_.last()});
}

void RedisStream::StopSync(const Start& start) {
  MutexLock lock(mutex_);
  messages_.erase(start.number);
}

void RedisStream::ForgetSync(const Start& start) {
  MutexLock lock(mutex_);
  std::erase_if(syncs_, [&](const Sync& sync) { return sync.number == start.number; });
}

bool RedisStream::Resume(int64_t next, Reader* reader) {
  MutexLock lock(mutex_);
  if (has_ended_ || next < window_.first() || next > window_.last() + 1) return false;
  const bool is_within_sync = std::any_of(syncs_.begin(), syncs_.end(),
                                          [&](const Sync& sync) { return next > sync.begin && next <= sync.end; });
  if (is_within_sync) return false;
  reader->next = next;
  readers_.push_back(reader);
  return true;
}

void RedisStream::Leave(Reader* reader) {
  MutexLock lock(mutex_);
  std::erase(readers_, reader);
}

std::shared_ptr<const std::string> RedisStream::Read(Reader* reader, size_t* offset) {
  MutexLock lock(mutex_);
  if (reader->next > window_.last()) return nullptr;
  std::shared_ptr<const std::string> block = window_.Find(reader->next, offset);
  reader->next += static_cast<int64_t>(block->size() - *offset);
  return block;
}

size_t RedisStream::Waiting(const Reader& reader) const {
  MutexLock lock(mutex_);
  return static_cast<size_t>(window_.last() + 1 - reader.next);
}

}  // namespace ringkv::server
