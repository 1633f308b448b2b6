// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_feeds.h"

#include <algorithm>
#include <utility>

#include "resp/request_writer.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

void RedisFeeds::Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                       RedisSyncRequest request) {
  Tick();  // a stream of an older history ends
  std::string history = parts_.owner.history_id();
  MutexLock lock(mutex_);
  if (stream_ == nullptr) {
    const Lsn begun = parts_.store.log().appended();
    // Offsets don't run backwards, not even from numbers of groups to numbers of bytes.
    const int64_t offset = std::max(static_cast<int64_t>(begun), last_offset_);
    history_ = std::move(history);
    // Other nodes number the bytes of the same history otherwise, and so did this one before a gap.
    stream_ = std::make_shared<RedisStream>(parts_.world.chance.UniqueDigits(), begun, offset,
                                            parts_.owner.TailFrom(begun + 1), parts_.store.buffers());
  }
  feeds_.push_back(std::make_unique<RedisFeed>(parts_, stream_, std::move(channel), std::move(unread), std::move(card),
                                               std::move(request)));
  feeds_.back()->Start();
}

void RedisFeeds::Close(uint64_t client_id) {
  ForEach([&](RedisFeed& feed) {
    if (feed.card().id == client_id) feed.Interrupt();
  });
}

std::vector<std::unique_ptr<RedisFeed>> RedisFeeds::TakeFeeds() {
  MutexLock lock(mutex_);
  return std::exchange(feeds_, {});
}

void RedisFeeds::CloseAll() { TakeFeeds().clear(); }

void RedisFeeds::Forget(const std::shared_ptr<RedisStream>& stream) {
  std::vector<std::unique_ptr<RedisFeed>> ended;  // without the lock, since a feed's end takes a while
  MutexLock lock(mutex_);
  if (stream == nullptr || stream_ != stream) return;
  last_offset_ = stream->numbers().last;
  stream_.reset();
  ended.swap(feeds_);
}

void RedisFeeds::DropStream(const std::shared_ptr<RedisStream>& stream, const std::string& why) {
  parts_.log.Notice("Redis replicas need a full sync: " + why);
  Forget(stream);
}

void RedisFeeds::Tick() {
  std::vector<std::unique_ptr<RedisFeed>> ended;
  {
    MutexLock lock(mutex_);
    const auto first_ended =
        std::partition(feeds_.begin(), feeds_.end(), [](const auto& feed) { return !feed->has_ended(); });
    std::move(first_ended, feeds_.end(), std::back_inserter(ended));
    feeds_.erase(first_ended, feeds_.end());
  }
  if (const size_t left_out = left_out_.exchange(0); left_out > 0) {
    parts_.log.Warning(std::to_string(left_out) +
                       " published messages are not sent to Redis replicas: 64 MB of messages wait already");
  }
  std::shared_ptr<RedisStream> stream;
  std::string history;
  {
    MutexLock lock(mutex_);
    stream = stream_;
    history = history_;
  }
  if (stream == nullptr) return;
  if (history != parts_.owner.history_id()) return DropStream(stream, "another history has begun");
  const storage::Result<bool> advanced =
      stream->Advance({.now_ms = parts_.world.clock.SteadyMs(),
                       .ping_every_ms = parts_.options.repl_ping_replica_period * 1000,
                       .backlog_bytes = static_cast<size_t>(parts_.options.repl_backlog_size)});
  if (!advanced) DropStream(stream, advanced.error().text);
}

void RedisFeeds::Publish(Lsn after, bool in_shard, std::string_view channel, std::string_view message) {
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream != nullptr) NoteQueued(stream->Publish(after, in_shard, channel, message));
}

void RedisFeeds::Send(Lsn after, std::span<const std::string_view> argv) {
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream != nullptr) NoteQueued(stream->Queue(after, resp::EncodeRequest(argv)));
}

void RedisFeeds::NoteQueued(RedisStream::Queued queued) {
  if (queued == RedisStream::Queued::kNot) ++left_out_;
  if (queued == RedisStream::Queued::kFirst) WakeAll();
}

void RedisFeeds::WakeAll() {
  ForEach([](RedisFeed& feed) { feed.Wake(); });
}

void RedisFeeds::AskForAcks(Lsn lsn) {
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream == nullptr) return;
  stream->AskForAck(lsn);
  WakeAll();
}

size_t RedisFeeds::size() {
  size_t count = 0;
  ForEach([&](RedisFeed&) { ++count; });
  return count;
}

std::shared_ptr<RedisStream> RedisFeeds::stream() {
  MutexLock lock(mutex_);
  return stream_;
}

}  // namespace ringkv::server
