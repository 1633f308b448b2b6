// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

constexpr size_t kMegabyte = 1 << 20;

// The sanitizers' allocators keep what is freed.
#ifdef RINGKV_SANITIZED
constexpr size_t kAllowance = 400 * kMegabyte;
#else
constexpr size_t kAllowance = 40 * kMegabyte;
#endif

TEST(BackPressure, ClientsThatNeverReadTakeAFewMegabytesAndDelayNoOtherClient) {
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

// Sends all of it before it reads anything, as bulk loaders and pipelines of client libraries do.
std::string Exchange(const ServerProcess& server, const std::string& requests, size_t reply_bytes) {
  const int client = server.ConnectWithBuffers(32 * 1024);
  SendAll(client, requests);
  const std::string replies = ReceiveExactly(client, reply_bytes);
  ::close(client);
  return replies;
}

TEST(BackPressure, AClientThatSendsEverythingBeforeItReadsIsAnsweredLargeReplies) {
  ServerProcess server;
  const std::string value(2000, 'v');
  ASSERT_EQ(Exchange(server, "SET k " + value + "\r\n", 5), "+OK\r\n");
  constexpr int kRequests = 20'000;
  const std::string expected = Repeat("$2000\r\n" + value + "\r\n", kRequests);
  EXPECT_TRUE(Exchange(server, Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", kRequests), expected.size()) == expected);
}

TEST(BackPressure, AClientThatSendsEverythingBeforeItReadsIsAnsweredSmallReplies) {
  ServerProcess server({"--client-output-pause-bytes", "1024"});
  const size_t before = server.PeakResidentBytes();
  constexpr int kRequests = 100'000;
  const std::string expected = Repeat("+OK\r\n", kRequests);
  const std::string request = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n";
  EXPECT_TRUE(Exchange(server, Repeat(request, kRequests), expected.size()) == expected);
  // Half of what the requests would take.
  EXPECT_LT(server.PeakResidentBytes(), before + kAllowance / 20);
}

TEST(BackPressure, RequestsBeyondTheQueryBufferLimitBecomeReplies) {
  ServerProcess server({"--client-query-buffer-limit", "1mb"});
  const std::string value(200, 'v');
  ASSERT_EQ(Exchange(server, "SET k " + value + "\r\n", 5), "+OK\r\n");
  constexpr int kRequests = 150'000;
  const std::string expected = Repeat("$200\r\n" + value + "\r\n", kRequests);
  EXPECT_TRUE(Exchange(server, Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", kRequests), expected.size()) == expected);
}

TEST(BackPressure, ABlockedClientMaySendOnUpToTheQueryBufferLimit) {
  ServerProcess server({"--client-query-buffer-limit", "2mb"});
  const std::string echo = std::string(1000, 'x') + "\r\n";
  const int client = server.ConnectWithBuffers(32 * 1024);
  SendAll(client, "CLIENT ID\r\n");
  const std::string id = ReceiveExactly(client, 4);
  SendAll(client, "WAIT 1 0\r\n" + Repeat("ECHO " + echo, 1000));
  ASSERT_TRUE(Eventually([&] { return server.Ask("CLIENT UNBLOCK " + id.substr(1, 1)) == ":1"; }));
  const std::string expected = ":0\r\n" + Repeat("$1000\r\n" + echo, 1000);
  EXPECT_TRUE(ReceiveExactly(client, expected.size()) == expected);
  ::close(client);
  const int greedy = server.ConnectWithBuffers(32 * 1024);
  SendAll(greedy, "BLPOP nosuch 0\r\n" + Repeat("ECHO " + echo, 8000));
  EXPECT_EQ(ReceiveToEnd(greedy), "");
  EXPECT_EQ(server.Info("client_query_buffer_limit_disconnections"), "1");
  ::close(greedy);
}

TEST(BackPressure, BytesAfterQuitAreReadFromTheSocket) {
  ServerProcess server;
  const int client = server.ConnectWithBuffers(32 * 1024);
  SendAll(client, "SETRANGE k 8000000 x\r\nGET k\r\nQUIT\r\n" + Repeat("PING\r\n", 300'000));
  const std::string expected = ":8000001\r\n$8000001\r\n" + std::string(8'000'000, '\0') + "x\r\n+OK\r\n";
  EXPECT_TRUE(ReceiveExactly(client, expected.size()) == expected);
  ::close(client);
}

// Who has sent and goes has done what it has sent.
TEST(BackPressure, RequestsReceivedBeforeADisconnectAreExecuted) {
  ServerProcess server({"--client-output-pause-bytes", "1024"});
  const int client = server.ConnectWithBuffers(32 * 1024);
  SendAll(client, "SETRANGE big 5000000 x\r\n");
  ASSERT_EQ(ReceiveExactly(client, 10), ":5000001\r\n");
  SendAll(client, Repeat("GET big\r\n", 20) + Repeat("INCR n\r\n", 20'000) + "SET done yes\r\n");
  // Until it has come, but for what the sockets hold; 32 KB of them are 3000 requests.
  ASSERT_TRUE(Eventually([&] { return std::stoull(server.Info("client_recent_max_input_buffer")) >= 150'000; }));
  ::close(client);
  EXPECT_TRUE(Eventually([&] { return server.Ask("GET done") == "$3"; }));
  EXPECT_TRUE(Eventually([&] { return server.Info("connected_clients") == "1"; }));
}

TEST(BackPressure, AnOutputLimitClosesTheClient) {
  ServerProcess server({"--client-output-buffer-limit", "normal", "100000", "0", "0"});
  const int client = server.Connect();
  SendAll(client, "SETRANGE k 9000000 x\r\nGET k\r\n");
  // The reply of nine megabytes does not fit into the sockets' own buffers.
  EXPECT_LT(ReceiveToEnd(client).size(), 9'000'000u);
  ::close(client);
}

TEST(BackPressure, TheSoftOutputLimitClosesAnHttpClientAsWell) {
  const int port = FreePorts(1)[0];
  ServerProcess server(
      {"--http-port", std::to_string(port), "--client-output-buffer-limit", "normal", "0", "100000", "0"});
  ASSERT_EQ(server.Ask("SETRANGE k 9000000 x"), ":9000001");
  HttpClient client(port);
  client.SendRequest("GET", "/keys/k");  // and reads nothing
  EXPECT_TRUE(Eventually([&] { return server.Info("client_output_buffer_limit_disconnections") == "1"; }));
}

// A reply that exceeds the limit is given up while it grows, whichever command makes it.
TEST(BackPressure, TheOutputLimitAppliesWithinOneReply) {
  ServerProcess server({"--client-output-buffer-limit", "normal", "1mb", "0", "0"});
  const std::string value(20'000, 'v');
  const int setter = server.Connect();
  SendAll(setter, "SET s " + value + "\r\n");
  std::string setup;
  for (int i = 0; i < 100; ++i) {
    const std::string n = std::to_string(1000 + i);
    setup += "RPUSH list " + value + "\r\nHSET hash f" + n + " " + value + "\r\nSADD set " + n + value +
             "\r\nZADD zset " + n + " " + n + value + "\r\nXADD stream * f " + value + "\r\nSET " + n + value +
             " x\r\n";
  }
  SendAll(setter, setup + "PING\r\n");
  const auto has_answered = [&] {
    std::string received;
    while (!received.ends_with("+PONG\r\n")) {
      const std::string byte = ReceiveExactly(setter, 1);
      if (byte.empty()) return false;
      received += byte;
    }
    return true;
  };
  ASSERT_TRUE(has_answered());
  const std::string many = Repeat(" s", 2000);  // 40 MB
  const std::vector<std::string> requests = {
      "MGET" + many,
      "MULTI\r\n" + Repeat("GET s\r\n", 2000) + "EXEC",
      "MULTI\r\n" + Repeat("LRANGE list 0 -1\r\n", 20) + "EXEC",
      "LRANGE list 0 -1",
      "SORT list ALPHA",
      "SORT list BY nosuch" + Repeat(" GET #", 20),
      "HGETALL hash",
      "HVALS hash",
      "HRANDFIELD hash -1000 WITHVALUES",
      "SMEMBERS set",
      "SRANDMEMBER set -1000",
      "SUNION set set",
      "SSCAN set 0 COUNT 1000",
      "ZRANGE zset 0 -1",
      "ZSCAN zset 0 COUNT 1000",
      "HSCAN hash 0 COUNT 1000",
      "XRANGE stream - +",
      "XREAD STREAMS stream 0",
      "KEYS *",
      "SCAN 0 COUNT 1000",
  };
  const size_t before = server.PeakResidentBytes();
  int closed = 0;
  for (const std::string& request : requests) {
    const int client = server.Connect();
    SendAll(client, request + "\r\n");
    const std::string received = ReceiveToEnd(client);
    EXPECT_EQ(received.find("vvv"), std::string::npos) << request.substr(0, 40) << ": " << received.substr(0, 60);
    ::close(client);
    EXPECT_EQ(server.Info("client_output_buffer_limit_disconnections"), std::to_string(++closed))
        << request.substr(0, 40);
  }
  // Far less than the replies would take; some make lists of what they answer first.
  EXPECT_LT(server.PeakResidentBytes(), before + kAllowance / 2);
  ::close(setter);
}

TEST(BackPressure, ASuppressedReplyIsNotLimited) {
  ServerProcess server({"--client-output-buffer-limit", "normal", "1mb", "0", "0"});
  const int client = server.Connect();
  SendAll(client, "SETRANGE k 3000000 x\r\n");
  ASSERT_EQ(ReceiveExactly(client, 10), ":3000001\r\n");
  SendAll(client,
          "CLIENT REPLY OFF\r\nGET k\r\nMGET k k k\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nGET k\r\nPING\r\n");
  EXPECT_EQ(ReceiveExactly(client, 12), "+OK\r\n+PONG\r\n");
  ::close(client);
}

TEST(BackPressure, PushedMessagesAreLimited) {
  ServerProcess server({"--client-output-buffer-limit", "pubsub", "200kb", "0", "0"});
  const int subscriber = server.ConnectWithBuffers(4096);
  SendAll(subscriber, "SUBSCRIBE c\r\n");
  ASSERT_EQ(ReceiveExactly(subscriber, 5), "*3\r\n$");
  const int monitor = server.ConnectWithBuffers(4096);
  SendAll(monitor, "MONITOR\r\n");
  ASSERT_EQ(ReceiveExactly(monitor, 5), "+OK\r\n");
  const int publisher = server.Connect();
  const size_t before = server.PeakResidentBytes();
  SendAll(publisher, Repeat("PUBLISH c " + std::string(50'000, 'x') + "\r\n", 1000));
  EXPECT_EQ(ReceiveExactly(publisher, 4000).size(), 4000u);
  EXPECT_TRUE(Eventually([&] { return server.Info("client_output_buffer_limit_disconnections") == "2"; }));
  EXPECT_LT(server.PeakResidentBytes(), before + kAllowance / 2);
  for (const int socket : {subscriber, monitor, publisher}) ::close(socket);
}

// Memory is allocated for bytes that arrive, not for a length that is announced.
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
