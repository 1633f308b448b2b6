// SPDX-License-Identifier: MIT
// Migration from a Redis server whose replication stream the tests write themselves.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/loopback.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

// Says to who follows it what a Redis primary says: an empty RDB file, then the commands that it is given.
class RedisPrimary {
 public:
  RedisPrimary() : listener_(ListenOnLoopback(port_)) {}
  ~RedisPrimary() {
    ::close(link_);
    ::close(listener_);
  }
  int port() const { return port_; }
  // `fields` go into the RDB file.
  void Accept(const std::string& fields = "") {
    link_ = ::accept(listener_, nullptr, nullptr);
    const std::string file = "REDIS0009" + fields + "\xff" + std::string(8, '\0');
    Send("+OK\r\n+OK\r\n+FULLRESYNC " + std::string(40, 'a') + " 0\r\n$" + std::to_string(file.size()) + "\r\n" + file);
  }
  void Send(const std::string& bytes) { SendAll(link_, bytes); }
  // Ends the link behind what was sent, accepts the next one, and resumes. Returns the offset that the replica asked
  // for.
  int64_t Resume() {
    ::shutdown(link_, SHUT_WR);
    const int next = ::accept(listener_, nullptr, nullptr);
    ::close(link_);
    link_ = next;
    Send("+OK\r\n+OK\r\n");
    const std::string psync = "PSYNC\r\n$40\r\n" + std::string(40, 'a') + "\r\n$";
    std::string received;
    size_t at = 0;
    while ((at = received.find(psync)) == std::string::npos || !received.ends_with("\r\n") ||
           Lines(received.substr(at)) < 5) {
      const std::string more = ReceiveExactly(link_, 1);
      if (more.empty()) return -1;
      received += more;
    }
    Send("+CONTINUE\r\n");
    return std::stoll(received.substr(received.find("\r\n", at + psync.size()) + 2));
  }

 private:
  static int64_t Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

  int port_ = 0;
  const int listener_;
  int link_ = -1;
};

bool HasThread(const ServerProcess& server, const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(server.pid()) + "/task")) {
    std::string found;
    if (std::getline(std::ifstream(task.path() / "comm"), found) && found == name) return true;
  }
  return false;
}

Options Following(const RedisPrimary& redis, Options more = {}) {
  more.insert(more.end(), {"--migrate-from", "127.0.0.1 " + std::to_string(redis.port())});
  return more;
}

// The link has a thread of its own, which is none of those that have clients.
TEST(MovingIn, WritesAndMessagesOfRedisReachSubscribersOfAllThreads) {
  constexpr int kMessages = 500;
  RedisPrimary redis;
  ServerProcess server(Following(redis, {"--io-threads", "2", "--notify-keyspace-events", "E$"}));
  redis.Accept();
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_link_status") == "up"; }));
  std::vector<int> subscribers;
  for (int i = 0; i < 4; ++i) {
    subscribers.push_back(server.Connect());
    SendAll(subscribers.back(), "SUBSCRIBE channel __keyevent@0__:set\r\n");
  }
  ASSERT_TRUE(Eventually([&] { return Say(server, {"PUBLISH", "channel", "x"}) == "4"; }));
  std::string commands;
  for (int i = 0; i < kMessages; ++i) commands += "SET key value\r\nPUBLISH channel x\r\n";
  redis.Send(commands + "PUBLISH channel last\r\n");
  for (const int subscriber : subscribers) {
    std::string received;
    while (received.find("last") == std::string::npos) {
      SendAll(subscriber, "PING\r\n");  // its thread is at work meanwhile
      const std::string some = ReceiveExactly(subscriber, 20);
      ASSERT_FALSE(some.empty());
      received += some;
    }
    size_t events = 0;
    for (size_t at = 0; (at = received.find("__keyevent@0__:set\r\n$3\r\nkey", at)) != std::string::npos; ++at)
      ++events;
    EXPECT_EQ(events, size_t{kMessages});
    ::close(subscriber);
  }
}

TEST(MovingIn, ATransactionIsExecutedAsAWholeWhenTheLinkBreaksInsideIt) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  redis.Accept();
  const std::string before = "SET before 1\r\n";
  const std::string stream = before + "MULTI\r\nSET first 1\r\nSET second 1\r\nEXEC\r\nSET behind 1\r\n";
  const size_t inside = stream.find("SET second");
  redis.Send(stream.substr(0, inside));
  const int64_t next = redis.Resume();
  EXPECT_EQ(next, static_cast<int64_t>(before.size()) + 1);
  redis.Send(stream.substr(static_cast<size_t>(next) - 1));
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_offset") == std::to_string(stream.size()); }));
  EXPECT_EQ(Say(server, {"EXISTS", "before", "first", "second", "behind"}), "4");
  EXPECT_EQ(server.Info("migrate_commands_left_out"), "0");
}

