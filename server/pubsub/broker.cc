// SPDX-License-Identifier: MIT
#include "server/pubsub/broker.h"

#include <algorithm>
#include <utility>

#include "storage/base/glob.h"
#include "storage/base/random.h"

namespace ringkv::server {
namespace {

using storage::MutexLock;

// In RESP2; for RESP3 it becomes a push, which differs in its first byte.
std::string Encode(std::initializer_list<std::string_view> words) {
  constexpr size_t kFrame = 32;  // of a word, and of all
  size_t bytes = kFrame;
  for (const std::string_view word : words) bytes += kFrame + word.size();
  std::string out;
  out.reserve(bytes);
  out.append("*").append(std::to_string(words.size())).append("\r\n");
  for (const std::string_view word : words) {
    out.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  }
  return out;
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

void Broker::AddDeliveries(const Audience& audience, Addressed& addressed) {
  for (size_t thread = 0; thread < audience.by_thread.size(); ++thread) {
    const auto& clients = audience.by_thread[thread];
    if (clients != nullptr && !clients->empty()) addressed.deliveries.push_back({thread, clients, nullptr});
  }
  addressed.receivers += audience.size;
}

// The message is written without the lock, because it may be long.
Broker::Addressed Broker::Address(const cluster::PublishedMessage& published) {
  Addressed addressed;
  std::vector<std::pair<std::string, size_t>> patterns;  // that match, with the end of their deliveries
  size_t done = 0;
  {
    MutexLock lock(mutex_);
    const Audiences& channels = AudiencesOf(published.in_shard ? Topic::kShardChannel : Topic::kChannel);
    if (const auto found = channels.find(published.channel); found != channels.end()) {
      AddDeliveries(found->second, addressed);
    }
    done = addressed.deliveries.size();
    for (const auto& [pattern, audience] : AudiencesOf(Topic::kPattern)) {
      if (published.in_shard || !storage::GlobMatches(pattern, published.channel)) continue;
      AddDeliveries(audience, addressed);
      patterns.emplace_back(pattern, addressed.deliveries.size());
    }
  }
  const auto fill = [&addressed](size_t from, size_t to, std::string bytes) {
    const auto shared = std::make_shared<const std::string>(std::move(bytes));
    for (size_t i = from; i < to; ++i) addressed.deliveries[i].bytes = shared;
  };
  const std::string_view kind = published.in_shard ? "smessage" : "message";
  if (done > 0) fill(0, done, Encode({kind, published.channel, published.message}));
  for (const auto& [pattern, end] : patterns) {
    fill(std::exchange(done, end), end, Encode({"pmessage", pattern, published.channel, published.message}));
  }
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
