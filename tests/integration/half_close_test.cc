// SPDX-License-Identifier: MIT
// Clients that close their half of the connection, and connections that leave by another door.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

// What comes until the server closes, when the client closes its half behind `requests`.
std::string AskAndClose(int client, const std::string& requests) {
  SendAll(client, requests);
  ::shutdown(client, SHUT_WR);
  const std::string replies = ReceiveToEnd(client);
  ::close(client);
  return replies;
}

TEST(HalfClose, RequestsBeforeAHalfCloseAreAnswered) {
  ServerProcess server;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(AskAndClose(server.Connect(), "PING\r\n"), "+PONG\r\n");
  const int later = server.Connect();
  SendAll(later, "PING\r\n");
  ASSERT_EQ(ReceiveExactly(later, 7), "+PONG\r\n");
  EXPECT_EQ(AskAndClose(later, "ECHO a\r\nECHO b\r\n"), "$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "MULTI\r\nPING\r\nEXEC\r\n"), "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "PING\r\nPIN"), "+PONG\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), ""), "");
  EXPECT_TRUE(Eventually([&] { return server.Info("connected_clients") == "1"; }));
}

TEST(HalfClose, ManyRequestsAreAnsweredAllOfThem) {
  ServerProcess server({"--client-output-pause-bytes", "10kb"});
  const std::string value(10'000, 'v');
  ASSERT_EQ(AskAndClose(server.Connect(), "SET k " + value + "\r\n"), "+OK\r\n");
  const std::string replies =
      AskAndClose(server.ConnectWithBuffers(8 * 1024), Repeat("GET k\r\n", 2000) + "SET done 1\r\n");
  EXPECT_TRUE(replies == Repeat("$10000\r\n" + value + "\r\n", 2000) + "+OK\r\n") << replies.size();
}

TEST(HalfClose, BlockingCommandsEndWithTheirClient) {
  ServerProcess server;
  EXPECT_EQ(AskAndClose(server.Connect(), "PING\r\nBLPOP nosuch 0\r\nPING\r\n"), "+PONG\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "PING\r\nWAIT 1 0\r\nPING\r\n"), "+PONG\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "SUBSCRIBE c\r\n"), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "MONITOR\r\n"), "+OK\r\n");
  EXPECT_EQ(server.Ask("RPUSH nosuch a"), ":1");
  EXPECT_EQ(server.Info("blocked_clients"), "0");
  EXPECT_TRUE(Eventually([&] { return server.Info("connected_clients") == "1"; }));
}

TEST(HalfClose, ABlockingCommandThatBeginsBehindUnreadRepliesEndsItsClient) {
  ServerProcess server({"--client-output-pause-bytes", "10kb"});
  const std::string value(10'000, 'v');
  ASSERT_EQ(AskAndClose(server.Connect(), "SET k " + value + "\r\n"), "+OK\r\n");
  for (const std::string blocking : {"BLPOP q 0\r\n", "WAIT 1 0\r\n"}) {
    const std::string replies =
        AskAndClose(server.ConnectWithBuffers(8 * 1024), Repeat("GET k\r\n", 2000) + blocking + "SET done 1\r\n");
    EXPECT_TRUE(replies == Repeat("$10000\r\n" + value + "\r\n", 2000)) << blocking << replies.size();
  }
  EXPECT_EQ(server.Info("blocked_clients"), "0");
  EXPECT_EQ(server.Ask("RPUSH q v"), ":1");
  EXPECT_EQ(server.Ask("LLEN q"), ":1");
  EXPECT_EQ(server.Ask("EXISTS done"), ":0");
}

TEST(HalfClose, ABlockingCommandThatBeginsAfterAPauseEndsItsClient) {
  ServerProcess server({"--io-threads", "1"});
  ASSERT_EQ(server.Ask("CLIENT PAUSE 100000 WRITE"), "+OK");
  const int client = server.Connect();
  SendAll(client, "PING\r\nBLPOP q 0\r\n");
  ASSERT_EQ(ReceiveExactly(client, 7), "+PONG\r\n");
  ::shutdown(client, SHUT_WR);
  ASSERT_EQ(server.Ask("CLIENT UNPAUSE"), "+OK");
  EXPECT_EQ(ReceiveToEnd(client), "");
  ::close(client);
  EXPECT_EQ(server.Ask("RPUSH q v"), ":1");
  EXPECT_EQ(server.Ask("LLEN q"), ":1");
}

TEST(HalfClose, HeldRepliesAreSentWhenTheyAreDurable) {
  ServerProcess server({"--appendonly", "yes", "--appendfsync", "always"});
  const int count = 100;
  EXPECT_EQ(AskAndClose(server.Connect(), Repeat("INCR n\r\n", count)).substr(0, 8), ":1\r\n:2\r\n");
  EXPECT_EQ(AskAndClose(server.Connect(), "GET n\r\n"), "$3\r\n100\r\n");
}

TEST(HalfClose, APausedRequestIsAnsweredWhenThePauseEnds) {
  ServerProcess server;
  ASSERT_EQ(server.Ask("CLIENT PAUSE 100000 WRITE"), "+OK");
  const int client = server.Connect();
  SendAll(client, "SET k v\r\n");
  ::shutdown(client, SHUT_WR);
  ASSERT_EQ(server.Ask("CLIENT UNPAUSE"), "+OK");
  EXPECT_EQ(ReceiveToEnd(client), "+OK\r\n");
  ::close(client);
}

TEST(HalfClose, HttpRequestsAreAnswered) {
  const int port = FreePorts(1)[0];
  ServerProcess server({"--http-port", std::to_string(port)});
  for (const std::string& body : {std::string("v"), std::string(3'000'000, 'v')}) {
    HttpClient client(port);
    client.Send("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body + Repeat("GET /keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n", 5));
    client.CloseHalf();
    EXPECT_EQ(client.Receive().status, 204);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.Receive().body == body);
    EXPECT_TRUE(client.HasEnded());
  }
}

}  // namespace
}  // namespace ringkv::test