TEST(MovingIn, TheSelectedDatabaseIsKeptWhenTheLinkBreaks) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  redis.Accept();
  const std::string stream = "SELECT 3\r\nSET key 1\r\nMULTI\r\nSELECT 4\r\nSET key 2\r\nEXEC\r\nSET other 3\r\n";
  redis.Send(stream.substr(0, stream.find("SET key 2")));
  const int64_t next = redis.Resume();
  redis.Send(stream.substr(static_cast<size_t>(next) - 1));
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_offset") == std::to_string(stream.size()); }));
  EXPECT_TRUE(server.Info("db3").starts_with("keys=1,")) << server.Info("db3");
  EXPECT_TRUE(server.Info("db4").starts_with("keys=2,")) << server.Info("db4");
}

// The file of a Redis server that is itself a replica says which database its stream goes on in.
TEST(MovingIn, TheStreamGoesOnInTheDatabaseThatTheFileNames) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  redis.Accept("\xfa\x0erepl-stream-db\xc0\x05");
  redis.Send("SET key 1\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_offset") == "11"; }));
  EXPECT_TRUE(server.Info("db5").starts_with("keys=1,")) << server.Info("db5");
}

TEST(MovingIn, ADatabaseThatIsMissingHereEndsTheLink) {
  for (const std::string select : {"SELECT 7\r\n", "MULTI\r\nSELECT 7\r\n"}) {
    RedisPrimary redis;
    const ServerProcess server(Following(redis, {"--databases", "4"}));
    redis.Accept();
    const std::string before = "SET before 1\r\n";
    redis.Send(before + select + "SET key 1\r\nEXEC\r\n");
    const auto error = [&] { return server.Info("migrate_last_error"); };
    ASSERT_TRUE(Eventually([&] { return error().find("databases is 4") != std::string::npos; })) << error();
    EXPECT_EQ(server.Info("migrate_link_status"), "ended");
    EXPECT_EQ(server.Info("migrate_offset"), std::to_string(before.size()));
    EXPECT_EQ(Say(server, {"EXISTS", "key"}), "0");
  }
}

// Another attempt would make the Redis server fork once more, in vain.
TEST(MovingIn, ASnapshotThatCannotBeLoadedEndsTheLink) {
  const std::string key_in_database_7("\xfe\x07\x00\x01k\x01v", 7);
  const std::string unknown_type("\x63\x01k\x01v", 5);
  for (const std::string& fields : {key_in_database_7, unknown_type}) {
    RedisPrimary redis;
    const ServerProcess server(Following(redis, {"--databases", "4"}));
    redis.Accept(fields);
    EXPECT_TRUE(Eventually([&] { return server.Info("migrate_link_status") == "ended"; }));
    EXPECT_NE(server.Info("migrate_last_error").find("RDB file"), std::string::npos);
    EXPECT_NE(server.Log().find("the link has ended"), std::string::npos);
    EXPECT_TRUE(Eventually([&] { return !HasThread(server, "redis-link"); })) << "nobody connects any more";
    EXPECT_TRUE(Say(server, {"SET", "a", "b"}).starts_with("READONLY"));
    EXPECT_EQ(Say(server, {"REPLICAOF", "NO", "ONE"}), "OK");
    EXPECT_EQ(Say(server, {"SET", "a", "b"}), "OK");
  }
}

