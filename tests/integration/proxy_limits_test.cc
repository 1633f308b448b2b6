// SPDX-License-Identifier: MIT
// Limits of the proxy: memory, clients that do not read, nodes that hang, long replies.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/loopback.h"
#include "tests/support/proxy_cluster.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// The sanitizers' allocators keep what is freed.
#ifdef RINGKV_SANITIZED
constexpr size_t kProxyAllowance = 400 << 20;
#else
constexpr size_t kProxyAllowance = 24 << 20;
#endif

// Until the node has stopped executing, because its client does not read.
bool IsStuck(ServerProcess& node) {
  std::string last;
  int rounds = 0;
  return Eventually([&] {
    const std::string now = node.Info("keyspace_hits");
    rounds = std::exchange(last, now) == now && now != "0" ? rounds + 1 : 0;
    return rounds == 3;
  });
}

TEST_F(ProxyTest, ClientsThatReadNothingTakeLittleMemoryAndDelayNoOtherClient) {
  const std::string key = KeyAt(1);
  const std::string small = "{" + key + "}small";
  ASSERT_EQ(Say(Node(1), {"SET", key, std::string(1 << 20, 'x')}), "OK");
  ASSERT_EQ(Say(Node(1), {"SET", small, "v"}), "OK");
  const size_t before = Node(0).ResidentBytes();
  const int socket = Node(0).ConnectWithBuffers(32 * 1024);
  SendAll(socket, Repeat("GET " + key + "\r\n", 2000));
  ASSERT_TRUE(IsStuck(Node(1)));
  EXPECT_LT(Node(0).PeakResidentBytes(), before + kProxyAllowance);
  EXPECT_EQ(Say(Node(0), {"GET", small}), "v") << "over the same connection to the other node";
  const std::string expected = "$1048576\r\n" + std::string(1 << 20, 'x') + "\r\n";
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(ReceiveExactly(socket, expected.size()) == expected) << i;
  EXPECT_LT(Node(0).PeakResidentBytes(), before + kProxyAllowance);
  ::close(socket);
}

TEST_F(ProxyTest, AClientThatSendsEverythingBeforeItReadsGetsEveryReply) {
  const std::string key = KeyAt(1);
  ASSERT_EQ(Say(Node(1), {"SET", key, std::string(2000, 'v')}), "OK");
  const int socket = Node(0).ConnectWithBuffers(32 * 1024);
  constexpr int kRequests = 10'000;
  SendAll(socket, Repeat("GET " + key + "\r\nPING\r\n", kRequests));
  const std::string expected = Repeat("$2000\r\n" + std::string(2000, 'v') + "\r\n+PONG\r\n", kRequests);
  EXPECT_TRUE(ReceiveExactly(socket, expected.size()) == expected);
  ::close(socket);
}

// The node that executes is slower than the client that sends: the client waits, and is not closed.
TEST_F(ProxyTest, ANodeThatHangsStopsTheSenderAndNotTheConnection) {
  const std::string key = KeyAt(1);
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "client-query-buffer-limit", "1mb"}), "OK");
  ASSERT_EQ(Say(Node(0), {"SET", key, "v"}), "OK");
  const int socket = Node(0).ConnectWithBuffers(32 * 1024);
  Node(1).Signal(SIGSTOP);
  constexpr int kRequests = 4000;
  const std::string request = "SET " + key + " " + std::string(1000, 'v') + "\r\n";
  std::thread sender([&] { SendAll(socket, Repeat(request, kRequests)); });
  EXPECT_TRUE(Eventually([&] { return std::stoull(Node(0).Info("client_recent_max_input_buffer")) > 500'000; }));
  Node(1).Signal(SIGCONT);
  const std::string expected = Repeat("+OK\r\n", kRequests);
  EXPECT_TRUE(ReceiveExactly(socket, expected.size()) == expected);
  sender.join();
  ::close(socket);
}

TEST_F(ProxyTest, ALimitOfTheReplyHoldsWhileItComes) {
  std::string large;
  for (size_t shard = 1; shard < kShards; ++shard) {
    const std::string key = KeyAt(shard);
    ASSERT_EQ(Say(Node(shard), {"SETRANGE", key, "40000000", "x"}), "40000001");
    large += " " + key;
  }
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0"}), "OK");
  const size_t before = Node(0).ResidentBytes();
  for (const std::string& request : {"GET " + KeyAt(1), "MGET" + large, "MGET" + large + " " + KeyAt(0)}) {
    const int socket = Node(0).Connect();
    SendAll(socket, request + "\r\n");
    EXPECT_EQ(ReceiveToEnd(socket), "") << request;
    ::close(socket);
  }
  EXPECT_EQ(Node(0).Info("client_output_buffer_limit_disconnections"), "3");
  EXPECT_LT(Node(0).PeakResidentBytes(), before + kProxyAllowance);
  EXPECT_EQ(Say(Node(0), {"EXISTS", KeyAt(1)}), "1") << "the connection to the other node goes on";
}

TEST_F(ProxyTest, ALimitOfAResponseHoldsWhileTheRepliesCome) {
  const std::string key = KeyAt(1);
  ASSERT_EQ(Say(Node(1), {"SETRANGE", key, "1000000", "x"}), "1000001");
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "http-max-response-size", "2mb"}), "OK");
  std::string keys = "\"" + key + "\"";
  for (int i = 1; i < 90; ++i) keys += ",\"" + key + "\"";
  const size_t before = Node(0).ResidentBytes();
  HttpClient client(ports_.back());
  const char* const is_json = "Content-Type: application/json\r\n";
  // All of them in one slot: what MGET has no parts for is one reply, which is too long.
  EXPECT_EQ(client.Ask("POST", "/mget", "[" + keys + "]", is_json).status, 413);
  EXPECT_EQ(client.Ask("POST", "/mget", "[" + keys + ",\"" + KeyAt(2) + "\"]", is_json).status, 413);
  EXPECT_LT(Node(0).PeakResidentBytes(), before + kProxyAllowance);
  EXPECT_EQ(client.Ask("GET", "/keys/" + key).body.size(), 1'000'001u);
}

