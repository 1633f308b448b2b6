// SPDX-License-Identifier: MIT
#include "server/replication/replica_feeds.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cluster/replication/acks.h"
#include "server/base/text.h"

namespace ringkv::server {

using storage::Lsn;
using storage::MutexLock;

namespace {

// The address at which the replica serves.
std::string HostOf(const ClientCard& card) {
  const std::string announced = card.replica_host.Get();
  return announced.empty() ? std::string(HostOfAddress(card.address)) : announced;
}

}  // namespace

ReplicaFeeds::ReplicaFeeds(const ReplicationParts& parts, HistoryKeeper& history, BacklogKeeper& backlog,
                           ReplicationTotals& totals, Listener& listener)
    : parts_(parts),
      history_(history),
      backlog_(backlog),
      totals_(totals),
      listener_(listener),
      redis_feeds_(
          {*this, parts.data.store(), backlog.backlog(), parts.options, parts.world, parts.log, parts.clients}) {}

// --- come and go ----------------------------------------------------------------------------------------------------

void ReplicaFeeds::Admit(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                         FeedRequest request) {
  FeedOwner& owner = *this;
  auto feed = std::make_unique<ReplicaFeed>(ReplicaFeedParts{parts_, history_, backlog_.backlog(), owner},
                                            std::move(channel), std::move(unread), std::move(card), std::move(request));
  MutexLock lock(mutex_);
  feeds_.push_back(std::move(feed));
  feeds_.back()->Start();
}

void ReplicaFeeds::AdmitRedis(transport::Channel channel, std::string unread, std::shared_ptr<ClientCard> card,
                              RedisSyncRequest request) {
  redis_feeds_.Admit(std::move(channel), std::move(unread), std::move(card), std::move(request));
}

void ReplicaFeeds::Close(uint64_t client_id) {
  redis_feeds_.Close(client_id);
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->card().id == client_id) feed->Interrupt();
  }
}

void ReplicaFeeds::CloseAll() {
  redis_feeds_.CloseAll();
  std::vector<std::unique_ptr<ReplicaFeed>> closing;  // without the lock, since a feed's end takes a while
  MutexLock lock(mutex_);
  closing.swap(feeds_);
}

void ReplicaFeeds::Tick() {
  std::vector<std::unique_ptr<ReplicaFeed>> ended;
  {
    MutexLock lock(mutex_);
    const auto first_ended = std::partition(feeds_.begin(), feeds_.end(),
                                            [](const auto& feed) { return feed->state() != FeedState::kEnded; });
    std::move(first_ended, feeds_.end(), std::back_inserter(ended));
    feeds_.erase(first_ended, feeds_.end());
    for (const auto& feed : feeds_) feed->Tick();
  }
  redis_feeds_.Tick();
}

size_t ReplicaFeeds::size() {
  MutexLock lock(mutex_);
  return feeds_.size() + redis_feeds_.size();
}

void ReplicaFeeds::Publish(const cluster::PublishedMessage& published) {
  if (!backlog_.is_kept()) return;
  const Lsn after = parts_.data.store().log().appended();
  redis_feeds_.Publish(after, published.in_shard, published.channel, published.message);
  std::shared_ptr<const std::string> body;
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (!feed->takes_published()) continue;
    if (body == nullptr) body = std::make_shared<const std::string>(EncodePublished(published));
    feed->Publish(after, body);
  }
}

void ReplicaFeeds::SendToRedis(std::span<const std::string_view> argv) {
  redis_feeds_.Send(parts_.data.store().log().appended(), argv);
}

// --- as others see them ---------------------------------------------------------------------------------------------

std::vector<ReplicaStatus> ReplicaFeeds::replicas() {
  const int64_t now = parts_.world.clock.SteadyMs();
  const std::shared_ptr<RedisStream> stream = redis_feeds_.stream();
  std::vector<ReplicaStatus> found;
  redis_feeds_.ForEach([&](const RedisFeed& feed) {
    const bool is_online = feed.state() == RedisReplica::State::kOnline;
    found.push_back({HostOf(feed.card()), feed.card().replica_port.load(),
                     is_online ? FeedState::kOnline : FeedState::kSendingSnapshot, feed.acknowledged_lsn(),
                     feed.acknowledged(), is_online ? (now - feed.last_ack_ms()) / 1000 : 0, true});
  });
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kEnded) continue;
    const Lsn last = feed->acknowledged();
    found.push_back({HostOf(feed->card()), feed->card().replica_port.load(), feed->state(), last,
                     stream == nullptr ? static_cast<int64_t>(last) : stream->OffsetAt(last),
                     feed->state() == FeedState::kOnline ? (now - feed->last_ack_ms()) / 1000 : 0, false,
                     feed->member()});
  }
  return found;
}

ReplicaFeeds::Offsets ReplicaFeeds::offsets() {
  if (const std::shared_ptr<RedisStream> stream = redis_feeds_.stream()) {
    const RedisStream::Numbers numbers = stream->numbers();
    return {numbers.last, numbers.first, numbers.bytes};
  }
  return {static_cast<int64_t>(parts_.data.store().log().appended()), static_cast<int64_t>(backlog_.first()),
          backlog_.bytes()};
}

std::string ReplicaFeeds::shown_id() {
  const std::shared_ptr<RedisStream> stream = redis_feeds_.stream();
  return stream == nullptr ? history_.id() : stream->id();
}

// --- acknowledgements -----------------------------------------------------------------------------------------------

std::vector<Lsn> ReplicaFeeds::Acknowledged() {
  std::vector<Lsn> acknowledged;
  redis_feeds_.ForEach([&](const RedisFeed& feed) {
    if (feed.state() == RedisReplica::State::kOnline) acknowledged.push_back(feed.acknowledged_lsn());
  });
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kOnline) acknowledged.push_back(feed->acknowledged());
  }
  return acknowledged;
}

size_t ReplicaFeeds::CountAcknowledged(Lsn lsn) { return cluster::CountAtLeast(Acknowledged(), lsn); }

size_t ReplicaFeeds::CountBehind(Lsn lsn) {
  AskForAcks(lsn);
  const std::vector<Lsn> acknowledged = Acknowledged();
  return acknowledged.size() - cluster::CountAtLeast(acknowledged, lsn);
}

bool ReplicaFeeds::Update(cluster::Quorum& quorum, const cluster::Quorum::Shard& shard) {
  std::vector<cluster::MemberAck> acks;
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kOnline) acks.push_back({feed->member(), feed->acknowledged()});
  }
  return quorum.Update(shard, acks, parts_.data.store().log().appended());
}

std::vector<ReplicaFeeds::NodeAck> ReplicaFeeds::acks() {
  std::vector<NodeAck> found;
  MutexLock lock(mutex_);
  for (const auto& feed : feeds_) {
    if (feed->state() == FeedState::kOnline) found.push_back({feed->member(), feed->acknowledged()});
  }
  return found;
}

size_t ReplicaFeeds::CountInSync() {
  const std::vector<ReplicaStatus> all = replicas();
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const ReplicaStatus& replica) {
    return replica.state == FeedState::kOnline && replica.lag_seconds <= parts_.options.min_replicas_max_lag;
  }));
}

}  // namespace ringkv::server
