// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

constexpr size_t kMegabyte = 1 << 20;

// The sanitizers' allocators keep what is freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kAllowance = 400 * kMegabyte;
#else
constexpr size_t kAllowance = 40 * kMegabyte;
#endif

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(BackPressure, ClientsThatNeverReadCostAFewMegabytesAndNobodyNotices) {
  ServerProcess server;
  const int setter = server.Connect();
  SendAll(setter, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$1048576\r\n" + std::string(kMegabyte, 'x') + "\r\n");
  ASSERT_EQ(ReceiveExactly(setter, 5), "+OK\r\n");
  const size_t before = server.ResidentBytes();
  std::vector<int> deaf;
  for (int i = 0; i < 5; ++i) {
    deaf.push_back(server.Connect());
    SendAll(deaf.back(), Repeat("GET big\r\n", 2000));
  }
  // They are stuck once the server has sent all that the sockets take and executes nothing more for them.
  const auto executed = [&] { return server.Info("keyspace_hits"); };
  std::string last = executed();
  ASSERT_TRUE(Eventually([&] { return std::exchange(last, executed()) == last && last != "0"; }));
  for (int i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(server.Ask("PING"), "+PONG");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  }
  EXPECT_LT(server.ResidentBytes(), before + kAllowance);
  for (const int socket : deaf) ::close(socket);
  ::close(setter);
}

TEST(BackPressure, AClientThatReadsLateGetsEverythingInOrder) {
  ServerProcess server;
  const int client = server.Connect();
  const std::string value(100'000, 'v');
  SendAll(client, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n" + value + "\r\n");
  ASSERT_EQ(ReceiveExactly(client, 5), "+OK\r\n");
  constexpr int kCommands = 300;
  std::string requests;
  std::string expected;
  for (int i = 0; i < kCommands; ++i) {
    requests += "GET k\r\nECHO " + std::to_string(i) + "\r\n";
    const std::string digits = std::to_string(i);
    expected += "$100000\r\n" + value + "\r\n$" + std::to_string(digits.size()) + "\r\n" + digits + "\r\n";
  }
  SendAll(client, requests);
  ASSERT_EQ(server.Ask("PING"), "+PONG");
  EXPECT_TRUE(ReceiveExactly(client, expected.size()) == expected);
  ::close(client);
}

TEST(BackPressure, AnOutputLimitClosesTheClient) {
  ServerProcess server({"--client-output-buffer-limit", "normal", "100000", "0", "0"});
  const int client = server.Connect();
  SendAll(client, "SETRANGE k 9000000 x\r\nGET k\r\n");
  // The reply of nine megabytes does not fit into the sockets' own buffers.
  EXPECT_LT(ReceiveToEnd(client).size(), 9'000'000u);
  ::close(client);
}

// What is announced costs nothing; what arrives does.
TEST(BackPressure, AnAnnouncedLengthTakesNoMemory) {
  ServerProcess server;
  const size_t before = server.ResidentBytes();
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    sockets.push_back(server.Connect());
    SendAll(sockets.back(), "*2\r\n$4\r\nECHO\r\n$536870912\r\nonly this");
  }
  ASSERT_EQ(server.Ask("PING"), "+PONG");
  EXPECT_LT(server.ResidentBytes(), before + kAllowance);
  for (const int socket : sockets) ::close(socket);
}

}  // namespace
}  // namespace ringkv::test
