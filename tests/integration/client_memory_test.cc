// SPDX-License-Identifier: MIT
// maxmemory-clients: what all clients take together, and who is closed for it.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/redis_client.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

// A client that makes the server hold so many bytes of an unfinished request.
int ConnectWithUnfinished(const ServerProcess& server, size_t bytes, const std::string& before = "") {
  const int client = server.Connect();
  SendAll(client, before + "*2\r\n$4\r\nECHO\r\n$10000000\r\n" + std::string(bytes, 'x'));
  return client;
}

bool HasEnded(int client) { return ReceiveExactly(client, 1).empty(); }

void ExpectEvicted(const ServerProcess& server, int count) {
  EXPECT_TRUE(Eventually([&] { return server.Info("evicted_clients") == std::to_string(count); }))
      << server.Info("evicted_clients");
}

TEST(ClientMemory, TheLargestClientsAreClosed) {
  ServerProcess server({"--maxmemory-clients", "10mb"});
  const int small = ConnectWithUnfinished(server, 100'000);
  const int large = ConnectWithUnfinished(server, 1'500'000);
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("mem_clients_normal")) > 1'500'000; }));
  EXPECT_EQ(server.Info("evicted_clients"), "0");
  const int larger = ConnectWithUnfinished(server, 9'900'000);
  EXPECT_TRUE(HasEnded(larger));
  ExpectEvicted(server, 1);
  EXPECT_NE(server.Log().find("maxmemory-clients"), std::string::npos);
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "maxmemory-clients", "1mb"}), "OK");
  EXPECT_TRUE(HasEnded(large));
  ExpectEvicted(server, 2);
  SendAll(small, std::string(1000, 'x'));
  EXPECT_TRUE(Eventually([&] { return server.Info("connected_clients") == "2"; }));
  for (const int socket : {small, large, larger}) ::close(socket);
}

TEST(ClientMemory, ThreadsCountTogether) {
  ServerProcess server({"--maxmemory-clients", "10mb", "--io-threads", "4"});
  std::vector<int> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(ConnectWithUnfinished(server, 2'000'000));
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("evicted_clients")) >= 3; }));
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("mem_clients_normal")) <= 10u << 20; }));
  EXPECT_LT(std::stoull(server.Info("evicted_clients")), 8u);
  for (const int socket : clients) ::close(socket);
}

TEST(ClientMemory, APercentageIsOfMaxmemory) {
  ServerProcess server({"--maxmemory-clients", "2%"});
  EXPECT_EQ(Say(server, {"CONFIG", "GET", "maxmemory-clients"}), "");
  const int client = ConnectWithUnfinished(server, 4'000'000);
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("mem_clients_normal")) > 4'000'000; }));
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "maxmemory", "100mb"}), "OK");
  EXPECT_TRUE(HasEnded(client));
  ExpectEvicted(server, 1);
  ::close(client);
}

TEST(ClientMemory, ClientsWithNoEvictAreNotEvicted) {
  ServerProcess server({"--maxmemory-clients", "2mb"});
  const int kept = ConnectWithUnfinished(server, 4'000'000, "CLIENT NO-EVICT ON\r\n");
  EXPECT_EQ(ReceiveExactly(kept, 5), "+OK\r\n");
  EXPECT_TRUE(Eventually([&] { return server.Ask("PING").empty(); }));  // it takes all that others might
  SendAll(kept, std::string(6'000'000, 'x') + "\r\n");
  EXPECT_EQ(ReceiveExactly(kept, 11), "$10000000\r\n");
  ::close(kept);
  EXPECT_TRUE(Eventually([&] { return server.Ask("PING") == "+PONG"; }));
}

TEST(ClientMemory, AReplyIsCountedWhileItGrows) {
  ServerProcess server({"--maxmemory-clients", "5mb"});
  const int client = server.Connect();
  SendAll(client, "SETRANGE k 1000000 x\r\n");
  ASSERT_EQ(ReceiveExactly(client, 10), ":1000001\r\n");
  const size_t before = server.PeakResidentBytes();
  SendAll(client, "MGET" + Repeat(" k", 100) + "\r\n");
  EXPECT_TRUE(HasEnded(client));
  ExpectEvicted(server, 1);
  EXPECT_LT(server.PeakResidentBytes(), before + (30u << 20));
  ::close(client);
}

