// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_replica.h"

#include <algorithm>
#include <array>
#include <optional>

#include "resp/integer_text.h"
#include "server/base/text.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;
using storage::Status;

constexpr size_t kLongestRequest = 4096;
constexpr std::array<std::string_view, 2> kAck = {"REPLCONF", "ACK"};  // then the offset

}  // namespace

RedisReplica::RedisReplica(std::shared_ptr<RedisStream> stream, RedisSyncRequest request)
    : stream_(std::move(stream)), request_(std::move(request)) {}

RedisReplica::~RedisReplica() { stream_->Leave(&reader_); }

// --- the beginning --------------------------------------------------------------------------------------------------

bool RedisReplica::Continue(int64_t now_ms) {
  if (request_.history != stream_->id() || !stream_->Resume(request_.next, &reader_)) return false;
  own_ = "+CONTINUE" + (request_.takes_new_history ? " " + stream_->id() : "") + "\r\n";
  left_ = own_;
  acknowledged_ = request_.next - 1;
  acknowledged_lsn_ = stream_->LsnAt(acknowledged_);
  BeOnline(now_ms);
  return true;
}

void RedisReplica::BeginFullSync(RedisFullSync::World world,
                                 const std::function<std::unique_ptr<storage::LogTail>(storage::Lsn)>& tail_behind,
                                 storage::UnixMs now, int64_t now_ms) {
  const RedisStream::Start start = stream_->BeginSync();
  if (!request_.takes_end_mark) world.end_mark.clear();
  sync_ = std::make_unique<RedisFullSync>(std::move(world), *stream_, start, tail_behind(start.lsn), now);
  if (request_.acknowledges) own_ = "+FULLRESYNC " + stream_->id() + " " + std::to_string(start.offset) + "\r\n";
  left_ = own_;
  last_progress_ms_ = last_ack_ms_ = now_ms;
}

void RedisReplica::BeOnline(int64_t now_ms) {
  state_ = State::kOnline;
  last_ack_ms_ = last_progress_ms_ = now_ms;
}

// --- what goes out --------------------------------------------------------------------------------------------------

Result<RedisReplica::Next> RedisReplica::Step(int64_t now_ms, const Settings& settings) {
  const Result<bool> has_more =
      stream_->Advance({now_ms, settings.ping_every_ms, static_cast<size_t>(settings.backlog_bytes)});
  if (!has_more) return tl::unexpected(has_more.error());
  const Result<bool> sync_has_more = sync_ == nullptr ? Result<bool>(false) : sync_->ReadChanges();
  if (!sync_has_more) return tl::unexpected(sync_has_more.error());
  if (Status within = CheckLimits(now_ms, settings); !within) return tl::unexpected(within.error());
  bool has_copied = false;
  if (left_.empty()) {
    if (Status filled = Refill(now_ms, &has_copied); !filled) return tl::unexpected(filled.error());
  }
  if (has_copied) return Next::kCopied;
  return *has_more || *sync_has_more ? Next::kAgain : Next::kWait;
}

Status RedisReplica::Refill(int64_t now_ms, bool* has_copied) {
  own_.clear();
  block_.reset();
  if (state_ == State::kSendingFile) {
    if (Status made = sync_->NextOfFile(now_ms, &reader_, &own_, has_copied); !made) return made;
    left_ = own_;
    return {};
  }
  if (state_ == State::kOnline) RefillOnline();
  return {};
}

void RedisReplica::RefillOnline() {
  if (sync_ != nullptr && sync_->NextCommands(&own_)) {
    left_ = own_;
    return;
  }
  if (own_.capacity() > kLongestRequest) std::string().swap(own_);
  size_t offset = 0;
  block_ = stream_->Read(&reader_, &offset);
  if (block_ != nullptr) left_ = std::string_view(*block_).substr(offset);
}