// The check of deploy/haproxy looks for these three lines.
TEST(MovingIn, InfoTellsLoadBalancersThatWritesAreRefused) {
  const std::string takes_writes = "role:master\r\ndraining:0\r\nconnected_slaves";
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  EXPECT_EQ(Say(server, {"INFO", "replication"}).find(takes_writes), std::string::npos);
  EXPECT_NE(server.Log().find("writes of clients are refused until REPLICAOF NO ONE"), std::string::npos);
  redis.Accept();
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_link_status") == "up"; }));
  EXPECT_EQ(Say(server, {"INFO", "replication"}).find(takes_writes), std::string::npos);
  EXPECT_EQ(Say(server, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_NE(Say(server, {"INFO", "replication"}).find(takes_writes), std::string::npos);
  EXPECT_NE(server.Log().find("migration: stopped; left out were 0 keys"), std::string::npos);
}

TEST(MovingIn, AnEndBeforeTheSnapshotIsTold) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  EXPECT_EQ(Say(server, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_NE(server.Log().find("stopped before a snapshot of the Redis server was loaded"), std::string::npos);
}

TEST(MovingIn, SeveralClientsMayEndItAtOnce) {
  constexpr int kClients = 8;
  RedisPrimary redis;
  const ServerProcess server(Following(redis, {"--io-threads", "4"}));
  redis.Accept();
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_link_status") == "up"; }));
  std::vector<Context> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(ConnectTo(server));
  for (const Context& client : clients) ASSERT_STREQ(Ask(client.get(), {"PING"})->str, "PONG");
  for (const Context& client : clients) SendRequest(client.get(), {"REPLICAOF", "NO", "ONE"});
  for (const Context& client : clients) EXPECT_STREQ(TakeReply(client.get())->str, "OK");
  EXPECT_EQ(Say(server, {"SET", "a", "b"}), "OK");
}

// The clock of the Redis server decides: what has expired by the clock here may live on there.
TEST(MovingIn, KeysExpireOnlyWhenTheRedisServerSaysSo) {
  const std::string past("\xe8\x03\0\0\0\0\0\0", 8);
  const auto expired = [&](const std::string& key) {
    return "\xfc" + past + std::string("\0", 1) + "\x03" + key + "\x01v";
  };
  RedisPrimary redis;
  const ServerProcess server(Following(redis, {"--hz", "500"}));
  redis.Accept(expired("old") + expired("two") + expired("end"));
  auto follow = [&, sent = size_t{0}](const std::string& commands) mutable {
    redis.Send(commands);
    sent += commands.size();
    return Eventually([&] { return server.Info("migrate_offset") == std::to_string(sent); });
  };
  ASSERT_TRUE(follow("SET set v PXAT 5\r\nSET key v\r\nPEXPIREAT key 5\r\nSET got v\r\nGETEX got PXAT 5\r\n"));
  EXPECT_EQ(Say(server, {"DBSIZE"}), "6");
  for (const std::string key : {"old", "two", "end", "set", "key", "got"}) {
    EXPECT_EQ(Say(server, {"GET", key}), "") << key;
    EXPECT_EQ(Say(server, {"TTL", key}), "-2") << key;
    EXPECT_EQ(Say(server, {"EXISTS", key}), "0") << key;
  }
  ASSERT_TRUE(
      follow("PEXPIREAT old 9999999999999\r\nAPPEND two 2\r\nPERSIST two\r\nPERSIST set\r\nPERSIST key\r\n"
             "PERSIST got\r\nDEL end\r\nSET end v PXAT 5\r\n"));
  EXPECT_EQ(Say(server, {"GET", "two"}), "v2");
  for (const std::string key : {"old", "set", "key", "got"}) EXPECT_EQ(Say(server, {"GET", key}), "v") << key;
  EXPECT_EQ(server.Info("expired_keys"), "0");
  EXPECT_EQ(server.Info("migrate_commands_left_out"), "0");
  EXPECT_EQ(Say(server, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_TRUE(Eventually([&] { return server.Info("expired_keys") == "1"; })) << "from here on this server decides";
  EXPECT_EQ(Say(server, {"DBSIZE"}), "5");
}

TEST(MovingIn, NothingIsEvictedHereAsLongAsTheRedisServerDecides) {
  RedisPrimary redis;
  const ServerProcess server(Following(
      redis, {"--maxmemory", "1000", "--maxmemory-policy", "allkeys-lru", "--hz", "500", "--io-threads", "1"}));
  redis.Accept();
  redis.Send("SET key v\r\n");
  ASSERT_TRUE(Eventually([&] { return Say(server, {"GET", "key"}) == "v"; }));
  EXPECT_EQ(Say(server, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_TRUE(Eventually([&] { return server.Info("evicted_keys") == "1"; }));
}

TEST(MovingIn, EachCommandThatFailsIsCounted) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis));
  redis.Accept();
  const std::string stream =
      "SET s 1\r\nLPUSH s 1\r\nMULTI\r\nLPUSH s 1\r\nSET t 1\r\nSADD s 1\r\nEXEC\r\nNONSENSE x\r\n";
  redis.Send(stream);
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_offset") == std::to_string(stream.size()); }));
  EXPECT_EQ(Say(server, {"GET", "t"}), "1");
  EXPECT_EQ(server.Info("migrate_commands_left_out"), "4");
}

TEST(MovingIn, CommandsThatChangeNoDataAreNotObeyed) {
  RedisPrimary redis;
  const ServerProcess server(Following(redis, {"--enable-debug-command", "yes"}));
  redis.Accept();
  const std::string stream =
      "DEBUG SET-ACTIVE-EXPIRE 0\r\nCONFIG SET maxmemory 12345678\r\nACL SETUSER who on nopass\r\n"
      "MULTI\r\nDEBUG RELOAD\r\nSET t 1\r\nEXEC\r\nREPLICAOF NO ONE\r\nSHUTDOWN NOSAVE\r\nSET u 1\r\n";
  redis.Send(stream);
  ASSERT_TRUE(Eventually([&] { return server.Info("migrate_offset") == std::to_string(stream.size()); }));
  EXPECT_EQ(Say(server, {"GET", "t"}), "1");
  EXPECT_EQ(Say(server, {"GET", "u"}), "1");
  EXPECT_EQ(server.Info("maxmemory"), "0");
  EXPECT_TRUE(Say(server, {"AUTH", "who", "any"}).starts_with("WRONGPASS"));
  EXPECT_EQ(server.Info("migrate_commands_left_out"), "6");
}

}  // namespace
}  // namespace ringkv::test
