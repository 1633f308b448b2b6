// SPDX-License-Identifier: MIT
// Functions on several threads: libraries change while they are called, and a function that runs for long is seen and
// ended.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

std::string Library(const std::string& name, const std::string& body) {
  return "#!lua name=" + name + "\nredis.register_function('" + name + "', function(keys) " + body + " end)";
}

TEST(Functions, ALibraryIsReplacedWhileItsFunctionIsCalled) {
  const ServerProcess server({"--io-threads", "3"});
  ASSERT_EQ(Say(server, {"FUNCTION", "LOAD", Library("version", "return 0")}), "version");
  std::atomic<long long> last{-1};
  std::atomic<bool> is_done{false};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const Context context = ConnectTo(server);
      long long seen = 0;
      while (!is_done) {
        const long long replied = last;
        const Reply reply = Ask(context.get(), {"FCALL", "version", "0"});
        if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) {
          ADD_FAILURE() << (reply == nullptr ? "no reply" : reply->str);
          return;
        }
        EXPECT_GE(reply->integer, seen);
        EXPECT_GE(reply->integer, replied) << "who was told of a version sees it";
        seen = reply->integer;
      }
    });
  }
  for (int i = 1; i <= 100; ++i) {
    EXPECT_EQ(Say(server, {"FUNCTION", "LOAD", "REPLACE", Library("version", "return " + std::to_string(i))}),
              "version");
    last = i;
  }
  is_done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(server.Info("number_of_functions"), "1");
}

TEST(Functions, OneThatRunsForLongIsShownAndKilled) {
  const ServerProcess server({"--io-threads", "2"});
  ASSERT_EQ(Say(server, {"FUNCTION", "LOAD", Library("endless", "while true do end")}), "endless");
  std::thread caller([&] {
    const std::string reply = Say(server, {"FCALL", "endless", "1", "key", "argument"});
    EXPECT_TRUE(reply.starts_with("ERR Script killed by user with SCRIPT KILL.")) << reply;
  });
  const Context context = ConnectTo(server);
  EXPECT_TRUE(Eventually([&] {
    const Reply stats = Ask(context.get(), {"FUNCTION", "STATS"});
    if (stats == nullptr || stats->elements != 4 || stats->element[1]->elements != 6) return false;
    const redisReply& running = *stats->element[1];
    EXPECT_STREQ(running.element[1]->str, "endless");
    EXPECT_EQ(running.element[3]->elements, 5u);
    EXPECT_STREQ(running.element[3]->element[4]->str, "argument");
    EXPECT_GE(running.element[5]->integer, 0);
    return true;
  }));
  EXPECT_EQ(Say(server, {"FUNCTION", "KILL"}), "OK");
  caller.join();
  EXPECT_EQ(Say(server, {"FUNCTION", "KILL"}), "NOTBUSY No scripts in execution right now.");
}

