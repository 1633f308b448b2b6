// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/redis_client.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

TEST(Blocking, BlockedClientsConnectAndDisconnectDuringPushes) {
  ServerProcess server({"--io-threads", "2"});
  constexpr int kPushes = 400;
  std::atomic<int> taken{0};
  std::atomic<bool> stopping{false};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&] {
      const Context context = ConnectTo(server);
      while (!stopping) {
        if (Ask(context.get(), {"BLPOP", "a", "b", "0.01"})->type == REDIS_REPLY_ARRAY) ++taken;
      }
    });
  }
  // These go amid waiting, and whoever ends their waiting comes too early or too late.
  waiters.emplace_back([&] {
    const Context context = ConnectTo(server);
    while (!stopping) {
      const int socket = server.Connect();
      SendAll(socket, "BZPOPMIN z a 0\r\nBLPOP nosuch 0\r\n");
      Ask(context.get(), {"CLIENT", "UNBLOCK", "5"});
      ::close(socket);
    }
  });
  std::vector<std::thread> pushers;
  for (const std::string key : {"a", "b"}) {
    pushers.emplace_back([&server, key] {
      const Context context = ConnectTo(server);
      for (int i = 0; i < kPushes; ++i) {
        if (i % 2 == 0) {
          Ask(context.get(), {"RPUSH", key, "x"});
        } else {
          Ask(context.get(), {"RPUSH", key + "2", "x"});
          Ask(context.get(), {"RPOPLPUSH", key + "2", key});
        }
      }
    });
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_TRUE(Eventually([&] { return taken == 2 * kPushes; })) << taken;
  stopping = true;
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "0"; }));
  EXPECT_EQ(Say(server, {"EXISTS", "a", "b", "a2", "b2"}), "0");
}

TEST(Blocking, ABlockingCommandThatEndsAtOnceGetsOneReply) {
  ServerProcess server;
  const int socket = server.Connect();
  constexpr int kRounds = 200;
  std::string requests;
  std::string expected;
  for (int i = 0; i < kRounds; ++i) {
    requests += "BLPOP nosuch 0.0001\r\nPING\r\n";
    expected += "*-1\r\n+PONG\r\n";
  }
  SendAll(socket, requests);
  EXPECT_EQ(ReceiveExactly(socket, expected.size()), expected);
  ::close(socket);
}

TEST(Blocking, TheStatisticsOfACommandKnowHowItEnded) {
  ServerProcess server;
  Say(server, {"SET", "other", "x"});
  WaitingClient mover(server, {"BLMOVE", "list", "other", "LEFT", "LEFT", "0"});
  Say(server, {"RPUSH", "list", "x"});
  EXPECT_STREQ(mover.Take()->str, "WRONGTYPE Operation against a key holding the wrong kind of value");
  EXPECT_NE(server.Info("cmdstat_blmove").find("failed_calls=1"), std::string::npos);
  EXPECT_EQ(server.Info("errorstat_WRONGTYPE"), "count=1");
  WaitingClient popper(server, {"BLPOP", "nosuch", "0"});
  const std::string clients = Say(server, {"CLIENT", "LIST"});
  const size_t row = clients.rfind("id=", clients.find("cmd=blpop"));
  Say(server, {"CLIENT", "UNBLOCK", clients.substr(row + 3, clients.find(' ', row) - row - 3), "ERROR"});
  EXPECT_STREQ(popper.Take()->str, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
  EXPECT_NE(server.Info("cmdstat_blpop").find("failed_calls=1"), std::string::npos);
  EXPECT_EQ(server.Info("errorstat_UNBLOCKED"), "count=1");
}

// As in redis-server, whether the client gets an error or what a timeout gives.
TEST(Blocking, AnUnblockedClientsCommandIsAFailedCallAndInTheHistogram) {
  ServerProcess server;
  const Context waiting = ConnectTo(server);
  const std::string id = std::to_string(Ask(waiting.get(), {"CLIENT", "ID"})->integer);
  for (const std::string command : {"blpop", "wait"}) {
    for (const std::string reason : {"TIMEOUT", "ERROR"}) {
      Say(server, {"CONFIG", "RESETSTAT"});
      using Words = std::vector<std::string>;
      SendRequest(waiting.get(), command == "wait" ? Words{"WAIT", "1", "0"} : Words{"BLPOP", "nosuch", "0"});
      ASSERT_TRUE(Eventually([&] { return Say(server, {"CLIENT", "UNBLOCK", id, reason}) == "1"; }));
      EXPECT_EQ(TakeReply(waiting.get())->type == REDIS_REPLY_ERROR, reason == "ERROR");
      EXPECT_NE(server.Info("cmdstat_" + command).find("failed_calls=1"), std::string::npos) << command << reason;
      EXPECT_EQ(server.Info("errorstat_UNBLOCKED"), reason == "ERROR" ? "count=1" : "") << command << reason;
      const Context asking = ConnectTo(server);
      EXPECT_EQ(Ask(asking.get(), {"LATENCY", "HISTOGRAM", command})->elements, 2u) << command << reason;
    }
  }
}

// It is served by a push to a list that exists already, and does not keep those from it who want less.
TEST(Blocking, AMoveOfExactlySoManyElementsWaitsUntilTheListHasThem) {
  ServerProcess server;
  Say(server, {"RPUSH", "list", "a"});
  WaitingClient three(server, {"BLMOVEM", "list", "other", "LEFT", "RIGHT", "0", "EXACTLY", "3", "BULK"});
  WaitingClient two(server, {"BLMOVEM", "list", "other", "LEFT", "RIGHT", "0", "EXACTLY", "2", "OBO"});
  Say(server, {"RPUSH", "list", "b"});
  const Reply pair = two.Take();
  ASSERT_EQ(pair->elements, 2u);
  EXPECT_STREQ(pair->element[0]->str, "a");
  EXPECT_STREQ(pair->element[1]->str, "b");
  Say(server, {"RPUSH", "list", "c", "d"});
  EXPECT_EQ(Say(server, {"LLEN", "list"}), "2");
  EXPECT_EQ(server.Info("blocked_clients"), "1");
  Say(server, {"RPUSH", "list", "e"});
  EXPECT_EQ(three.Take()->elements, 3u);
  EXPECT_EQ(Say(server, {"EXISTS", "list"}), "0");
  EXPECT_EQ(Say(server, {"LINDEX", "other", "-1"}), "e");
}

TEST(Blocking, EndedBlockingCommandsLeaveNoState) {
  constexpr int kClients = 200;
  constexpr int kRounds = 100;
  ServerProcess server;
  const Context pusher = ConnectTo(server);
  const size_t before = std::stoull(server.Info("used_memory"));
  std::vector<int> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(server.Connect());
    // More than one for each round: with several threads a client may be served twice in one, and another one not.
    SendAll(clients.back(), Repeat("BLPOP q 86400\r\n", 2 * kRounds));
  }
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(Eventually([&] { return server.Info("blocked_clients") == std::to_string(kClients); }));
    for (int i = 0; i < kClients; ++i) ::redisAppendCommand(pusher.get(), "RPUSH q x");
    for (int i = 0; i < kClients; ++i) {
      void* reply = nullptr;
      ASSERT_EQ(::redisGetReply(pusher.get(), &reply), REDIS_OK);
      ::freeReplyObject(reply);
    }
  }
  for (const int client : clients) ::close(client);
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("used_memory")) < before + (500 << 10); }))
      << std::stoull(server.Info("used_memory")) - before << " bytes are left of " << kClients * kRounds << " waits";
}

