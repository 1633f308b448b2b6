// SPDX-License-Identifier: MIT
// Scripts that take their time, and scripts on several threads.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/redis_client.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

constexpr char kEndless[] = "while true do end";
constexpr char kEndlessWithKey[] = "redis.call('GET',KEYS[1]) while true do end";
constexpr char kEndlessWriter[] = "redis.call('SET',KEYS[1],'x') while true do end";
const std::string kBusy = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const std::string kNotBusy = "NOTBUSY No scripts in execution right now.";

// A client whose script runs: it says so in the log before it takes long.
class ScriptClient {
 public:
  ScriptClient(const ServerProcess& server, const std::string& script, const std::vector<std::string>& keys = {})
      : context_(ConnectTo(server)) {
    std::vector<std::string> words{"EVAL", "redis.log(redis.LOG_WARNING,'the script has begun') " + script,
                                   std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    SendRequest(context_.get(), words);
    EXPECT_TRUE(Eventually([&] { return server.Log().find("the script has begun") != std::string::npos; }));
  }
  Reply Take() { return TakeReply(context_.get()); }

 private:
  const Context context_;
};

// A client that has sent a transaction.
class TransactionClient {
 public:
  TransactionClient(const ServerProcess& server, const std::vector<std::vector<std::string>>& commands)
      : context_(ConnectTo(server)) {
    Ask(context_.get(), {"MULTI"});
    for (const auto& words : commands) Ask(context_.get(), words);
    SendRequest(context_.get(), {"EXEC"});
  }
  bool HasReply() const {
    pollfd descriptor{.fd = context_->fd, .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) == 1;
  }
  Reply Take() { return TakeReply(context_.get()); }

 private:
  const Context context_;
};

// By the number of I/O threads.
class ScriptTime : public testing::TestWithParam<std::string> {
 protected:
  ServerProcess server_{{"--io-threads", GetParam(), "--busy-reply-threshold", "10"}};

  bool BecomesBusy(const std::string& key) {
    return Eventually([&] { return Say(server_, {"GET", key}) == kBusy; });
  }
  void Kill() { EXPECT_EQ(Say(server_, {"SCRIPT", "KILL"}), "OK"); }
};

TEST_P(ScriptTime, AnEndlessScriptIsKilledFromAnyConnection) {
  Say(server_, {"SET", "key", "value"});
  ScriptClient running(server_, kEndlessWithKey, {"key"});
  EXPECT_TRUE(BecomesBusy("key"));
  Kill();
  EXPECT_TRUE(std::string(running.Take()->str).starts_with("ERR Script killed by user with SCRIPT KILL."));
  EXPECT_EQ(Say(server_, {"GET", "key"}), "value");
  EXPECT_EQ(Say(server_, {"SCRIPT", "KILL"}), kNotBusy);
}

TEST_P(ScriptTime, AScriptThatHasWrittenIsNotKilled) {
  ScriptClient running(server_, "redis.call('SET',KEYS[1],'x') for i = 1,3e7 do end return 1", {"key"});
  EXPECT_TRUE(Eventually([&] { return Say(server_, {"SCRIPT", "KILL"}).starts_with("UNKILLABLE "); }));
  EXPECT_EQ(running.Take()->integer, 1);
  EXPECT_EQ(Say(server_, {"GET", "key"}), "x");
}

TEST_P(ScriptTime, OtherKeysAreServedMeanwhileByOtherThreads) {
  if (GetParam() == "1") GTEST_SKIP() << "there is no other thread";
  ScriptClient running(server_, kEndlessWithKey, {"{a}key"});
  EXPECT_TRUE(BecomesBusy("{a}key"));
  // Of two connections one is of the other thread.
  EXPECT_TRUE(Eventually([&] { return Say(server_, {"SET", "other", "x"}) == "OK"; }));
  EXPECT_TRUE(Eventually([&] { return Say(server_, {"GET", "other"}) == "x"; }));
  Kill();
}

TEST_P(ScriptTime, WhatNeedsItsKeysWaitsForAScriptThatIsNotOverdue) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "60000"});
  const std::string slow = "redis.call('SET',KEYS[1],'1') for i = 1,3e7 do end";
  ScriptClient running(server_, slow, {"key"});
  EXPECT_EQ(Say(server_, {"INCR", "key"}), "2");
}

