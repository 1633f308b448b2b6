// SPDX-License-Identifier: MIT
// Scripts and functions beside crashes, replicas and quorums: each is there as a whole or not at all, and its reply
// leaves when what it shows is safe.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr int kKeysOfAScript = 12;

// Writes ARGV[1] to keys of which it declares the first; the second argument is how long it takes in between.
const std::string kWriteAll = "for i = 1," + std::to_string(kKeysOfAScript) + R"( do
    redis.call('SET', KEYS[1] .. ':' .. i, ARGV[1])
    for spin = 1, tonumber(ARGV[2]) do end
  end
  redis.call('SET', KEYS[1], ARGV[1])
  return tonumber(ARGV[1]))";

constexpr int kLongerThanASlice = 200'000;  // rounds, for each key

std::string WriteLibrary() {
  return "#!lua name=writes\nredis.register_function('write_all', function(KEYS, ARGV) " + kWriteAll + " end)";
}

enum class Way : uint8_t { kScript, kFunction, kInTransaction };

// Returns the reply of the script; null if the connection is gone.
Reply WriteAll(redisContext* client, Way way, const std::string& key, int64_t number, int rounds) {
  std::vector<std::string> words{"EVAL", kWriteAll, "1", key, std::to_string(number), std::to_string(rounds)};
  if (way == Way::kFunction) {
    words[0] = "FCALL";
    words[1] = "write_all";
  }
  if (way != Way::kInTransaction) return Ask(client, words);
  for (const std::vector<std::string>& before : {std::vector<std::string>{"MULTI"}, words}) {
    if (Ask(client, before) == nullptr) return nullptr;
  }
  return Ask(client, {"EXEC"});
}

// What the key and those beside it hold, which must be the same; -1 if it isn't.
int64_t NumberOf(redisContext* client, const std::string& key) {
  std::vector<std::string> words{"MGET", key};
  for (int i = 1; i <= kKeysOfAScript; ++i) words.push_back(key + ":" + std::to_string(i));
  const Reply reply = Ask(client, words);
  if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY) return -1;
  const auto text = [&](size_t i) {
    return std::string(reply->element[i]->str == nullptr ? "0" : reply->element[i]->str);
  };
  for (size_t i = 1; i < reply->elements; ++i) {
    if (text(i) != text(0)) return -1;
  }
  return std::stoll(text(0));
}

// One client that writes ever greater numbers by scripts until its connection is gone or it is stopped.
struct ScriptWriter {
  std::string key;
  std::atomic<int64_t> sent{0};
  std::atomic<int64_t> acknowledged{0};

  void Run(const ServerProcess& server, const std::atomic<bool>& stop) {
    const Context client = ConnectTo(server);
    while (!stop) {
      const int64_t number = ++sent;
      const Way way = std::array{Way::kScript, Way::kFunction, Way::kInTransaction}[number % 3];
      const Reply reply = WriteAll(client.get(), way, key, number, number % 4 == 0 ? kLongerThanASlice : 0);
      if (reply == nullptr) return;
      if (reply->type == REDIS_REPLY_ERROR) {
        ADD_FAILURE() << reply->str;
        return;
      }
      acknowledged = number;
    }
  }
};

