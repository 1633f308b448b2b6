// SPDX-License-Identifier: MIT
// The subscriptions of all clients, and the delivery of published messages.
//
// A publisher looks up the subscribers under one lock, as one list per I/O thread, and passes the message once to each
// of these threads. Lists are copied on write, so the lock is held for the look-up only.
//
// Threads: guarded.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/node_messages.h"
#include "server/base/client_links.h"
#include "storage/base/mutex.h"
#include "storage/base/seeded_hash.h"

namespace ringkv::server {

enum class Topic : uint8_t { kChannel = 0, kPattern = 1, kShardChannel = 2 };

// The clients of a channel or pattern.
struct Audience {
  std::vector<std::shared_ptr<std::vector<uint64_t>>> by_thread;  // client ids; null if there are none
  size_t size = 0;
};

// The subscriptions of a client.
struct Subscriptions {
  std::array<std::set<std::string, std::less<>>, 3> names;  // by Topic

  const std::set<std::string, std::less<>>& of(Topic topic) const { return names[static_cast<size_t>(topic)]; }
  std::set<std::string, std::less<>>& of(Topic topic) { return names[static_cast<size_t>(topic)]; }
  // The count in replies: channels and patterns together.
  size_t CountFor(Topic topic) const {
    return topic == Topic::kShardChannel ? names[2].size() : names[0].size() + names[1].size();
  }
  bool empty() const { return names[0].empty() && names[1].empty() && names[2].empty(); }

  // False if the subscription existed already, or did not exist.
  bool Add(Topic topic, std::string_view name) {
    const bool is_new = of(topic).emplace(name).second;
    if (is_new) bytes += BytesOf(name);
    return is_new;
  }
  bool Remove(Topic topic, const std::string& name) {
    const bool was_there = of(topic).erase(name) > 0;
    if (was_there) bytes -= BytesOf(name);
    return was_there;
  }
  // Memory of the subscription here and in the broker, if the client is the only one of its audience.
  static size_t BytesOf(std::string_view name) { return 2 * name.size() + kSetNode + kTableNode + kClientIds; }

  size_t bytes = 0;

 private:
  static constexpr size_t kSetNode = 4 * sizeof(void*) + sizeof(std::string);
  static constexpr size_t kTableNode = 3 * sizeof(void*) + sizeof(std::string) + sizeof(Audience);
  // The place of a thread, and the list of its clients with the control block.
  static constexpr size_t kClientIds =
      sizeof(std::shared_ptr<void>) + 2 * sizeof(void*) + sizeof(std::vector<uint64_t>) + sizeof(uint64_t);
};

class Broker {
 public:
  // `threads`: the number of I/O threads. `hash`: for the names of channels, which clients choose.
  Broker(size_t threads, storage::SeededHash hash);

  // The client must not have, or must have, this subscription.
  void Add(Topic topic, std::string_view name, const ClientCard& client);
  void Remove(Topic topic, std::string_view name, const ClientCard& client);

  // Removes all subscriptions of the client.
  void RemoveAll(Subscriptions& subscriptions, const ClientCard& client);

  // A message for the clients of one thread.
  struct Delivery {
    size_t thread;
    std::shared_ptr<const std::vector<uint64_t>> clients;
    std::shared_ptr<const std::string> bytes;
  };
  struct Addressed {
    std::vector<Delivery> deliveries;
    size_t receivers = 0;  // subscriptions that match: a client with two of them counts twice
  };
  // Finds the subscribers.
  Addressed Address(const cluster::PublishedMessage& published);
  // Hands the message to their threads. `thread`: the calling I/O thread, or kNoThread.
  static void Send(ClientLinks& links, size_t thread, const Addressed& addressed) {
    for (const Delivery& each : addressed.deliveries) links.Deliver(thread, each.thread, each.clients, each.bytes);
  }
  // Both at once; returns the number of receivers.
  size_t Publish(ClientLinks& links, size_t thread, const cluster::PublishedMessage& published);

  // --- PUBSUB ---
  // Matching channels with subscribers; all for an empty pattern.
  std::vector<std::string> Names(Topic topic, const std::string* pattern);
  size_t CountSubscribers(Topic topic, std::string_view name);
  // Their client ids.
  std::vector<uint64_t> Subscribers(Topic topic, std::string_view name);
  size_t CountNames(Topic topic);

 private:
  using Audiences = std::unordered_map<std::string, Audience, storage::SeededHash, std::equal_to<>>;

  Audiences& AudiencesOf(Topic topic) REQUIRES(mutex_) { return audiences_[static_cast<size_t>(topic)]; }
  // Appends the deliveries, still without the message.
  static void AddDeliveries(const Audience& audience, Addressed& addressed);

  const size_t threads_;
  storage::Mutex mutex_;
  std::array<Audiences, 3> audiences_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