TEST_P(ScriptTime, TheRequestsOfItsConnectionWait) {
  const int socket = server_.Connect();
  SendAll(socket, "EVAL \"for i = 1,3e7 do end return 'first'\" 0\r\nECHO second\r\n");
  const std::string expected = "$5\r\nfirst\r\n$6\r\nsecond\r\n";
  EXPECT_EQ(ReceiveExactly(socket, expected.size()), expected);
  ::close(socket);
}

TEST_P(ScriptTime, AClientThatGoesLeavesItsScriptRunning) {
  {
    ScriptClient gone(server_, kEndlessWithKey, {"key"});
    EXPECT_TRUE(BecomesBusy("key"));
  }
  EXPECT_EQ(Say(server_, {"GET", "key"}), kBusy);
  Kill();
  EXPECT_TRUE(Eventually([&] { return Say(server_, {"GET", "key"}).empty(); }));
}

TEST_P(ScriptTime, ScriptsThatTakeTurnsAllEnd) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([this, i] {
      const std::string key = "key" + std::to_string(i % 3);
      EXPECT_EQ(Say(server_, {"EVAL", "for i = 1,5e6 do end return redis.call('INCR',KEYS[1])", "1", key}).size(), 1u);
      EXPECT_EQ(Say(server_, {"EVAL", "for i = 1,5e6 do end return redis.call('INCR','undeclared')", "0"}).size(), 1u);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Say(server_, {"GET", "undeclared"}), "6");
  EXPECT_EQ(Say(server_, {"GET", "key0"}), "2");
}

TEST_P(ScriptTime, ShutdownNoSaveEndsAServerWithAScriptThatHasWritten) {
#ifdef RINGKV_THREAD_SANITIZED
  GTEST_SKIP() << "the thread of that script is left behind, which ThreadSanitizer reports as a leak";
#endif
  ScriptClient running(server_, kEndlessWriter, {"key"});
  EXPECT_TRUE(BecomesBusy("key"));
  EXPECT_EQ(Say(server_, {"SHUTDOWN"}), kBusy);
  Say(server_, {"SHUTDOWN", "NOSAVE"});
  EXPECT_EQ(server_.WaitForEnd(), 0);
}

TEST_P(ScriptTime, SigtermKillsAnEndlessScriptAfterTheTimeout) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0", "shutdown-timeout", "0"});
  ScriptClient running(server_, kEndlessWithKey, {"key"});
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.WaitForEnd(), 0);
}

TEST_P(ScriptTime, AServerEndsWhileAScriptRuns) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  ScriptClient running(server_, "for i = 1,3e7 do end redis.call('SET',KEYS[1],'x')", {"key"});
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.WaitForEnd(), 0);
}

// --- in MULTI ---

TEST_P(ScriptTime, AnEndlessScriptInATransactionIsKilledAndTheOthersRun) {
  TransactionClient running(server_, {{"SET", "key", "1"}, {"EVAL", kEndless, "0"}, {"INCR", "key"}});
  EXPECT_TRUE(BecomesBusy("key"));
  Kill();
  const Reply reply = running.Take();
  ASSERT_EQ(reply->elements, 3u);
  EXPECT_TRUE(std::string(reply->element[1]->str).starts_with("ERR Script killed by user with SCRIPT KILL."));
  EXPECT_EQ(reply->element[2]->integer, 2);
  EXPECT_EQ(Say(server_, {"GET", "key"}), "2");
}

TEST_P(ScriptTime, AScriptInATransactionThatHasWrittenIsNotKilled) {
  TransactionClient running(server_, {{"EVAL", kEndlessWriter, "1", "key"}});
  EXPECT_TRUE(BecomesBusy("key"));
  EXPECT_TRUE(Say(server_, {"SCRIPT", "KILL"}).starts_with("UNKILLABLE "));
  EXPECT_EQ(Say(server_, {"SHUTDOWN"}), kBusy);
#ifndef RINGKV_THREAD_SANITIZED
  Say(server_, {"SHUTDOWN", "NOSAVE"});
  EXPECT_EQ(server_.WaitForEnd(), 0);
#endif
}