TEST(ScriptsSafety, AKilledServerHasAllOfAScriptOrNothing) {
  const TempDir dir;
  const std::vector<std::string> options = {"--dir",           dir.Path(""), "--appendonly",           "yes",
                                            "--appendfsync",   "always",     "--io-threads",           "2",
                                            "--log-file-size", "64kb",       "--busy-reply-threshold", "0"};
  std::array<ScriptWriter, 3> writers;
  for (size_t i = 0; i < writers.size(); ++i) writers[i].key = "writer:" + std::to_string(i);
  constexpr int kKills = 4;
  for (int round = 0; round <= kKills; ++round) {
    ServerProcess server(options);
    const Context client = ConnectTo(server);
    if (round == 0) Ask(client.get(), {"FUNCTION", "LOAD", WriteLibrary()});
    for (ScriptWriter& writer : writers) {
      const int64_t number = NumberOf(client.get(), writer.key);
      ASSERT_GE(number, writer.acknowledged) << "lost what was acknowledged, or has half of a script";
      ASSERT_LE(number, writer.sent);
      writer.sent = number;
    }
    if (round == kKills) break;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    const int64_t before = writers[0].acknowledged;
    for (ScriptWriter& writer : writers) threads.emplace_back([&] { writer.Run(server, stop); });
    EXPECT_TRUE(Eventually([&] { return writers[0].acknowledged > before + 5 + round; }));
    server.Signal(SIGKILL);
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(ScriptsSafety, AScriptThatACrashInterruptsHasDoneNothing) {
  const TempDir dir;
  const std::vector<std::string> options = {"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"};
  const std::string half =
      "redis.call('SET',KEYS[1],'new') redis.call('DEL','undeclared') "
      "redis.log(redis.LOG_WARNING,'half is done') while true do end";
  {
    ServerProcess server(options);
    const Context client = ConnectTo(server);
    Ask(client.get(), {"MSET", "key", "old", "undeclared", "old"});
    SendRequest(client.get(), {"EVAL", half, "1", "key"});
    ASSERT_TRUE(Eventually([&] { return server.Log().find("half is done") != std::string::npos; }));
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  ServerProcess server(options);
  EXPECT_EQ(Say(server, {"GET", "key"}), "old");
  EXPECT_EQ(Say(server, {"GET", "undeclared"}), "old");
}

// --- replicas -------------------------------------------------------------------------------------------------------

// A replica of RingKV's own protocol, and one that follows like a Redis server.
class ScriptsOnReplicas : public testing::TestWithParam<std::string> {
 protected:
  ScriptsOnReplicas() {
    EXPECT_TRUE(Eventually([&] { return primary_.Info("connected_slaves") == "1"; }));
    EXPECT_EQ(Say(primary_, {"FUNCTION", "LOAD", WriteLibrary()}), "writes");
    // It comes behind the snapshot: the replica is not loading any more.
    const Context client = ConnectTo(replica_);
    EXPECT_TRUE(Eventually([&] { return Ask(client.get(), {"FUNCTION", "LIST"})->elements == 1; }));
  }

  ServerProcess primary_{{"--io-threads", "2"}};
  ServerProcess replica_{{GetParam(), "127.0.0.1 " + std::to_string(primary_.port()), "--io-threads", "2"}};
};

TEST_P(ScriptsOnReplicas, AReplicaShowsAllOfAScriptOrNothing) {
  ScriptWriter writer{.key = "key"};
  std::atomic<bool> stop{false};
  std::thread thread([&] { writer.Run(primary_, stop); });
  const Context client = ConnectTo(replica_);
  int64_t seen = 0;
  while (seen < 100 && !HasFailure()) {
    const int64_t number = NumberOf(client.get(), writer.key);
    EXPECT_GE(number, seen);
    seen = number;
  }
  stop = true;
  thread.join();
  EXPECT_TRUE(Eventually([&] { return NumberOf(client.get(), writer.key) == writer.acknowledged; }));
}

TEST_P(ScriptsOnReplicas, ScriptsReadAndDontWriteThere) {
  Say(primary_, {"SET", "key", "value"});
  ASSERT_TRUE(Eventually([&] { return Say(replica_, {"GET", "key"}) == "value"; }));
  EXPECT_EQ(Say(replica_, {"EVAL", "return redis.call('GET',KEYS[1])", "1", "key"}), "value");
  EXPECT_EQ(Say(replica_, {"EVAL_RO", "return redis.call('GET',KEYS[1])", "1", "key"}), "value");
  const std::string refusal = "READONLY You can't write against a read only replica";
  EXPECT_TRUE(Say(replica_, {"EVAL", "return redis.call('SET',KEYS[1],'x')", "1", "key"}).starts_with(refusal));
  EXPECT_TRUE(Say(replica_, {"EVAL", "#!lua\nreturn 1", "0"}).starts_with(refusal));
  EXPECT_TRUE(Say(replica_, {"FCALL", "write_all", "1", "key", "1", "0"}).starts_with(refusal));
  EXPECT_EQ(Say(replica_, {"GET", "key"}), "value");
}

INSTANTIATE_TEST_SUITE_P(Links, ScriptsOnReplicas, testing::Values("--replicaof", "--migrate-from"),
                         [](const auto& link) { return std::string(link.param == "--replicaof" ? "Own" : "OfRedis"); });

// --- quorums --------------------------------------------------------------------------------------------------------

// Nothing that is written here becomes safe.
class ScriptsWithoutAMajority : public testing::Test {
 protected:
  static bool IsOpen(const Reply& reply) {
    return reply != nullptr && reply->type == REDIS_REPLY_ERROR &&
           std::string(reply->str).find("its outcome is open") != std::string::npos;
  }

  ServerProcess server_{{"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "50"}};
  const Context client_ = ConnectTo(server_);
};

TEST_F(ScriptsWithoutAMajority, WhatTheyWriteIsNotAcknowledged) {
  EXPECT_TRUE(IsOpen(Ask(client_.get(), {"FUNCTION", "LOAD", WriteLibrary()})));
  int64_t number = 0;
  for (const Way way : {Way::kScript, Way::kFunction, Way::kInTransaction}) {
    for (const int rounds : {0, kLongerThanASlice}) {
      EXPECT_TRUE(IsOpen(WriteAll(client_.get(), way, "key", ++number, rounds))) << number;
    }
  }
}

TEST_F(ScriptsWithoutAMajority, WhatTheyReadIsNotShownUnlessItIsSafe) {
  EXPECT_TRUE(IsOpen(Ask(client_.get(), {"SET", "key", "value"})));
  for (const std::string spin : {"", "for i = 1,5e6 do end "}) {
    EXPECT_TRUE(IsOpen(Ask(client_.get(), {"EVAL", spin + "return redis.call('GET',KEYS[1])", "1", "key"})));
    EXPECT_TRUE(IsOpen(Ask(client_.get(), {"EVAL", spin + "return redis.call('GET','key')", "0"})));
    EXPECT_TRUE(IsOpen(Ask(client_.get(), {"EVAL", spin + "redis.call('GET','key') error('x')", "0"})));
    EXPECT_EQ(Ask(client_.get(), {"EVAL", spin + "return 1", "0"})->integer, 1) << "depends on nothing";
  }
}

}  // namespace
}  // namespace ringkv::test
