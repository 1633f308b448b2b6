// SPDX-License-Identifier: MIT
// Who has subscribed to what, and messages on their way to them.
//
// A publisher finds under one lock who is to get a message, as one list for each thread of clients, and hands the
// message to each of those threads once. Lists are not changed while somebody delivers by them, so the lock is held for
// the look-up alone.
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

namespace ringkv::server {

enum class Topic : uint8_t { kChannel = 0, kPattern = 1, kShardChannel = 2 };

// What a client has subscribed to.
struct Subscriptions {
  std::array<std::set<std::string, std::less<>>, 3> names;  // by Topic

  const std::set<std::string, std::less<>>& of(Topic topic) const { return names[static_cast<size_t>(topic)]; }
  std::set<std::string, std::less<>>& of(Topic topic) { return names[static_cast<size_t>(topic)]; }
  // As it is told to the client: channels and patterns count together.
  size_t CountFor(Topic topic) const {
    return topic == Topic::kShardChannel ? names[2].size() : names[0].size() + names[1].size();
  }
  bool empty() const { return names[0].empty() && names[1].empty() && names[2].empty(); }

  // False if it was there already, or was not.
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
  // Here and with the broker.
  static size_t BytesOf(std::string_view name) { return 2 * (name.size() + kOverhead); }

  size_t bytes = 0;

 private:
  static constexpr size_t kOverhead = 64;  // nodes of the set and of the broker's table
};

class Broker {
 public:
  // `threads`: of clients.
  explicit Broker(size_t threads) : threads_(threads) {}

  // The client has not, or has, subscribed to it before.
  void Add(Topic topic, std::string_view name, const ClientCard& client);
  void Remove(Topic topic, std::string_view name, const ClientCard& client);

  // All that the client has; it has nothing afterwards.
  void RemoveAll(Subscriptions& subscriptions, const ClientCard& client);

  // Hands the message to who has subscribed, and says to how many times. `thread`: the calling one, or
  // kNoThread.
  size_t Publish(ClientLinks& links, size_t thread, const cluster::PublishedMessage& published);

  // --- PUBSUB ---
  // Those with subscribers that match; an empty pattern: all.
  std::vector<std::string> Names(Topic topic, const std::string* pattern);
  size_t CountSubscribers(Topic topic, std::string_view name);
  size_t CountNames(Topic topic);

 private:
  struct Audience {
    std::vector<std::shared_ptr<std::vector<uint64_t>>> by_thread;  // ids of clients; null where there are none
    size_t size = 0;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Audiences = std::unordered_map<std::string, Audience, Hash, std::equal_to<>>;
  struct Delivery {
    size_t thread;
    std::shared_ptr<const std::vector<uint64_t>> clients;
    std::shared_ptr<const std::string> bytes;
  };

  Audiences& AudiencesOf(Topic topic) REQUIRES(mutex_) { return audiences_[static_cast<size_t>(topic)]; }
  // Appends what has to be done; returns how many clients there are.
  size_t FindReceivers(std::string_view channel, std::string_view message, std::vector<Delivery>* deliveries)
      REQUIRES(mutex_);
  size_t FindReceiversInShard(std::string_view channel, std::string_view message, std::vector<Delivery>* deliveries)
      REQUIRES(mutex_);
  static size_t AddDeliveries(const Audience& audience, std::string bytes, std::vector<Delivery>* deliveries);

  const size_t threads_;
  storage::Mutex mutex_;
  std::array<Audiences, 3> audiences_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