// So no request waits for it.
TEST(Functions, LibrariesAreLoadedBeforeTheyAreAskedFor) {
  const TempDir dir;
  const std::vector<std::string> options{"--dir", dir.Path(""), "--appendonly", "yes"};
  const auto runs_the_code = [](const ServerProcess& server) {
    return Eventually([&] { return server.Log().find("the code runs") != std::string::npos; });
  };
  {
    ServerProcess server(options);
    const std::string code = "#!lua name=a\nredis.log(redis.LOG_WARNING, 'the code runs') ";
    EXPECT_EQ(Say(server, {"FUNCTION", "LOAD", code + "redis.register_function('a', redis.log)"}), "a");
    const ServerProcess replica({"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
    EXPECT_TRUE(runs_the_code(replica));
    server.Signal(SIGTERM);
    server.WaitForEnd();
  }
  const ServerProcess server(options);
  EXPECT_TRUE(runs_the_code(server));
}

// The interpreter of another thread has it too, which may never run a function again.
TEST(Functions, WhatADeletedLibraryKeptIsFreed) {
  const ServerProcess server({"--scripts-memory-limit", "32mb"});
  const auto load = [&](const std::string& name, const std::string& before, const std::string& body) {
    return Say(server, {"FUNCTION", "LOAD",
                        "#!lua name=" + name + "\n" + before + " redis.register_function('" + name +
                            "', function(keys, args) " + body + " end)"});
  };
  const std::vector<std::vector<std::string>> ends{{"FUNCTION", "DELETE", "keep"}, {"FUNCTION", "FLUSH"}};
  for (const std::vector<std::string>& end : ends) {
    load("small", "", "return 1");
    ASSERT_EQ(load("keep", "local kept = {}", "kept[#kept + 1] = string.rep('x', args[1]) .. #kept return #kept"),
              "keep");
    for (const std::string bytes : {"1000000", "10000", "1000"}) {
      std::string reply;
      for (int call = 0; call < 10'000 && !reply.starts_with("ERR"); ++call) {
        reply = Say(server, {"FCALL", "keep", "0", bytes});
      }
      EXPECT_NE(reply.find("not enough memory"), std::string::npos) << reply;
    }
    EXPECT_EQ(Say(server, end), "OK");
    EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("used_memory_vm_functions")) < (2 << 20); }))
        << server.Info("used_memory_vm_functions");
    EXPECT_EQ(load("next", "", "return 2"), "next");
    EXPECT_EQ(Say(server, {"FCALL", "next", "0"}), "2");
    EXPECT_EQ(Say(server, {"FUNCTION", "DELETE", "next"}), "OK");
  }
}

std::string ForReaders(const std::string& name, const std::string& code, const std::string& result) {
  return "#!lua name=" + name + "\n" + code + " redis.register_function{function_name = '" + name +
         "', callback = function() return " + result + " end, flags = {'no-writes'}}";
}

TEST(Functions, OthersAreCalledWhileAReplicaLoadsALibrary) {
  const ServerProcess primary;
  const ServerProcess replica({"--replicaof", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_EQ(Say(primary, {"FUNCTION", "LOAD", ForReaders("quick", "", "'done'")}), "quick");
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"FCALL_RO", "quick", "0"}) == "done"; }));
  const Context waiting = ConnectTo(replica);
  bool has_passed = false;
  int steps = 50'000'000;  // fewer, when the machine is too busy for the time that a library may take
  for (int round = 0; round < 20 && !has_passed; ++round) {
    const std::string number = "'" + std::to_string(round) + "'";
    const std::string slow = "redis.log(redis.LOG_WARNING, 'begins ' .. " + number + ") for i = 1, " +
                             std::to_string(steps) +
                             " do end "
                             "redis.log(redis.LOG_WARNING, 'is loaded ' .. " +
                             number + ")";
    if (Say(primary, {"FUNCTION", "LOAD", "REPLACE", ForReaders("slow", slow, number)}) != "slow") {
      steps /= 2;
      continue;
    }
    ASSERT_TRUE(Eventually([&] { return replica.Log().find("begins " + std::to_string(round)) != std::string::npos; }));
    redisAppendCommand(waiting.get(), "FCALL_RO slow 0");
    int is_done = 0;
    while (is_done == 0) ASSERT_EQ(redisBufferWrite(waiting.get(), &is_done), REDIS_OK);
    EXPECT_EQ(Say(replica, {"FCALL_RO", "quick", "0"}), "done");
    has_passed = replica.Log().find("is loaded " + std::to_string(round)) == std::string::npos;
    void* raw = nullptr;
    ASSERT_EQ(redisGetReply(waiting.get(), &raw), REDIS_OK);
    const Reply reply(static_cast<redisReply*>(raw));
    EXPECT_EQ(std::string(reply->str, reply->len), std::to_string(round));
  }
  EXPECT_TRUE(has_passed) << "who calls another function waits";
}

}  // namespace
}  // namespace ringkv::test