TEST_P(ScriptTime, OtherKeysAreServedDuringATransactionWithAScript) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  const std::string endless = "redis.log(redis.LOG_WARNING,'the script has begun') while true do end";
  TransactionClient running(server_, {{"SET", "key", "1"}, {"EVAL", endless, "0"}});
  EXPECT_TRUE(Eventually([&] { return server_.Log().find("the script has begun") != std::string::npos; }));
  EXPECT_EQ(Say(server_, {"SET", "other", "x"}), "OK");
  EXPECT_EQ(Say(server_, {"GET", "other"}), "x");
  EXPECT_TRUE(Eventually([&] { return Say(server_, {"SCRIPT", "KILL"}) == "OK"; }));
  EXPECT_EQ(running.Take()->elements, 2u);
}

TEST_P(ScriptTime, ATransactionOfManyScriptsTakesTurns) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  std::vector<std::vector<std::string>> commands(1000, {"EVAL", "for i = 1,2e5 do end return 1", "1", "key"});
  commands.front() = {"EVAL", "redis.log(redis.LOG_WARNING,'the transaction has begun')", "0"};
  TransactionClient running(server_, commands);
  EXPECT_TRUE(Eventually([&] { return server_.Log().find("the transaction has begun") != std::string::npos; }));
  EXPECT_EQ(Say(server_, {"SET", "other", "x"}), "OK");
  EXPECT_FALSE(running.HasReply());
  EXPECT_EQ(running.Take()->elements, commands.size());
}

TEST_P(ScriptTime, ATransactionWhoseClientGoesIsExecutedToItsEnd) {
  {
    TransactionClient gone(server_, {{"EVAL", "redis.call('GET',KEYS[1]) while true do end", "1", "key"},
                                     {"SELECT", "1"},
                                     {"SET", "key", "in 1"},
                                     {"SUBSCRIBE", "channel"}});
    EXPECT_TRUE(BecomesBusy("key"));
  }
  Kill();
  const Context context = ConnectTo(server_);
  EXPECT_TRUE(Eventually([&] {
    Ask(context.get(), {"SELECT", "1"});  // its thread may be busy still
    const Reply reply = Ask(context.get(), {"GET", "key"});
    return reply->str != nullptr && std::string(reply->str) == "in 1";
  }));
  EXPECT_TRUE(Eventually([&] { return Ask(context.get(), {"PUBLISH", "channel", "x"})->integer == 0; }));
}

TEST_P(ScriptTime, ATransactionLeavesItsStateToTheConnection) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  const Context context = ConnectTo(server_);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"MULTI"},
           {"EVAL", "for i = 1,1e7 do end return redis.call('SET','undeclared','x')", "0"},
           {"SELECT", "1"}}) {
    Ask(context.get(), words);
  }
  EXPECT_EQ(Ask(context.get(), {"EXEC"})->elements, 2u);
  EXPECT_EQ(Ask(context.get(), {"EXISTS", "undeclared"})->integer, 0);
  EXPECT_EQ(Say(server_, {"GET", "undeclared"}), "x");
  EXPECT_STREQ(Ask(context.get(), {"EXEC"})->str, "ERR EXEC without MULTI");
}

