// SPDX-License-Identifier: MIT
// Clients move from thread to thread between two requests, and don't notice.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/moving_clients.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

// How often the thread of this name has gone to sleep.
int64_t CountSwitches(pid_t pid, const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string found;
    if (!std::getline(comm, found) || found != name) continue;
    std::ifstream status(task.path() / "status");
    const std::string field = "voluntary_ctxt_switches:";
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(field)) return std::stoll(line.substr(field.size()));
    }
  }
  return -1;
}

double CpuSeconds(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));  // from the third on
  std::string word;
  for (int field = 3; field < 14; ++field) fields >> word;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

class MovingClients : public testing::Test {
 protected:
  void RunAll(const std::vector<RoundsOfWork>& works) { RunWhileClientsMove(server_, works); }
  Context Connect() const {
    Context context = ConnectTo(server_);
    ::redisSetTimeout(context.get(), {.tv_sec = 60, .tv_usec = 0});
    return context;
  }

  ServerProcess server_{{"--io-threads", "4", "--hz", "100", "--enable-debug-command", "yes"}};
};

TEST_F(MovingClients, KeepWhatTheyHaveSet) {
  ASSERT_EQ(Say(server_, {"ACL", "SETUSER", "ada", "on", ">word", "~*", "&*", "+@all"}), "OK");
  const Context ada = Connect();
  ASSERT_EQ(AskText(ada, {"AUTH", "ada", "word"}), "OK");
  ASSERT_EQ(AskText(ada, {"SELECT", "3"}), "OK");
  ASSERT_EQ(AskText(ada, {"CLIENT", "SETNAME", "engine"}), "OK");
  ASSERT_EQ(AskText(ada, {"SET", "key", "of 3"}), "OK");
  const std::string id = AskText(ada, {"CLIENT", "ID"});
  const int modern = server_.Connect();  // hiredis knows no RESP3
  SendAll(modern, "HELLO 3\r\nCLIENT REPLY OFF\r\nSELECT 3\r\nCLIENT REPLY ON\r\n");
  while (ReceiveExactly(modern, 1) != "+") {
  }
  ASSERT_EQ(ReceiveExactly(modern, 4), "OK\r\n");
  RunAll({[&](unsigned) {
    EXPECT_EQ(AskText(ada, {"GET", "key"}), "of 3");
    EXPECT_EQ(AskText(ada, {"CLIENT", "GETNAME"}), "engine");
    EXPECT_EQ(AskText(ada, {"CLIENT", "ID"}), id);
    EXPECT_EQ(AskText(ada, {"ACL", "WHOAMI"}), "ada");
    SendAll(modern, "GET none\r\nGET key\r\n");
    EXPECT_EQ(ReceiveExactly(modern, 13), "_\r\n$4\r\nof 3\r\n");
    EXPECT_NE(AskText(ada, {"CLIENT", "INFO"}).find("user=ada"), std::string::npos);
  }});
  ::close(modern);
}

TEST_F(MovingClients, GetTheirRepliesInOrder) {
  std::array<Context, 3> clients{Connect(), Connect(), Connect()};
  std::array<int64_t, 3> counts{};
  std::vector<RoundsOfWork> works;
  for (size_t i = 0; i < clients.size(); ++i) {
    works.emplace_back([&, i](unsigned round) {
      const unsigned depth = 1 + round * 7 % 60;
      for (unsigned sent = 0; sent < depth; ++sent) {
        SendRequest(clients[i].get(), {"INCR", "counter:" + std::to_string(i)});
      }
      for (unsigned taken = 0; taken < depth; ++taken) {
        ASSERT_EQ(TextOf(TakeReply(clients[i].get())), std::to_string(++counts[i]));
      }
    });
  }
  RunAll(works);
}