void RedisReplica::Sent(size_t bytes, int64_t now_ms) {
  left_.remove_prefix(bytes);
  last_progress_ms_ = now_ms;
  if (!left_.empty() || state_ != State::kSendingFile || !sync_->is_file_made()) return;
  state_ = State::kAwaitingLoad;
  last_ack_ms_ = now_ms;
  if (!request_.acknowledges) stream_->ForgetSync(sync_->start());
  // Behind a file of a known length commands may follow at once.
  if (!request_.takes_end_mark) BeOnline(now_ms);
}

size_t RedisReplica::waiting_bytes() const {
  const bool reads_stream = sync_ == nullptr || sync_->has_joined();
  return left_.size() + (sync_ == nullptr ? 0 : sync_->waiting_bytes()) +
         (reads_stream ? stream_->Waiting(reader_) : 0);
}

Status RedisReplica::CheckLimits(int64_t now_ms, const Settings& settings) {
  OutputLimit limit;
  limit.soft_bytes = static_cast<int64_t>(settings.output.soft_bytes);
  limit.soft_seconds = static_cast<int64_t>(settings.output.soft_seconds);
  const int64_t hard = settings.output.hard_bytes;
  // As in Redis: what the backlog keeps anyway is no reason to end a link.
  limit.hard_bytes = hard == 0 ? 0 : std::max(hard, settings.backlog_bytes);
  if (watch_.Exceeds(limit, waiting_bytes(), now_ms)) {
    return Fail("commands that it has not read exceed client-output-buffer-limit (of replica)");
  }
  if (!left_.empty() && now_ms - last_progress_ms_ > settings.timeout_ms) {
    return Fail("it has read nothing for " + std::to_string(settings.timeout_ms / 1000) + " s (repl-timeout)");
  }
  if (left_.empty()) last_progress_ms_ = now_ms;
  const bool is_to_acknowledge = state_ != State::kSendingFile && request_.acknowledges;
  if (is_to_acknowledge && now_ms - last_ack_ms_ > settings.timeout_ms) {
    return Fail("it has acknowledged nothing for " + std::to_string(settings.timeout_ms / 1000) + " s (repl-timeout)");
  }
  return {};
}

// --- what comes in --------------------------------------------------------------------------------------------------

Status RedisReplica::Take(std::string_view bytes, int64_t now_ms) {
  received_ += bytes;
  size_t used = 0;
  for (;;) {
    const resp::ParseStatus status = parser_.Parse(std::string_view(received_).substr(used), {}, true);
    if (status == resp::ParseStatus::kError) return Fail("it sent no command: " + parser_.error());
    if (status == resp::ParseStatus::kNeedMore) break;
    if (status == resp::ParseStatus::kRequest) {
      if (Status obeyed = Obey(parser_.arguments(), now_ms); !obeyed) return obeyed;
    } else {
      last_ack_ms_ = now_ms;  // a newline, while it loads the file
    }
    used += parser_.consumed();
  }
  received_.erase(0, used);
  parser_.Restart();
  if (received_.size() > kLongestRequest) return Fail("it sent a command of more than 4096 bytes");
  return {};
}

Status RedisReplica::Obey(std::span<const std::string_view> argv, int64_t now_ms) {
  const bool is_ack =
      argv.size() > kAck.size() && std::equal(kAck.begin(), kAck.end(), argv.begin(), EqualsIgnoringCase);
  const std::optional<int64_t> offset = is_ack ? resp::ParseInteger(argv[2]) : std::nullopt;
  if (!offset) return Fail("it sent a command that is no acknowledgement");
  last_ack_ms_ = now_ms;
  if (state_ == State::kSendingFile) return {};
  if (state_ == State::kAwaitingLoad) BeOnline(now_ms);
  if (*offset <= acknowledged_) return {};
  acknowledged_ = *offset;
  if (sync_ != nullptr) {
    // Within the commands of the sync it has other bytes than the stream.
    if (*offset < sync_->end()) return {};
    stream_->ForgetSync(sync_->start());
    sync_.reset();
  }
  acknowledged_lsn_ = std::max(acknowledged_lsn_, stream_->LsnAt(*offset));
  return {};
}

}  // namespace ringkv::server
