// SPDX-License-Identifier: MIT
// Replies that wait until what they show is safe, and what takes their place when it doesn't become so.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

// Nothing that is written here becomes safe.
const std::vector<std::string> kNoMajority = {"--repl-ack",         "quorum", "--repl-shard-nodes", "3",
                                              "--repl-ack-timeout", "50"};

// A server whose clients, one of either protocol, have sent writes that no majority confirms, within ten minutes.
class UnconfirmedWrites {
 public:
  // `writes` of the Redis client; the HTTP client has sent another one.
  UnconfirmedWrites(const std::string& writes, int keys) {
    http_.Send("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nv");
    SendAll(client_, writes);
    const std::string held = "keys=" + std::to_string(keys);
    EXPECT_TRUE(Eventually([&] { return server_.Info("db0").starts_with(held); }));
  }
  ~UnconfirmedWrites() { ::close(client_); }

  ServerProcess& server() { return server_; }
  HttpClient& http() { return http_; }
  int client() const { return client_; }

 private:
  const int http_port_ = FreePorts(1)[0];
  ServerProcess server_{{"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "600000",
                         "--http-port", std::to_string(http_port_)}};
  HttpClient http_{http_port_};
  const int client_ = server_.Connect();
};

std::vector<std::string> Pipeline(redisContext* context, const std::vector<std::string>& requests) {
  for (const std::string& request : requests) ::redisAppendCommand(context, request.c_str());
  std::vector<std::string> replies;
  for (size_t i = 0; i < requests.size(); ++i) {
    void* reply = nullptr;
    if (::redisGetReply(context, &reply) != REDIS_OK) break;
    const Reply owned(static_cast<redisReply*>(reply));
    const std::string text = owned->str == nullptr ? std::to_string(owned->integer) : owned->str;
    replies.push_back(text.find("its outcome is open") == std::string::npos ? text : "open");
  }
  return replies;
}

TEST(HeldReplies, EachRequestGetsOneReplyWithoutAMajority) {
  ServerProcess server(kNoMajority);
  const Context context = ConnectTo(server);
  using Replies = std::vector<std::string>;
  EXPECT_EQ(Pipeline(context.get(), {"PING", "SET a 1", "PING", "GET a", "SET b 2", "ECHO x"}),
            (Replies{"PONG", "open", "PONG", "open", "open", "x"}));
  EXPECT_EQ(Pipeline(context.get(), {"MULTI", "SET a 1", "INCR a", "EXEC", "ECHO x", "QUIT"}),
            (Replies{"OK", "QUEUED", "QUEUED", "open", "x", "OK"}));
}

