// SPDX-License-Identifier: MIT
#include "server/redis_feed/redis_feeds.h"

#include <algorithm>
#include <utility>

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;
using storage::Status;

void RedisFeeds::Admit(int descriptor, std::string unread, std::shared_ptr<ClientCard> card, RedisSyncRequest request) {
  Tick();  // a stream of an older history ends
  std::string history = parts_.owner.history_id();
  MutexLock lock(mutex_);
  if (stream_ == nullptr) {
    const Lsn begun = parts_.store.log().appended();
    // Offsets don't run backwards, not even from numbers of groups to numbers of bytes.
    const int64_t offset = std::max(static_cast<int64_t>(begun), last_offset_);
    stream_ = std::make_shared<RedisStream>(std::move(history), begun, offset, parts_.owner.TailFrom(begun + 1));
  }
  feeds_.push_back(
      std::make_unique<RedisFeed>(parts_, stream_, descriptor, std::move(unread), std::move(card), std::move(request)));
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

void RedisFeeds::Forget() {
  CloseAll();
  MutexLock lock(mutex_);
  if (stream_ == nullptr) return;
  last_offset_ = stream_->numbers().last;
  stream_.reset();
}

void RedisFeeds::DropStream(const std::string& why) {
  parts_.log.Notice("Redis replicas need a full sync: " + why);
  Forget();
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
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream == nullptr) return;
  if (stream->id() != parts_.owner.history_id()) return DropStream("another history has begun");
  const Status advanced = stream->Advance({.now_ms = parts_.world.clock.SteadyMs(),
                                           .ping_every_ms = parts_.options.repl_ping_replica_period * 1000,
                                           .backlog_bytes = static_cast<size_t>(parts_.options.repl_backlog_size)});
  if (!advanced) DropStream(advanced.error().text);
}

void RedisFeeds::Publish(Lsn after, bool in_shard, std::string_view channel, std::string_view message) {
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream == nullptr) return;
  if (!stream->Publish(after, in_shard, channel, message) && !has_said_dropped_.exchange(true)) {
    parts_.log.Warning("a published message is not sent to Redis replicas: 64 MB of messages wait already");
  }
  ForEach([](RedisFeed& feed) { feed.Wake(); });
}

void RedisFeeds::AskForAcks(Lsn lsn) {
  const std::shared_ptr<RedisStream> stream = this->stream();
  if (stream == nullptr) return;
  stream->AskForAck(lsn);
  ForEach([](RedisFeed& feed) { feed.Wake(); });
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