TEST_F(MovingClients, TransactionsAndWatchedKeysStayWhole) {
  std::array<Context, 3> clients{Connect(), Connect(), Connect()};
  std::array<int64_t, 3> added{};
  std::vector<RoundsOfWork> works;
  for (size_t i = 0; i < clients.size(); ++i) {
    works.emplace_back([&, i](unsigned) {
      redisContext* const client = clients[i].get();
      ASSERT_EQ(AskText(clients[i], {"WATCH", "sum"}), "OK");
      const std::string before = AskText(clients[i], {"GET", "sum"});
      ASSERT_EQ(AskText(clients[i], {"MULTI"}), "OK");
      const int64_t next = before.empty() ? 1 : std::stoll(before) + 1;
      ASSERT_EQ(AskText(clients[i], {"SET", "sum", std::to_string(next)}), "QUEUED");
      ASSERT_EQ(AskText(clients[i], {"INCR", "both"}), "QUEUED");
      const Reply executed = Ask(client, {"EXEC"});
      ASSERT_NE(executed, nullptr);
      if (executed->type == REDIS_REPLY_ARRAY) ++added[i];
    });
  }
  RunAll(works);
  const std::string sum = std::to_string(added[0] + added[1] + added[2]);
  EXPECT_EQ(Say(server_, {"GET", "sum"}), sum);
  EXPECT_EQ(Say(server_, {"GET", "both"}), sum);
}

TEST_F(MovingClients, SubscribersMissNothing) {
  const Context subscriber = Connect();
  const Context publisher = Connect();
  RunAll({[&](unsigned round) {
    ASSERT_NE(Ask(subscriber.get(), {"SUBSCRIBE", "news"}), nullptr);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(AskText(publisher, {"PUBLISH", "news", std::to_string(i)}), "1");
    for (int i = 0; i < 20; ++i) {
      const Reply message = TakeReply(subscriber.get());
      ASSERT_TRUE(message != nullptr && message->elements == 3);
      ASSERT_EQ(std::string(message->element[2]->str), std::to_string(i));
    }
    ASSERT_NE(Ask(subscriber.get(), {"UNSUBSCRIBE"}), nullptr);
    for (unsigned i = 0; i < round % 16; ++i) ASSERT_EQ(AskText(subscriber, {"ECHO", "x"}), "x");
    ASSERT_EQ(AskText(publisher, {"PUBLISH", "news", "nobody"}), "0");
  }});
}

TEST_F(MovingClients, BlockedOnesAreServed) {
  const Context waiting = Connect();
  const Context pushing = Connect();
  RunAll({[&](unsigned round) {
    SendRequest(waiting.get(), {"BLPOP", "queue", "0"});
    if (round % 2 == 0) {
      ASSERT_EQ(AskText(pushing, {"ECHO", "first"}), "first");
    }
    ASSERT_EQ(AskText(pushing, {"RPUSH", "queue", std::to_string(round)}).empty(), false);
    const Reply popped = TakeReply(waiting.get());
    ASSERT_TRUE(popped != nullptr && popped->elements == 2);
    ASSERT_EQ(std::string(popped->element[1]->str), std::to_string(round));
    if (round % 8 != 0) return;
    SendRequest(waiting.get(), {"BLPOP", "queue", "0.01"});
    ASSERT_EQ(TakeReply(waiting.get())->type, REDIS_REPLY_NIL);
  }});
}

TEST_F(MovingClients, MonitorsPausesAndOthersGoOn) {
  const Context monitor = Connect();
  const Context other = Connect();
  const Context third = Connect();
  RunAll(
      {[&](unsigned round) {
         const std::string word = "round-" + std::to_string(round);
         ASSERT_EQ(AskText(monitor, {"MONITOR"}), "OK");
         ASSERT_EQ(AskText(other, {"ECHO", word}), word);
         while (TextOf(TakeReply(monitor.get())).find(word) == std::string::npos) ASSERT_EQ(monitor->err, 0);
         // Lines of others may come before.
         SendRequest(monitor.get(), {"RESET"});
         while (TextOf(TakeReply(monitor.get())) != "RESET") ASSERT_EQ(monitor->err, 0);
         for (unsigned i = 0; i < round % 16; ++i) ASSERT_EQ(AskText(monitor, {"ECHO", "x"}), "x");
       },
       [&](unsigned round) {
         if (round % 16 == 0) {
           const std::string what = round % 32 == 0 ? "ALL" : "WRITE";
           ASSERT_EQ(AskText(third, {"CLIENT", "PAUSE", "3", what}), "OK");
         }
         ASSERT_EQ(AskText(third, {"SET", "paused", std::to_string(round)}), "OK");
         ASSERT_EQ(AskText(third, {"EVAL", "return redis.call('GET', KEYS[1])", "1", "paused"}), std::to_string(round));
       }});
}