TEST(Blocking, WaitsThatEndAtATimeAreCounted) {
  ServerProcess server;
  WaitingClient forever(server, {"BLPOP", "k", "0"});
  EXPECT_EQ(server.Info("clients_in_timeout_table"), "0");
  {
    WaitingClient list(server, {"BLPOP", "k", "100"});
    WaitingClient replicas(server, {"WAIT", "1", "100000"});
    EXPECT_EQ(server.Info("clients_in_timeout_table"), "2");
    EXPECT_EQ(server.Info("blocked_clients"), "3");
  }
  EXPECT_TRUE(Eventually([&] { return server.Info("clients_in_timeout_table") == "0"; }));
}

TEST(Blocking, ShutdownClosesConnectionsOfBlockedClients) {
  ServerProcess server({"--io-threads", "2"});
  const int socket = server.Connect();
  SendAll(socket, "BLPOP k 0\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "1"; }));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForEnd(), 0);
  char byte;
  EXPECT_EQ(::read(socket, &byte, 1), 0);
  ::close(socket);
}

// Collections that several threads change at once, each through its own mix of commands.
TEST(Collections, ThreadsChangeTheSameKeysAndAllAddsUp) {
  ServerProcess server({"--io-threads", "2", "--appendonly", "yes", "--hash-max-listpack-entries", "20"});
  constexpr int kRounds = 500;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const Context context = ConnectTo(server);
      for (int round = 0; round < kRounds; ++round) {
        const std::string name = std::to_string(round % 50);
        Ask(context.get(), {"HINCRBY", "hash", name, "1"});
        Ask(context.get(), {"ZINCRBY", "sorted", "1", name});
        Ask(context.get(), {"RPUSH", "list", name});
        Ask(context.get(), {"SADD", "set", std::to_string(i * kRounds + round)});
        Ask(context.get(), {"RPOPLPUSH", "list", "other"});
        Ask(context.get(), {"ZUNIONSTORE", "copy", "2", "sorted", "set"});
        Ask(context.get(), {"SRANDMEMBER", "set", "3"});
        Ask(context.get(), {"DUMP", "hash"});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Say(server, {"HGET", "hash", "7"}), std::to_string(4 * kRounds / 50));
  EXPECT_EQ(Say(server, {"ZSCORE", "sorted", "7"}), std::to_string(4 * kRounds / 50));
  EXPECT_EQ(Say(server, {"SCARD", "set"}), std::to_string(4 * kRounds));
  EXPECT_EQ(Say(server, {"LLEN", "other"}), std::to_string(4 * kRounds));
  EXPECT_EQ(Say(server, {"EXISTS", "list"}), "0");
}

}  // namespace
}  // namespace ringkv::test