TEST(HeldReplies, MessagesBetweenHeldRepliesStay) {
  ServerProcess server(kNoMajority);
  const int client = server.Connect();
  SendAll(client, "HELLO 3\r\nSUBSCRIBE c\r\nSET a 1\r\nPUBLISH c m\r\nSET b 2\r\nECHO end\r\n");
  std::string received;
  while (!received.ends_with("$3\r\nend\r\n")) {
    const std::string byte = ReceiveExactly(client, 1);
    ASSERT_FALSE(byte.empty()) << received;
    received += byte;
  }
  const std::string behind = received.substr(received.find("subscribe"));
  const size_t first = behind.find("its outcome is open");
  const size_t message = behind.find(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n:1\r\n");
  const size_t second = behind.find("its outcome is open", message);
  EXPECT_LT(first, message) << behind;
  EXPECT_LT(message, second) << behind;
  EXPECT_NE(second, std::string::npos) << behind;
  ::close(client);
}

TEST(HeldReplies, EachHttpRequestGetsOneResponseWithoutAMajority) {
  const int port = FreePorts(1)[0];
  std::vector<std::string> options = kNoMajority;
  options.insert(options.end(), {"--http-port", std::to_string(port)});
  ServerProcess server(options);
  HttpClient client(port);
  const std::string put = "PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nv";
  client.Send(put + "GET /nosuch HTTP/1.1\r\nHost: localhost\r\n\r\n" +
              "HEAD /keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n" + put +
              "GET /nosuch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 503);
  EXPECT_EQ(client.Receive().status, 404);
  EXPECT_EQ(client.Receive(true).status, 503);
  const HttpReply second_put = client.Receive();
  EXPECT_EQ(second_put.status, 503);
  EXPECT_EQ(second_put.head.find("Connection: close"), std::string::npos);
  const HttpReply last = client.Receive();
  EXPECT_EQ(last.status, 404);
  EXPECT_NE(last.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.HasEnded());
}

TEST(HeldReplies, RepliesLeaveOnceNoMajorityIsAskedFor) {
  for (const std::string change : {"repl-ack none", "repl-shard-nodes 1"}) {
    UnconfirmedWrites writes("SET b 1\r\n", 2);
    ASSERT_EQ(writes.server().Ask("CONFIG SET " + change), "+OK");
    EXPECT_EQ(ReceiveExactly(writes.client(), 5), "+OK\r\n") << change;
    EXPECT_EQ(writes.http().Receive().status / 100, 2) << change;
  }
}

// Files may not grow beyond a few bytes, so nothing can be logged.
TEST(HeldReplies, RepliesLeaveOnceTheyDoNotWaitForTheLog) {
  const auto before = std::signal(SIGXFSZ, SIG_IGN);  // which the server inherits
  for (const std::string change : {"appendonly no", "appendfsync everysec", "appendfsync no"}) {
    ServerProcess server({"--appendonly", "yes", "--appendfsync", "always", "--save", ""});
    const rlimit small{.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(::prlimit(server.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
    const int client = server.Connect();
    SendAll(client, "SET a " + std::string(10'000, 'v') + "\r\n");
    ASSERT_TRUE(Eventually([&] { return server.Info("aof_last_write_status") == "err"; }));
    ASSERT_EQ(server.Ask("CONFIG SET " + change), "+OK");
    EXPECT_EQ(ReceiveExactly(client, 5), "+OK\r\n") << change;
    // A log that is closed refuses nothing.
    if (change == "appendonly no") {
      EXPECT_EQ(server.Ask("SET b 1"), "+OK");
    }
    ::close(client);
  }
  std::signal(SIGXFSZ, before);
}

// Writes that wait for a majority when this server is told to follow another one will never have it.
TEST(HeldReplies, NoSuccessComesOfADemotion) {
  ServerProcess other;
  UnconfirmedWrites writes("SET b 1\r\nMULTI\r\nSET c 1\r\nEXEC\r\n", 3);
  ServerProcess& server = writes.server();
  ASSERT_EQ(server.Ask("REPLICAOF 127.0.0.1 " + std::to_string(other.port())), "+OK");
  ASSERT_TRUE(Eventually([&] { return server.Info("master_link_status") == "up"; }));
  SendAll(writes.client(), "ECHO end\r\n");
  std::string received;
  while (!received.ends_with("$3\r\nend\r\n")) {
    const std::string byte = ReceiveExactly(writes.client(), 1);
    ASSERT_FALSE(byte.empty()) << received;
    received += byte;
  }
  const std::string open =
      "-NOREPLICAS this server became a replica before a majority of the shard had confirmed this: its outcome is "
      "open\r\n";
  EXPECT_EQ(received, open + "+OK\r\n+QUEUED\r\n" + open + "$3\r\nend\r\n");
  EXPECT_EQ(writes.http().Receive().status, 503);
}

// A connection that becomes the link to a replica is no client any more.
TEST(HandOver, SubscriptionsAndMonitorEndWithTheClient) {
  ServerProcess server;
  const int client = server.Connect();
  SendAll(client,
          "HELLO 3\r\nSUBSCRIBE c\r\nPSUBSCRIBE p*\r\nSSUBSCRIBE s\r\nMONITOR\r\nREPLCONF listening-port 1 capa "
          "ringkv1\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Ask("PUBSUB NUMPAT") == ":1"; }));
  SendAll(client, "PSYNC x 1\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Info("connected_slaves") == "1"; }));
  EXPECT_EQ(server.Ask("PUBSUB NUMPAT"), ":0");
  EXPECT_EQ(server.Ask("PUBLISH c m"), ":0");
  EXPECT_EQ(server.Ask("SPUBLISH s m"), ":0");
  EXPECT_EQ(server.Ask("CLIENT LIST TYPE pubsub"), "$0");
  ::close(client);
}

TEST(HandOver, WaitsForHeldReplies) {
  ServerProcess server(kNoMajority);
  const int client = server.Connect();
  SendAll(client, "REPLCONF listening-port 1 capa ringkv1\r\nSET a 1\r\nPING\r\nPSYNC x 1\r\n");
  std::string received;
  while (received.find("+RINGKV") == std::string::npos) {
    const std::string byte = ReceiveExactly(client, 1);
    ASSERT_FALSE(byte.empty()) << received;
    received += byte;
  }
  EXPECT_EQ(received.find("+OK\r\n-"), 0u) << received;
  EXPECT_NE(received.find("its outcome is open"), std::string::npos) << received;
  EXPECT_NE(received.find("\r\n+PONG\r\n+RINGKV"), std::string::npos) << received;
  ::close(client);
}

}  // namespace
}  // namespace ringkv::test
