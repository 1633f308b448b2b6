// SPDX-License-Identifier: MIT
// Scripts with declared and undeclared keys, quick and slow ones, alone and in MULTI, at once on several I/O threads,
// beside walks over all keys: none is half done, none sees half of another, and all end.
//
// A value is "<version> <balance>"; see tests/unit/storage/undeclared_keys_test.cc, which does the same below the
// commands.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "storage/base/random.h"
#include "tests/support/history.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

constexpr size_t kKeys = 24;
constexpr int kBalance = 1000;
constexpr size_t kClients = 6;
constexpr int kScriptsOfAClient = 150;

// ARGV: a number of rounds to spin before each key, then keys and what each gives away but the last, which gets it all.
constexpr const char* kMove = R"(
  local versions, moved = {}, 0
  for i = 2, #ARGV, 2 do
    for spin = 1, tonumber(ARGV[1]) do end
    local version, balance = string.match(redis.call('GET', ARGV[i]), '(%d+) (%-?%d+)')
    local given = i + 1 < #ARGV and tonumber(ARGV[i + 1]) or -moved
    moved = moved + given
    versions[#versions + 1] = version + 1
    redis.call('SET', ARGV[i], string.format('%d %d', version + 1, balance - given))
  end
  return versions)";

std::string NameOf(size_t key) { return "key:" + std::to_string(key); }

class ScriptsRace : public testing::Test {
 protected:
  ScriptsRace() {
    const Context client = ConnectTo(server_);
    for (size_t i = 0; i < kKeys; ++i) Ask(client.get(), {"SET", NameOf(i), "0 " + std::to_string(kBalance)});
  }

  // The keys of one script in any order, of which it declares some.
  static std::vector<size_t> ChooseKeys(storage::Random& random, size_t count) {
    std::set<size_t> chosen;
    while (chosen.size() < count) chosen.insert(random.Below(kKeys));
    std::vector<size_t> keys(chosen.begin(), chosen.end());
    for (size_t i = keys.size() - 1; i > 0; --i) std::swap(keys[i], keys[random.Below(i + 1)]);
    return keys;
  }

  static std::vector<std::string> RequestFor(const std::vector<size_t>& keys, storage::Random& random) {
    const size_t declared = random.Below(2) == 0 ? keys.size() : random.Below(keys.size());
    std::vector<std::string> words{"EVAL", kMove, std::to_string(declared)};
    for (size_t i = 0; i < declared; ++i) words.push_back(NameOf(keys[i]));
    words.push_back(random.Below(12) == 0 ? "30000" : "0");  // longer than its slice
    for (const size_t key : keys) {
      words.push_back(NameOf(key));
      words.push_back(std::to_string(random.Below(10)));
    }
    return words;
  }

  static void NoteVersions(const redisReply* reply, const std::vector<size_t>& keys, Footprint& seen) {
    ASSERT_NE(reply, nullptr);
    ASSERT_EQ(reply->type, REDIS_REPLY_ARRAY) << (reply->str == nullptr ? "" : reply->str);
    ASSERT_EQ(reply->elements, keys.size());
    for (size_t i = 0; i < keys.size(); ++i) seen[keys[i]] = static_cast<int>(reply->element[i]->integer);
  }

  std::vector<Footprint> RunScripts(uint64_t seed) {
    storage::Random random(seed);
    const Context client = ConnectTo(server_);
    std::vector<Footprint> done;
    for (int i = 0; i < kScriptsOfAClient && !HasFailure(); ++i) {
      if (random.Below(4) == 0) {
        RunTransaction(client.get(), random, done.emplace_back());
      } else {
        const std::vector<size_t> keys = ChooseKeys(random, 2 + random.Below(4));
        NoteVersions(Ask(client.get(), RequestFor(keys, random)).get(), keys, done.emplace_back());
      }
    }
    return done;
  }