TEST(ClientMemory, QueuedCommandsWatchedKeysAndSubscriptionsAreCounted) {
  ServerProcess server({"--maxmemory-clients", "2mb"});
  const std::string name(1000, 'x');
  int evicted = 0;
  for (const auto& [first, each] : {std::pair<std::string, std::string>{"MULTI\r\n", "ECHO "},
                                    {"", "WATCH "},
                                    {"", "SUBSCRIBE "},
                                    {"", "PSUBSCRIBE "},
                                    {"", "SSUBSCRIBE "}}) {
    const int client = server.Connect();
    SendAll(client, first);
    for (int i = 0; i < 4000; ++i) SendAll(client, each + std::to_string(i) + name + "\r\n");
    ExpectEvicted(server, ++evicted);
    ::close(client);
  }
}

// A number of the client's line in CLIENT LIST.
size_t FieldOf(const ServerProcess& server, const std::string& id, const std::string& field) {
  const std::string line = Say(server, {"CLIENT", "LIST", "ID", id});
  const size_t at = line.find(" " + field + "=");
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + field.size() + 2));
}

TEST(ClientMemory, TheMemoryOfSubscriptionsIsCounted) {
  ServerProcess server({"--io-threads", "1"});
  const Context client = ConnectTo(server);
  const std::string id = std::to_string(Ask(client.get(), {"CLIENT", "ID"})->integer);
  const auto used = [&] { return std::stoull(server.Info("used_memory")); };
  constexpr int kChannels = 20'000;
  const size_t counted_before = FieldOf(server, id, "tot-mem");
  const size_t used_before = used();
  for (int i = 0; i < kChannels; ++i) Ask(client.get(), {"SUBSCRIBE", "c" + std::to_string(i)});
  const size_t counted = FieldOf(server, id, "tot-mem") - counted_before;
  const size_t taken = used() - used_before;
  EXPECT_GT(counted, taken * 9 / 10);
  EXPECT_LT(counted, taken * 5 / 4);
}

TEST(ClientMemory, FreedBuffersOfAnIdleClientAreNotCounted) {
  ServerProcess server;
  const Context client = ConnectTo(server);
  ASSERT_NE(Ask(client.get(), {"SET", "key", std::string(4'000'000, 'x')}), nullptr);
  const std::string id = std::to_string(Ask(client.get(), {"CLIENT", "ID"})->integer);
  EXPECT_TRUE(Eventually([&] { return FieldOf(server, id, "tot-mem") < 400'000; })) << FieldOf(server, id, "tot-mem");
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "maxmemory-clients", "1mb"}), "OK");
  EXPECT_STREQ(Ask(client.get(), {"PING"})->str, "PONG");
  EXPECT_EQ(server.Info("evicted_clients"), "0");
}

TEST(ClientMemory, MemoryOfABlockedClientIsCountedUntilItIsUnblocked) {
  ServerProcess server;
  std::vector<std::string> request{"BLPOP"};
  for (int i = 0; i < 10; ++i) request.push_back(std::to_string(i) + std::string(100'000, 'k'));
  request.push_back("0");
  WaitingClient answered(server, request);
  const std::string list = Say(server, {"CLIENT", "LIST"});
  const std::string id = list.substr(3, list.find(' ') - 3);
  ASSERT_NE(list.find("cmd=blpop"), std::string::npos);
  // Its arguments, and its keys among those that somebody waits for.
  EXPECT_GT(FieldOf(server, id, "argv-mem"), 2'000'000u);
  EXPECT_GT(FieldOf(server, id, "tot-mem"), 2'000'000u);
  EXPECT_EQ(Say(server, {"LPUSH", request[1], "x"}), "1");
  EXPECT_EQ(answered.Take()->elements, 2u);
  EXPECT_TRUE(Eventually([&] { return FieldOf(server, id, "argv-mem") < 10'000; }));
  WaitingClient evicted(server, request);
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "maxmemory-clients", "1mb"}), "OK");
  EXPECT_TRUE(evicted.IsClosed());
  EXPECT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "0"; }));
}

TEST(ClientMemory, RoomForALongArgumentIsNotCountedBeforeTheArgumentComes) {
  ServerProcess server({"--maxmemory-clients", "5mb"});
  const int client = ConnectWithUnfinished(server, 2'000'000);
  EXPECT_TRUE(Eventually([&] { return std::stoull(server.Info("mem_clients_normal")) > 2'000'000; }));
  EXPECT_EQ(server.Info("evicted_clients"), "0");
  ::close(client);
}

}  // namespace
}  // namespace ringkv::test