TEST_F(MovingClients, AreFoundByThoseWhoCloseThem) {
  const Context killer = Connect();
  RunAll({[&](unsigned round) {
    const Context victim = Connect();
    const std::string id = AskText(victim, {"CLIENT", "ID"});
    for (unsigned i = 0; i < round % 64; ++i) ASSERT_EQ(AskText(victim, {"ECHO", "x"}), "x");
    ASSERT_EQ(AskText(killer, {"CLIENT", "KILL", "ID", id}), "1");
    void* nothing = nullptr;
    ASSERT_EQ(::redisGetReply(victim.get(), &nothing), REDIS_ERR);
    ASSERT_EQ(victim->err, REDIS_ERR_EOF) << victim->errstr;
  }});
}

// Also where no thread has much to do.
TEST(Threads, ManyConnectionsTakeAnotherThreadAndGiveItUp) {
  const ServerProcess server;
  const bool has_several = server.Info("io_threads") != "1";
  std::vector<int> sockets;
  for (int i = 0; i < 300; ++i) sockets.push_back(server.Connect());
  EXPECT_TRUE(Eventually([&] { return server.Info("io_threads_serving") == (has_several ? "2" : "1"); }));
  EXPECT_EQ(server.Info("io_threads_active"), has_several ? "1" : "0");
  for (int i = 0; i < 200; ++i) ::close(sockets[static_cast<size_t>(i)]);
  sockets.erase(sockets.begin(), sockets.begin() + 200);
  EXPECT_TRUE(Eventually([&] { return server.Info("io_threads_serving") == "1"; }));
  for (const int socket : sockets) {
    SendAll(socket, "PING\r\n");
    EXPECT_EQ(ReceiveExactly(socket, 7), "+PONG\r\n");
    ::close(socket);
  }
}

// What io-threads auto does with the load of a real server: its clients keep one thread busy, then there are two.
TEST(Threads, LoadTakesAnotherThreadAndGivesItUp) {
  const ServerProcess server;
  if (server.Info("io_threads") == "1") GTEST_SKIP() << "there is one processor";
  ASSERT_EQ(Say(server, {"SETRANGE", "bits", "999999", "x"}), "1000000");
  EXPECT_EQ(server.Info("io_threads_serving"), "1");
  std::atomic<bool> is_over{false};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      const Context client = ConnectTo(server);
      while (!is_over) {
        for (int sent = 0; sent < 8; ++sent) SendRequest(client.get(), {"BITCOUNT", "bits"});
        for (int taken = 0; taken < 8; ++taken) ASSERT_EQ(TextOf(TakeReply(client.get())), "4");
      }
    });
  }
  const auto began = std::chrono::steady_clock::now();
  const double cpu_before = CpuSeconds(server.pid());
  const bool has_spread = Eventually([&] { return server.Info("io_threads_serving") != "1"; });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double busy = (CpuSeconds(server.pid()) - cpu_before) / took.count();
  EXPECT_TRUE(!has_spread || Eventually([&] { return CountMoves(server) > 0; }));
  is_over = true;
  clients.clear();
  if (!has_spread && busy < 0.65) GTEST_SKIP() << "others leave the server " << busy << " of a processor";
  EXPECT_TRUE(has_spread) << "of a processor, it had " << busy;
  EXPECT_TRUE(Eventually([&] { return server.Info("io_threads_serving") == "1"; }));
}

TEST(Threads, AThreadWithoutClientsSleeps) {
  const ServerProcess server({"--io-threads", "4", "--hz", "500"});
  const auto switches_of = [&server](const std::string& name) { return CountSwitches(server.pid(), name); };
  const int client = server.Connect();
  SendAll(client, "PING\r\n");
  ReceiveExactly(client, 7);
  const auto await_ticks = [&] {
    const int64_t active = switches_of("io-0");
    EXPECT_TRUE(Eventually([&] { return switches_of("io-0") > active + 20; }));
  };
  EXPECT_TRUE(Eventually([&] { return switches_of("io-3") > 0; }));
  await_ticks();  // the thread may still have been beginning
  const int64_t idle = switches_of("io-3");
  await_ticks();
  EXPECT_EQ(switches_of("io-3"), idle);
  ::close(client);
}

}  // namespace
}  // namespace ringkv::test
