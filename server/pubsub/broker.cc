// SPDX-License-Identifier: MIT
#include "server/pubsub/broker.h"

#include <algorithm>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "storage/base/glob.h"
#include "storage/base/random.h"

namespace ringkv::server {
namespace {

using storage::MutexLock;

// In RESP2; for RESP3 it becomes a push, which differs in its first byte.
std::string Encode(std::initializer_list<std::string_view> words) {
  resp::Buffer out;
  resp::ReplyWriter writer(out, 2);
  writer.Array(static_cast<int64_t>(words.size()));
  for (const std::string_view word : words) writer.Bulk(word);
  return std::string(out.Readable());
}

// The list for a change: a copy if a delivery uses it.
std::vector<uint64_t>& Writable(std::shared_ptr<std::vector<uint64_t>>& clients) {
  if (clients == nullptr) clients = std::make_shared<std::vector<uint64_t>>();
  if (clients.use_count() > 1) clients = std::make_shared<std::vector<uint64_t>>(*clients);
  return *clients;
}

}  // namespace

Broker::Broker(size_t threads, storage::SeededHash hash)
    : threads_(threads), audiences_{Audiences(0, hash), Audiences(0, hash), Audiences(0, hash)} {}

void Broker::Add(Topic topic, std::string_view name, const ClientCard& client) {
  MutexLock lock(mutex_);
  Audience& audience = AudiencesOf(topic)[std::string(name)];
  audience.by_thread.resize(threads_);
  Writable(audience.by_thread[client.thread]).push_back(client.id);
  ++audience.size;
}

void Broker::Remove(Topic topic, std::string_view name, const ClientCard& client) {
  MutexLock lock(mutex_);
  Audiences& audiences = AudiencesOf(topic);
  const auto found = audiences.find(name);
  Audience& audience = found->second;
  if (--audience.size == 0) {
    audiences.erase(found);
    return;
  }
  std::erase(Writable(audience.by_thread[client.thread]), client.id);
}

void Broker::RemoveAll(Subscriptions& subscriptions, const ClientCard& client) {
  for (const Topic topic : {Topic::kChannel, Topic::kPattern, Topic::kShardChannel}) {
    for (const std::string& name : subscriptions.of(topic)) Remove(topic, name, client);
    subscriptions.of(topic).clear();
  }
  subscriptions.bytes = 0;
}

size_t Broker::AddDeliveries(const Audience& audience, std::string bytes, std::vector<Delivery>* deliveries) {
  const auto shared = std::make_shared<const std::string>(std::move(bytes));
  for (size_t thread = 0; thread < audience.by_thread.size(); ++thread) {
    const auto& clients = audience.by_thread[thread];
    if (clients != nullptr && !clients->empty()) deliveries->push_back({thread, clients, shared});
  }
  return audience.size;
}

size_t Broker::FindReceivers(std::string_view channel, std::string_view message, std::vector<Delivery>* deliveries) {
  size_t receivers = 0;
  const Audiences& channels = AudiencesOf(Topic::kChannel);
  if (const auto found = channels.find(channel); found != channels.end()) {
    receivers += AddDeliveries(found->second, Encode({"message", channel, message}), deliveries);
  }
  for (const auto& [pattern, audience] : AudiencesOf(Topic::kPattern)) {
    if (!storage::GlobMatches(pattern, channel)) continue;
    receivers += AddDeliveries(audience, Encode({"pmessage", pattern, channel, message}), deliveries);
  }
  return receivers;
}

size_t Broker::FindReceiversInShard(std::string_view channel, std::string_view message,
                                    std::vector<Delivery>* deliveries) {
  const Audiences& channels = AudiencesOf(Topic::kShardChannel);
  const auto found = channels.find(channel);
  if (found == channels.end()) return 0;
  return AddDeliveries(found->second, Encode({"smessage", channel, message}), deliveries);
}

Broker::Addressed Broker::Address(const cluster::PublishedMessage& published) {
  Addressed addressed;
  MutexLock lock(mutex_);
  addressed.receivers = published.in_shard
                            ? FindReceiversInShard(published.channel, published.message, &addressed.deliveries)
                            : FindReceivers(published.channel, published.message, &addressed.deliveries);
  return addressed;
}

size_t Broker::Publish(ClientLinks& links, size_t thread, const cluster::PublishedMessage& published) {
  const Addressed addressed = Address(published);
  Send(links, thread, addressed);
  return addressed.receivers;
}

std::vector<std::string> Broker::Names(Topic topic, const std::string* pattern) {
  std::vector<std::string> names;
  MutexLock lock(mutex_);
  for (const auto& [name, audience] : AudiencesOf(topic)) {
    if (pattern == nullptr || storage::GlobMatches(*pattern, name)) names.push_back(name);
  }
  return names;
}

size_t Broker::CountSubscribers(Topic topic, std::string_view name) {
  MutexLock lock(mutex_);
  const auto found = AudiencesOf(topic).find(name);
  return found == AudiencesOf(topic).end() ? 0 : found->second.size;
}

std::vector<uint64_t> Broker::Subscribers(Topic topic, std::string_view name) {
  std::vector<uint64_t> all;
  MutexLock lock(mutex_);
  const auto found = AudiencesOf(topic).find(name);
  if (found == AudiencesOf(topic).end()) return all;
  for (const auto& clients : found->second.by_thread) {
    if (clients != nullptr) all.insert(all.end(), clients->begin(), clients->end());
  }
  return all;
}

size_t Broker::CountNames(Topic topic) {
  MutexLock lock(mutex_);
  return AudiencesOf(topic).size();
}

}  // namespace ringkv::server