  // Two scripts, and commands between them.
  static void RunTransaction(redisContext* client, storage::Random& random, Footprint& seen) {
    const std::vector<size_t> keys = ChooseKeys(random, 4 + random.Below(3));
    const std::vector<size_t> first(keys.begin(), keys.begin() + 2);
    const std::vector<size_t> second(keys.begin() + 2, keys.end());
    const bool watches = random.Below(2) == 0;
    if (watches) Ask(client, {"WATCH", "watched"});
    Ask(client, {"MULTI"});
    Ask(client, RequestFor(first, random));
    Ask(client, random.Below(4) == 0 ? std::vector<std::string>{"DBSIZE"} : std::vector<std::string>{"INCR", "count"});
    Ask(client, RequestFor(second, random));
    const Reply replies = Ask(client, {"EXEC"});
    ASSERT_NE(replies, nullptr);
    ASSERT_EQ(replies->type, REDIS_REPLY_ARRAY) << (replies->str == nullptr ? "" : replies->str);
    ASSERT_EQ(replies->elements, 3u);
    NoteVersions(replies->element[0], first, seen);
    NoteVersions(replies->element[2], second, seen);
  }

  // All of them end, and see all keys.
  static void Walk(redisContext* client) {
    const auto has_all = [](const Reply& reply) { return reply != nullptr && reply->elements == kKeys; };
    EXPECT_TRUE(has_all(Ask(client, {"KEYS", "key:*"})));
    EXPECT_TRUE(has_all(Ask(client, {"EVAL", "return redis.call('KEYS','key:*')", "0"})));
    EXPECT_GE(Ask(client, {"DBSIZE"})->integer, static_cast<int64_t>(kKeys));
    EXPECT_EQ(Ask(client, {"RANDOMKEY"})->type, REDIS_REPLY_STRING);
    EXPECT_STREQ(Ask(client, {"SCAN", "0", "COUNT", "100000"})->element[0]->str, "0");
    EXPECT_STREQ(Ask(client, {"SWAPDB", "5", "6"})->str, "OK");
    Ask(client, {"MULTI"});
    Ask(client, {"KEYS", "key:*"});
    Ask(client, {"EVAL", "return #redis.call('KEYS','key:*')", "0"});
    const Reply replies = Ask(client, {"EXEC"});
    ASSERT_TRUE(replies != nullptr && replies->elements == 2);
    EXPECT_EQ(replies->element[1]->integer, static_cast<int64_t>(kKeys));
  }

  void ExpectConstantSum(redisContext* client) {
    std::vector<std::string> words{"MGET"};
    for (size_t i = 0; i < kKeys; ++i) words.push_back(NameOf(i));
    const Reply reply = Ask(client, words);
    ASSERT_NE(reply, nullptr);
    ASSERT_EQ(reply->elements, kKeys);
    int sum = 0;
    for (size_t i = 0; i < kKeys; ++i) {
      const std::string value(reply->element[i]->str);
      sum += std::stoi(value.substr(value.find(' ') + 1));
    }
    EXPECT_EQ(sum, static_cast<int>(kKeys) * kBalance);
  }

  ServerProcess server_{{"--io-threads", "3", "--busy-reply-threshold", "60000"}};
};

TEST_F(ScriptsRace, ScriptsAreAtomicWhateverKeysTheyDeclare) {
  std::array<std::vector<Footprint>, kClients> done;
  std::atomic<size_t> running{kClients};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      done[i] = RunScripts(i + 1);
      --running;
    });
  }
  const Context client = ConnectTo(server_);
  while (running > 0 && !HasFatalFailure()) {
    ExpectConstantSum(client.get());
    Walk(client.get());
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Footprint> all;
  for (const auto& each : done) all.insert(all.end(), each.begin(), each.end());
  EXPECT_EQ(all.size(), kClients * kScriptsOfAClient);
  EXPECT_TRUE(HaveAnOrder(all));
  ExpectConstantSum(client.get());
}

}  // namespace
}  // namespace ringkv::test