// Each holds a key that the other's script uses without having declared it.
TEST_P(ScriptTime, TransactionsWithUndeclaredKeysDoNotDeadlock) {
  Say(server_, {"CONFIG", "SET", "busy-reply-threshold", "0"});
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([this, i] {
      const Context context = ConnectTo(server_);
      const std::string other = "key" + std::to_string(1 - i);
      for (int round = 0; round < 20; ++round) {
        Ask(context.get(), {"MULTI"});
        Ask(context.get(), {"INCR", "key" + std::to_string(i)});
        Ask(context.get(), {"EVAL", "for i = 1,2e5 do end return redis.call('INCR',ARGV[1])", "0", other});
        const Reply reply = Ask(context.get(), {"EXEC"});
        ASSERT_TRUE(reply != nullptr && reply->elements == 2);
        EXPECT_EQ(reply->element[1]->type, REDIS_REPLY_INTEGER);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Say(server_, {"GET", "key0"}), "40");
  EXPECT_EQ(Say(server_, {"GET", "key1"}), "40");
}

INSTANTIATE_TEST_SUITE_P(Threads, ScriptTime, testing::Values("1", "2"));

// Scripts move an amount between keys that they declare, or do not, beside transactions that do so: the sum stays.
TEST(Scripts, AreAtomicWhateverKeysTheyDeclare) {
  ServerProcess server({"--io-threads", "2"});
  constexpr int kKeys = 8;
  constexpr int kMoves = 300;
  for (int i = 0; i < kKeys; ++i) Say(server, {"SET", "k" + std::to_string(i), "1000"});
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&server, client] {
      const Context context = ConnectTo(server);
      for (int i = 0; i < kMoves; ++i) {
        const std::string from = "k" + std::to_string((i * 7 + client) % kKeys);
        const std::string to = "k" + std::to_string((i * 3 + client * 5 + 1) % kKeys);
        if (client == 0) {
          Ask(context.get(), {"EVAL", "redis.call('DECR',KEYS[1]) redis.call('INCR',KEYS[2])", "2", from, to});
        } else if (client == 1) {
          Ask(context.get(), {"EVAL", "redis.call('DECR',ARGV[1]) redis.call('INCR',ARGV[2])", "0", from, to});
        } else if (client == 2) {
          Ask(context.get(), {"EVAL", "redis.call('DECR',KEYS[1]) redis.call('INCR',ARGV[1])", "1", from, to});
        } else {
          const std::string sum = "local sum = 0 for i = 0," + std::to_string(kKeys - 1) +
                                  " do sum = sum + redis.call('GET','k'..i) end return sum";
          EXPECT_EQ(Ask(context.get(), {"EVAL", sum, "0"})->integer, kKeys * 1000);
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(
      Say(server, {"EVAL", "local sum = 0 for i = 0,7 do sum = sum + redis.call('GET','k'..i) end return sum", "0"}),
      std::to_string(kKeys * 1000));
}

TEST(Scripts, AScriptServesBlockedClientsWhenItHasEnded) {
  ServerProcess server;
  WaitingClient waiting(server, {"BLPOP", "list", "0"});
  EXPECT_EQ(Say(server, {"EVAL", "redis.call('RPUSH',KEYS[1],'a','b') return redis.call('LLEN',KEYS[1])", "1", "list"}),
            "2");
  EXPECT_STREQ(waiting.Take()->element[1]->str, "a");
}

// It would count for maxmemory for good, and no command frees it.
TEST(Scripts, NothingOfLargeArgumentsStaysWhenTheyHaveEnded) {
  ServerProcess server;
  EXPECT_EQ(Say(server, {"FUNCTION", "LOAD",
                         "#!lua name=size\nredis.register_function('size', function(keys, args) "
                         "return #args[1] end)"}),
            "size");
  const std::string script = "for i = 1, tonumber(ARGV[2]) do end return #ARGV[1]";
  const std::string sha1 = Say(server, {"SCRIPT", "LOAD", script});
  const std::string large(20 << 20, 'x');
  const std::string quick = "1";
  const std::string slow = std::to_string(10'000'000);
  const uint64_t before = std::stoull(server.Info("used_memory"));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"EVAL", script, "0", large, quick},
           {"EVAL", script, "0", large, slow},
           {"EVALSHA", sha1, "0", large, quick},
           {"EVAL", "return #KEYS[1]", "1", large},
           {"FCALL", "size", "0", large},
           {"EVAL", "return #redis.call('ECHO', ARGV[1])", "0", large},
       }) {
    for (const bool is_queued : {false, true}) {
      const Context client = ConnectTo(server);
      if (is_queued) Ask(client.get(), {"MULTI"});
      Reply reply = Ask(client.get(), words);
      if (is_queued) reply = Ask(client.get(), {"EXEC"});
      ASSERT_NE(reply, nullptr);
      EXPECT_EQ((is_queued ? reply->element[0] : reply.get())->integer, static_cast<int64_t>(large.size()));
    }
    EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("used_memory")) < before + (2 << 20); }))
        << words[0] << ' ' << words[1] << ": " << std::stoull(server.Info("used_memory")) - before << " bytes are left";
  }
}

}  // namespace
}  // namespace ringkv::test