TEST_F(ProxyTest, MessagesForANodeThatHangsAreBounded) {
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0"}), "OK");
  ASSERT_EQ(Say(Node(0), {"PUBLISH", "channel", "first"}), "0");
  const size_t before = Node(0).ResidentBytes();
  Node(1).Signal(SIGSTOP);
  const int socket = Node(0).Connect();
  // 100 MB of messages; twice the allowance, because the input comes faster than it is executed.
  SendAll(socket, Repeat("PUBLISH channel " + std::string(20'000, 'm') + "\r\n", 5000));
  EXPECT_EQ(ReceiveExactly(socket, 5000 * 4), Repeat(":0\r\n", 5000));
  EXPECT_LT(Node(0).PeakResidentBytes(), before + 2 * kProxyAllowance);
  EXPECT_GT(std::stoull(Node(0).Info("cluster_messages_dropped")), 0u);
  const std::string log = Node(0).Log();
  const size_t warning = log.find("does not read the published messages");
  ASSERT_NE(warning, std::string::npos);
  EXPECT_EQ(log.find("does not read the published messages", warning + 1), std::string::npos);
  Node(1).Signal(SIGCONT);
  ::close(socket);
}

// A node that answers GET byte by byte, for ever.
class DrippingNode {
 public:
  ~DrippingNode() {
    is_over_ = true;
    thread_.join();
    for (const Client& client : clients_) ::close(client.socket);
    ::close(listener_);
  }
  int port() const { return port_; }

 private:
  struct Client {
    int socket;
    bool drips = false;
  };

  void Run() {
    while (!is_over_) {
      ::poll(nullptr, 0, 10);
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) clients_.push_back({socket});
      for (Client& client : clients_) Serve(client);
    }
  }
  static void Serve(Client& client) {
    char room[4096];
    const ssize_t got = ::recv(client.socket, room, sizeof room, 0);
    const std::string_view request(room, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    std::string_view answer = client.drips ? "x" : "";
    if (request.find("ANNOUNCED") != std::string_view::npos) answer = "+ANNOUNCED - 0 -\r\n";
    if (request.find("REPLCONF") != std::string_view::npos) answer = "+OK\r\n";
    if (request.find("GET") != std::string_view::npos) {
      answer = "$1000000\r\n";
      client.drips = true;
    }
    ::send(client.socket, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  int port_ = 0;
  const int listener_ = ListenOnLoopback(port_, SOCK_NONBLOCK);
  std::vector<Client> clients_;
  std::atomic<bool> is_over_{false};
  std::thread thread_{[this] { Run(); }};
};

TEST(ProxyLimits, AReplyThatComesByteByByteIsGivenUp) {
  const DrippingNode other;
  const TempDir dir;
  const int port = FreePorts(1)[0];
  dir.Write("cluster.conf", "epoch 1\nshard s0\nshard s1\nnode n0 shard s0 host 127.0.0.1 port " +
                                std::to_string(port) + " role primary\nnode n1 shard s1 host 127.0.0.1 port " +
                                std::to_string(other.port()) + " role primary\n");
  const ServerProcess node({"--port", std::to_string(port), "--cluster-enabled", "yes", "--cluster-config",
                            dir.Path("cluster.conf"), "--cluster-node-id", "n0", "--cluster-redirect", "proxy",
                            "--cluster-node-timeout", "500"});
  const Context client = ConnectTo(node);
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  ::redisSetTimeout(client.get(), patience);
  Reply reply;
  for (int i = 0; reply == nullptr || reply->type == REDIS_REPLY_NIL; ++i) {
    reply = Ask(client.get(), {"GET", "key:" + std::to_string(i)});
    ASSERT_NE(reply, nullptr) << "it is still under way";
  }
  EXPECT_STREQ(reply->str, "CLUSTERDOWN The owner of the slot can't be reached: its reply comes too slowly");
}

// A cluster of one node, which executes the parts of each request itself.
class LocalPartsTest : public testing::Test {
 protected:
  LocalPartsTest() {
    dir_.Write("cluster.conf", "epoch 1\nshard s0\nnode n0 shard s0 host 127.0.0.1 port " + std::to_string(ports_[0]) +
                                   " role primary\n");
    node_ = std::make_unique<ServerProcess>(std::vector<std::string>{
        "--port", std::to_string(ports_[0]), "--http-port", std::to_string(ports_[1]), "--cluster-enabled", "yes",
        "--cluster-config", dir_.Path("cluster.conf"), "--cluster-node-id", "n0", "--cluster-redirect", "proxy"});
    EXPECT_EQ(Say(*node_, {"MSET", "b", "B", "c", "C", "d", "D"}), "OK");
    EXPECT_EQ(Say(*node_, {"SETRANGE", "a", "2000000", "x"}), "2000001");
  }
  // On a connection that has been alive for a while.
  std::string Received(const std::string& requests) {
    const int client = node_->Connect();
    for (int i = 0; i < 30; ++i) {
      SendAll(client, "PING\r\n");
      EXPECT_EQ(ReceiveExactly(client, 7), "+PONG\r\n");
    }
    SendAll(client, requests);
    std::string received = ReceiveToEnd(client);
    ::close(client);
    return received;
  }

  const std::vector<int> ports_ = FreePorts(2);
  const TempDir dir_;
  std::unique_ptr<ServerProcess> node_;
};

TEST_F(LocalPartsTest, AReplyAboveTheLimitAtItsFirstByteClosesTheClient) {
  HttpClient http(ports_[1]);
  const int client = node_->Connect();
  ASSERT_EQ(Say(*node_, {"CONFIG", "SET", "client-output-buffer-limit", "normal 16 0 0"}), "OK");
  SendAll(client, "EXISTS a b\r\n");
  EXPECT_EQ(ReceiveToEnd(client), "");
  ::close(client);
  http.Send(
      "POST /mget HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
      "[\"b\",\"c\"]");
  EXPECT_TRUE(Eventually([&] { return node_->Log().find("closing") != std::string::npos; }));
  EXPECT_EQ(node_->Ask("PING"), "+PONG");
}

TEST_F(LocalPartsTest, NothingIsSentOrExecutedBehindARefusedReply) {
  ASSERT_EQ(Say(*node_, {"CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0"}), "OK");
  EXPECT_EQ(Received("MGET a b\r\nGET c\r\nGET d\r\nSET c changed\r\n"), "");
  EXPECT_EQ(Received("GET b\r\nMGET b a c\r\nGET d\r\n").find("C\r\n"), std::string::npos);
  EXPECT_EQ(Say(*node_, {"GET", "c"}), "C");
  EXPECT_EQ(node_->Info("client_output_buffer_limit_disconnections"), "2");
}

TEST_F(LocalPartsTest, TheLimitOfAllClientsIsNamed) {
  ASSERT_EQ(Say(*node_, {"CONFIG", "SET", "maxmemory-clients", "1mb"}), "OK");
  EXPECT_EQ(Received("MGET a b\r\n"), "");
  EXPECT_EQ(node_->Info("evicted_clients"), "1");
  EXPECT_EQ(node_->Info("client_output_buffer_limit_disconnections"), "0");
  EXPECT_NE(node_->Log().find("its unread replies exceed maxmemory-clients"), std::string::npos);
}

}  // namespace
}  // namespace ringkv::test
