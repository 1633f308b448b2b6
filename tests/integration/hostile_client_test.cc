// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <random>

#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

// What a client gets that sends these bytes, up to the server's closing.
std::string Provoke(const ServerProcess& server, const std::string& bytes) {
  const int socket = server.Connect();
  SendAll(socket, bytes);
  const std::string reply = ReceiveToEnd(socket);
  ::close(socket);
  return reply;
}

TEST(HostileClient, AProtocolErrorIsSaidAndEndsTheConnection) {
  ServerProcess server;
  EXPECT_EQ(Provoke(server, "*1\r\n$-5\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_EQ(Provoke(server, "*-99999999999999999999\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_EQ(Provoke(server, "PING\r\n*1\r\n:5\r\n"), "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  EXPECT_EQ(Provoke(server, std::string(200'000, 'x')), "-ERR Protocol error: too big inline request\r\n");
  EXPECT_EQ(server.Ask("PING"), "+PONG");
}

TEST(HostileClient, AWebPageCantSpeakToIt) {
  ServerProcess server;
  EXPECT_EQ(Provoke(server, "POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n"), "");
  Provoke(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n");
  EXPECT_EQ(server.Ask("EXISTS a"), ":0");
}

TEST(HostileClient, ARequestMayHaveMillionsOfArguments) {
  ServerProcess server;
  const int socket = server.Connect();
  constexpr int kMembers = 1'100'000;
  std::string request = "*" + std::to_string(kMembers + 2) + "\r\n$5\r\nRPUSH\r\n$1\r\na\r\n";
  for (int i = 0; i < kMembers; ++i) request += "$1\r\nx\r\n";
  SendAll(socket, request);
  EXPECT_EQ(ReceiveExactly(socket, 10), ":1100000\r\n");
  ::close(socket);
}

TEST(HostileClient, MemoryOfArgumentsCountsAsInput) {
  ServerProcess server({"--client-query-buffer-limit", "1mb"});
  std::string request = "*2147483647\r\n";
  for (int i = 0; i < 100'000; ++i) request += "$0\r\n\r\n";
  ASSERT_LT(request.size(), 1024u * 1024u);
  EXPECT_EQ(Provoke(server, request), "") << "closed, although less has come than the limit";
  EXPECT_EQ(server.Ask("PING"), "+PONG");
}

TEST(HostileClient, AStrangerMaySendLittle) {
  ServerProcess server({"--requirepass", "secret"});
  EXPECT_EQ(Provoke(server, "*11\r\n"), "-ERR Protocol error: unauthenticated multibulk length\r\n");
  EXPECT_EQ(Provoke(server, "*2\r\n$4\r\nAUTH\r\n$16385\r\n"), "-ERR Protocol error: unauthenticated bulk length\r\n");
  EXPECT_EQ(server.Ask("PING"), "-NOAUTH Authentication required.");
}

TEST(HostileClient, RandomBytesDontHurt) {
  ServerProcess server;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string alphabet("*$\r\n0123456789-\"'\\x GETSCAN\0\xff", 30);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 2000, '\0');
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    const int socket = server.Connect();
    SendAll(socket, bytes);
    ::close(socket);
  }
  EXPECT_EQ(server.Ask("PING"), "+PONG");
}

TEST(HostileClient, ClientsThatConnectAndGoLeaveNothingBehind) {
  ServerProcess server;
  for (int i = 0; i < 3000; ++i) {
    const int socket = server.Connect();
    if (i % 3 == 0) SendAll(socket, "SET key value\r\n");
    if (i % 3 == 1) SendAll(socket, "*3\r\n$3\r\nSE");
    ::close(socket);
  }
  EXPECT_TRUE(Eventually([&] { return server.Info("connected_clients") == "1"; }));
}

TEST(HostileClient, IdleConnectionsAreCheapAndDelayNoOtherClient) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const size_t count = std::min<size_t>(5000, static_cast<size_t>(limit.rlim_cur) / 2);
  ServerProcess server;
  server.Ask("PING");
  const size_t before = server.ResidentBytes();
  std::vector<int> sockets;
  for (size_t i = 0; i < count; ++i) {
    sockets.push_back(server.Connect());
    SendAll(sockets.back(), "PING\r\n");
  }
  for (const int socket : sockets) ReceiveExactly(socket, 7);
  EXPECT_EQ(server.Ask("PING"), "+PONG");
#ifndef RINGKV_SANITIZED
  EXPECT_TRUE(Eventually([&] { return (server.ResidentBytes() - before) / count < 8192; }))
      << (server.ResidentBytes() - before) / count << " bytes a connection";
#else
  static_cast<void>(before);
#endif
  for (const int socket : sockets) ::close(socket);
}

TEST(HostileClient, ClientsAboveMaxclientsGetAnError) {
  ServerProcess server({"--maxclients", "3"});
  std::vector<int> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(server.Connect());
    SendAll(sockets.back(), "PING\r\n");
    ReceiveExactly(sockets.back(), 7);
  }
  const int one_too_many = server.Connect();
  EXPECT_EQ(ReceiveToEnd(one_too_many), "-ERR max number of clients reached\r\n");
  for (const int socket : sockets) ::close(socket);
  ::close(one_too_many);
}

TEST(HostileClient, ASilentClientIsClosedAfterItsTime) {
  ServerProcess server({"--timeout", "1"});
  const int socket = server.Connect();
  EXPECT_EQ(ReceiveToEnd(socket), "");
  ::close(socket);
}

TEST(HostileClient, APatternOfManyStarsDelaysNoOtherClient) {
  ServerProcess server;
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  server.Ask("SET " + std::string(5000, 'a') + " v");
  EXPECT_EQ(server.Ask("KEYS " + pattern + "b"), "*0");
}

}  // namespace
}  // namespace ringkv::test
