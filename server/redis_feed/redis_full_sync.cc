// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_full_sync.h"

#include <algorithm>

#include "server/base/version.h"
#include "server/redis_feed/padding.h"

namespace ringkv::server {
namespace {

using storage::Backlog;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr size_t kChangesAtOnce = 256 * 1024;
constexpr int kMostReadsOfChanges = 16;  // at once
constexpr size_t kCommandsAtOnce = 256 * 1024;
constexpr size_t kSpoolAtOnce = 256 * 1024;
constexpr int64_t kNewlineEveryMs = 1000;  // tells the replica that the file is being made

}  // namespace

RedisFullSync::RedisFullSync(World world, RedisStream& stream, const RedisStream::Start& start,
                             std::unique_ptr<storage::LogTail> tail, storage::UnixMs now)
    : world_(std::move(world)),
      stream_(stream),
      start_(start),
      tail_(std::move(tail)),
      file_(world_.store, start.lsn, kRedisVersion, now),
      memory_(world_.store.buffers()) {}

// --- changes --------------------------------------------------------------------------------------------------------

Result<bool> RedisFullSync::ReadChanges() {
  if (has_joined()) return false;
  for (int i = 0; i < kMostReadsOfChanges; ++i) {
    const Backlog::ReadResult found = tail_->Read(kChangesAtOnce, &frames_);
    if (found == Backlog::ReadResult::kNothingYet) {
      TakeMessages();
      return false;
    }
    if (found == Backlog::ReadResult::kGone) {
      return Fail("the full sync takes too long: LSN " + std::to_string(tail_->next()) +
                  " is neither in the backlog nor in the log (repl-backlog-size)");
    }
    if (Status taken = TakeFrames(); !taken) return tl::unexpected(taken.error());
  }
  return true;  // the messages come behind changes that are still to be read
}

Status RedisFullSync::TakeFrames() {
  for (const auto& frame : frames_) {
    if (commands_.empty() || commands_.back().size() >= kCommandsAtOnce) commands_.emplace_back();
    const size_t before = commands_.back().size();
    const size_t capacity_before = commands_.back().capacity();
    if (!file_.TakeFrame(*frame, &commands_.back())) return Fail("a frame of the log is damaged");
    NoteCommands(commands_.back().size() - before, commands_.back().capacity() - capacity_before);
  }
  return {};
}

void RedisFullSync::TakeMessages() {
  std::string messages;
  stream_.TakeMessages(start_, &messages);
  if (messages.empty()) return;
  NoteCommands(messages.size(), messages.capacity());
  commands_.push_back(std::move(messages));
}

void RedisFullSync::NoteCommands(size_t bytes, size_t memory) {
  command_bytes_ += bytes;
  command_memory_ += memory;
  all_command_bytes_ += static_cast<int64_t>(bytes);
  memory_.Set(command_memory_);
}

bool RedisFullSync::NextCommands(std::string* out) {
  if (!commands_.empty()) {
    command_bytes_ -= commands_.front().size();
    command_memory_ -= std::min(command_memory_, commands_.front().capacity());
    *out += commands_.front();
    commands_.pop_front();
    memory_.Set(command_memory_);
    return true;
  }
  if (padding_bytes_ == 0) return false;
  padding_bytes_ = AppendPadding(out, padding_bytes_, kPaddingAtOnce);
  return true;
}

// --- the file -------------------------------------------------------------------------------------------------------

Status RedisFullSync::NextOfFile(int64_t now_ms, RedisStream::Reader* reader, std::string* out, bool* has_copied) {
  if (!has_said_head_ && !is_spooled()) *out += "$EOF:" + world_.end_mark + "\r\n";
  has_said_head_ = true;
  if (phase_ == Phase::kMaking) {
    if (Status made = MakePart(now_ms, out, has_copied); !made) return made;
  }
  if (phase_ == Phase::kJoining) {
    *has_copied = true;  // the stream may be ahead once more
    if (Status joined = Join(reader); !joined || !has_joined()) return joined;
    if (is_spooled()) {
      *out += "$" + std::to_string(spooled_bytes_) + "\r\n";
    } else {
      *out += part_ + world_.end_mark;
    }
    part_.clear();
    return {};
  }
  return phase_ == Phase::kReadingSpool ? ReadSpool(out) : Status();
}

Status RedisFullSync::MakePart(int64_t now_ms, std::string* out, bool* has_copied) {
  if (is_spooled() && now_ms - last_newline_ms_ >= kNewlineEveryMs) {
    last_newline_ms_ = now_ms;
    *out += "\n";
  }
  if (is_spooled() && spool_ == nullptr) {
    storage::Result<std::unique_ptr<storage::File>> opened =
        world_.files.Open(world_.spool_path, storage::OpenMode::kReplace);
    if (!opened) return tl::unexpected(opened.error());
    spool_ = std::move(*opened);
    // Without a name the file is gone when it is closed, even after a crash.
    if (Status removed = world_.files.Remove(world_.spool_path); !removed) return removed;
  }
  const storage::RdbSync::Step step = file_.NextPart(&part_);
  awaited_ = step == storage::RdbSync::Step::kWaits ? file_.awaited() : 0;
  *has_copied = step != storage::RdbSync::Step::kWaits;
  if (step == storage::RdbSync::Step::kEnd) phase_ = Phase::kJoining;
  if (is_spooled()) {
    spooled_bytes_ += part_.size();
    if (Status written = spool_->Append(part_); !written) return written;
    part_.clear();
  } else if (step != storage::RdbSync::Step::kEnd) {  // the end is sent when it is known how to go on
    *out += part_;
    part_.clear();
  }
  return {};
}

Status RedisFullSync::Join(RedisStream::Reader* reader) {
  const Result<bool> has_more = ReadChanges();  // so that the stream is not ahead
  if (!has_more) return tl::unexpected(has_more.error());
  if (*has_more) return {};
  std::string messages;
  const std::optional<int64_t> padding = stream_.EndSync(start_, file_.last(), all_command_bytes_, &messages, reader);
  if (!padding) return {};
  NoteCommands(messages.size(), messages.capacity());
  if (!messages.empty()) commands_.push_back(std::move(messages));
  padding_bytes_ = *padding;
  end_ = start_.offset + all_command_bytes_ + *padding;
  phase_ = is_spooled() ? Phase::kReadingSpool : Phase::kDone;
  return {};
}

Status RedisFullSync::ReadSpool(std::string* out) {
  const size_t before = out->size();
  out->resize(before + kSpoolAtOnce);
  const storage::Result<size_t> got = spool_->ReadAt(read_bytes_, out->data() + before, kSpoolAtOnce);
  if (!got) return tl::unexpected(got.error());
  out->resize(before + *got);
  read_bytes_ += *got;
  if (*got == 0) return Fail("the spooled file has become shorter");
  if (read_bytes_ < spooled_bytes_) return {};
  phase_ = Phase::kDone;
  spool_.reset();
  return {};
}

}  // namespace ringkv::server
