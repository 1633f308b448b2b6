// SPDX-License-Identifier: MIT
// What clients that keep copies of keys hear: when a change is safe, from a primary, over HTTP, behind long replies.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"
#include "tests/support/tracking_client.h"

namespace ringkv::test {
namespace {

// Remembers what it hears.
class KeyListener {
 public:
  explicit KeyListener(const ServerProcess& server, const std::vector<std::string>& mode = {})
      : client_(server, mode, [this](const std::string& key) { heard_.push_back(key); }) {}

  TrackingClient& client() { return client_; }
  bool Hears(const std::string& key) {
    return Eventually([&] {
      client_.Ask({"PING"});
      return std::find(heard_.begin(), heard_.end(), key) != heard_.end();
    });
  }
  const std::vector<std::string>& heard() const { return heard_; }

 private:
  std::vector<std::string> heard_;
  TrackingClient client_;
};

TEST(Tracking, NobodyHearsOfAWriteBeforeItIsSafe) {
  ServerProcess server({"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "600000"});
  KeyListener listener(server);
  listener.client().Ask({"GET", "k"});
  const std::string id = std::to_string(listener.client().Ask({"CLIENT", "ID"}).integer);
  const int writer = server.Connect();
  SendAll(writer, "SET k 1\r\n");
  // It is there, but is held.
  const auto has_output = [&] { return Say(server, {"CLIENT", "LIST", "ID", id}).find("obl=0 ") == std::string::npos; };
  EXPECT_TRUE(Eventually(has_output));
  listener.client().Send({"PING"});
  EXPECT_TRUE(listener.heard().empty());
  // No majority confirms it: the writer is told that its outcome is open, and the listener that the key may be another.
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "repl-ack-timeout", "50"}), "OK");
  EXPECT_EQ(listener.client().Take().text, "PONG");
  EXPECT_EQ(listener.heard(), std::vector<std::string>{"k"});
  ::close(writer);
}

TEST(Tracking, ChangesOfThePrimaryAreHeardOnAReplica) {
  ServerProcess primary;
  ServerProcess replica({"--replicaof", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return replica.Info("master_link_status") == "up"; }));
  KeyListener listener(replica);
  listener.client().Ask({"GET", "k"});
  primary.Ask("SET k 1");
  EXPECT_TRUE(listener.Hears("k"));
  // Another data set takes the place of this one.
  ServerProcess other;
  listener.client().Ask({"GET", "k"});
  replica.Ask("REPLICAOF 127.0.0.1 " + std::to_string(other.port()));
  EXPECT_TRUE(listener.Hears("*"));
}

TEST(Tracking, WritesOverHttpAreHeard) {
  const int port = FreePorts(1)[0];
  ServerProcess server({"--http-port", std::to_string(port)});
  KeyListener listener(server);
  listener.client().Ask({"GET", "k"});
  HttpClient http(port);
  http.Send("PUT /keys/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nv");
  EXPECT_TRUE(listener.Hears("k"));
}

TEST(Tracking, TheExpiryOfAFieldIsHeardByWhoeverMeetsIt) {
  ServerProcess server({"--enable-debug-command", "yes"});
  server.Ask("DEBUG SET-ACTIVE-EXPIRE 0");
  server.Ask("HSET h a 1 b 2");
  server.Ask("HPEXPIRE h 1 FIELDS 1 a");
  ASSERT_TRUE(Eventually([&] { return Say(server, {"HEXISTS", "h", "a"}) == "0"; }));
  KeyListener listener(server, {"NOLOOP"});
  listener.client().Ask({"HGETALL", "h"});
  EXPECT_EQ(listener.client().Ask({"HSETEX", "h", "FXX", "FIELDS", "1", "a", "2"}).integer, 0);
  EXPECT_TRUE(listener.Hears("h"));
}

TEST(Tracking, NothingIsHeardAmidAReply) {
  ServerProcess server({"--enable-debug-command", "yes"});
  constexpr size_t kPopulated = 200'000;
  server.Ask("DEBUG POPULATE " + std::to_string(kPopulated));
  KeyListener listener(server, {"BCAST"});
  listener.client().Send({"KEYS", "*"});
  for (int i = 0; i < 100; ++i) server.Ask("SET other" + std::to_string(i) + " v");
  const resp::Reply reply = listener.client().Take();
  EXPECT_GE(reply.members.size(), kPopulated);
  for (const resp::Reply& key : reply.members) ASSERT_EQ(key.kind, resp::ReplyKind::kText);
  EXPECT_TRUE(listener.Hears("other99"));
}

TEST(Tracking, NothingIsLeftOfClientsThatHaveGone) {
  ServerProcess server;
  for (int i = 0; i < 3; ++i) {
    KeyListener reads(server);
    KeyListener hears(server, {"BCAST", "PREFIX", "p"});
    for (int key = 0; key < 100; ++key) reads.client().Ask({"GET", "k" + std::to_string(key)});
    EXPECT_EQ(server.Info("tracking_clients"), "2");
    EXPECT_EQ(server.Info("tracking_total_prefixes"), "1");
  }
  EXPECT_TRUE(Eventually([&] { return server.Info("tracking_clients") == "0"; }));
  EXPECT_TRUE(Eventually([&] { return server.Info("tracking_total_items") == "0"; }));
  EXPECT_EQ(server.Info("tracking_total_prefixes"), "0");
}

}  // namespace
}  // namespace ringkv::test
