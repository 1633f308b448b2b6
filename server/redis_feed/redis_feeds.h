// SPDX-License-Identifier: MIT
// The Redis replicas of this server, and the stream that they read.
//
// The stream begins with the first replica and goes on without one, as long as the log is kept for replicas. All
// replicas here read this stream: they end with it.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis_feed/redis_feed.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class RedisFeeds {
 public:
  explicit RedisFeeds(const RedisFeedParts& parts) : parts_(parts) {}

  // Takes ownership of the connection. The log must be kept for replicas by now.
  void Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
             RedisSyncRequest request);
  void Close(uint64_t client_id);
  void CloseAll();
  // Ends this stream if it is still the one: the log is not kept for replicas any more.
  void Forget(const std::shared_ptr<RedisStream>& stream);
  // Call several times a second.
  void Tick();

  void Publish(storage::Lsn after, bool in_shard, std::string_view channel, std::string_view message);
  // A command that changes nothing here.
  void Send(storage::Lsn after, std::span<const std::string_view> argv);
  // Replicas shall acknowledge the group as soon as they have it.
  void AskForAcks(storage::Lsn lsn);

  // `visit(feed)` of those that have not ended.
  template <typename Visitor>
  void ForEach(Visitor&& visit) {
    storage::MutexLock lock(mutex_);
    for (const auto& feed : feeds_) {
      if (!feed->has_ended()) visit(*feed);
    }
  }
  size_t size();
  // Null without one.
  std::shared_ptr<RedisStream> stream();

 private:
  std::vector<std::unique_ptr<RedisFeed>> TakeFeeds();
  void NoteQueued(RedisStream::Queued queued);
  void DropStream(const std::shared_ptr<RedisStream>& stream, const std::string& why);
  void WakeAll();

  const RedisFeedParts parts_;
  std::atomic<size_t> left_out_{0};  // messages, since it was logged
  storage::Mutex mutex_;
  std::shared_ptr<RedisStream> stream_ GUARDED_BY(mutex_);
  std::string history_ GUARDED_BY(mutex_);      // of the stream
  int64_t last_offset_ GUARDED_BY(mutex_) = 0;  // of streams before
  std::vector<std::unique_ptr<RedisFeed>> feeds_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
