// SPDX-License-Identifier: MIT
// Clients read through a cache while others write, on several I/O threads, in all ways in which a key may be read: by
// itself, in pipelines, in commands that go on elsewhere, in transactions that take turns, in scripts. No cache keeps a
// value that has changed: a reply with the old value never follows the word that it is old.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/random.h"
#include "tests/support/redis_client.h"
#include "tests/support/tracking_client.h"

namespace ringkv::test {
namespace {

constexpr size_t kCachedKeys = 24;
constexpr int kRoundsOfAReader = 300;

std::string CachedName(size_t key) { return "key:" + std::to_string(key); }

class ReadCache {
 public:
  ReadCache(const ServerProcess& server, const std::vector<std::string>& mode, uint64_t seed)
      : client_(server, mode, [this](const std::string& key) { Forget(key); }),
        opts_in_(!mode.empty() && mode[0] == "OPTIN"),
        random_(seed) {}

  void ReadSome() {
    if (opts_in_) client_.Ask({"CLIENT", "CACHING", "YES"});
    switch (random_.Below(opts_in_ ? 4 : 10)) {
      case 0: return ReadMany();
      case 1: return ReadInTransaction(random_.Below(20) == 0 ? 2100 : 5);
      case 2: return ReadInScript();
      case 3: return ReadOne();
      default: return ReadInPipeline();
    }
  }
  // Whether all that it has is what the server has.
  bool Equals(const std::vector<std::string>& now) {
    client_.Ask({"PING"});
    for (const auto& [key, value] : values_) {
      if (value != now[key]) return false;
    }
    return true;
  }
  size_t heard() const { return heard_; }

 private:
  void Forget(const std::string& key) {
    ++heard_;
    if (key == "*") return values_.clear();
    values_.erase(std::stoul(key.substr(key.find(':') + 1)));
  }
  void Keep(size_t key, const resp::Reply& reply) {
    ASSERT_FALSE(reply.is_error()) << reply.text;
    values_[key] = reply.text;
  }
  size_t PickKey() { return random_.Below(kCachedKeys); }

  void ReadOne() {
    const size_t key = PickKey();
    Keep(key, client_.Ask({"GET", CachedName(key)}));
  }
  void ReadInPipeline() {
    std::vector<size_t> keys;
    for (int i = 0; i < 8; ++i) keys.push_back(PickKey());
    for (const size_t key : keys) client_.Send({"GET", CachedName(key)});
    for (const size_t key : keys) Keep(key, client_.Take());
  }
  // So many that a thread for long work reads them.
  void ReadMany() {
    std::vector<std::string> words{"MGET"};
    for (size_t i = 0; i < 4000; ++i) words.push_back(CachedName(i % kCachedKeys));
    const resp::Reply reply = client_.Ask(words);
    for (size_t i = 0; i < reply.members.size(); ++i) Keep(i % kCachedKeys, reply.members[i]);
  }
  void ReadInTransaction(size_t commands) {
    client_.Send({"MULTI"});
    for (size_t i = 0; i < commands; ++i) client_.Send({"GET", CachedName(i % kCachedKeys)});
    for (size_t i = 0; i <= commands; ++i) client_.Take();
    const resp::Reply reply = client_.Ask({"EXEC"});
    for (size_t i = 0; i < reply.members.size(); ++i) Keep(i % kCachedKeys, reply.members[i]);
  }
  // Sometimes one that does not declare its key, or takes a while after it has read.
  void ReadInScript() {
    constexpr const char* kRead = R"(
      local value = redis.call('GET', ARGV[1])
      for spin = 1, tonumber(ARGV[2]) do end
      return value)";
    const size_t key = PickKey();
    const std::string spins = random_.Below(4) == 0 ? "200000" : "1";
    if (random_.Below(2) == 0) {
      Keep(key, client_.Ask({"EVAL", kRead, "0", CachedName(key), spins}));
    } else {
      Keep(key, client_.Ask({"EVAL", kRead, "1", CachedName(key), CachedName(key), spins}));
    }
  }

  TrackingClient client_;
  const bool opts_in_;
  storage::Random random_;
  std::map<size_t, std::string> values_;
  size_t heard_ = 0;
};

constexpr const char* kIncrement = "redis.call('INCR', KEYS[1]) redis.call('INCR', ARGV[1])";

void WriteCached(const ServerProcess& server, uint64_t seed, const std::atomic<bool>& is_over) {
  storage::Random random(seed);
  const Context client = ConnectTo(server);
  while (!is_over) {
    const std::string key = CachedName(random.Below(kCachedKeys));
    const std::string other = CachedName(random.Below(kCachedKeys));
    switch (random.Below(20)) {
      case 0: Ask(client.get(), {"MSET", key, "1", other, "2"}); break;
      case 1: Ask(client.get(), {"EVAL", kIncrement, "1", key, other}); break;
      case 2: Ask(client.get(), {"DEL", key, other}); break;
      case 3: Ask(client.get(), {"PEXPIRE", key, "3"}); break;
      case 4:
        if (random.Below(10) == 0) Ask(client.get(), {"FLUSHALL"});
        break;
      default: Ask(client.get(), {"INCR", key}); break;
    }
  }
}

TEST(TrackingRace, NoCacheKeepsAValueThatHasChanged) {
  ServerProcess server({"--io-threads", "4"});
  std::atomic<bool> is_over{false};
  std::vector<std::thread> writers;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    writers.emplace_back([&server, &is_over, seed] { WriteCached(server, seed, is_over); });
  }

  const std::vector<std::vector<std::string>> modes = {{}, {}, {"OPTIN"}, {"BCAST"}, {"BCAST", "PREFIX", "key:"}};
  std::vector<std::unique_ptr<ReadCache>> caches;
  for (const auto& mode : modes) caches.push_back(std::make_unique<ReadCache>(server, mode, caches.size() + 100));
  std::vector<std::thread> readers;
  for (const auto& cache : caches) {
    readers.emplace_back([&cache] {
      for (int i = 0; i < kRoundsOfAReader; ++i) cache->ReadSome();
    });
  }
  for (std::thread& reader : readers) reader.join();
  is_over = true;
  for (std::thread& writer : writers) writer.join();

  const Context client = ConnectTo(server);
  const auto now = [&] {
    std::vector<std::string> values;
    for (size_t i = 0; i < kCachedKeys; ++i) {
      const Reply reply = Ask(client.get(), {"GET", CachedName(i)});
      values.emplace_back(reply->str == nullptr ? "" : reply->str);
    }
    return values;
  };
  for (const auto& cache : caches) {
    EXPECT_TRUE(Eventually([&] { return cache->Equals(now()); }));
    EXPECT_GT(cache->heard(), 0u);
  }
}

}  // namespace
}  // namespace ringkv::test
