// SPDX-License-Identifier: MIT
// Real servers that follow each other, over lines that break: in the end they hold the same, key by key.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "cluster/node_messages.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

// Writes of many kinds, pipelined, until it is told to stop or the connection ends.
class Writer {
 public:
  explicit Writer(const ServerProcess& server, uint32_t seed = 1)
      : context_(ConnectTo(server)), random_(seed), thread_([this] { Run(); }) {}
  ~Writer() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int64_t written() const { return written_; }

 private:
  void Run() {
    while (!stopping_ && context_->err == 0) {
      constexpr int kPipelined = 20;
      for (int i = 0; i < kPipelined; ++i) Append();
      for (int i = 0; i < kPipelined; ++i) {
        void* reply = nullptr;
        if (::redisGetReply(context_.get(), &reply) != REDIS_OK) return;
        ::freeReplyObject(reply);
      }
      written_ += kPipelined;
    }
  }
  void Append() {
    const auto key = static_cast<unsigned>(random_() % 5000);
    const auto number = static_cast<unsigned>(random_());
    redisContext* to = context_.get();
    switch (random_() % 16) {
      case 0: ::redisAppendCommand(to, "DEL key:%u", key); break;
      case 1: ::redisAppendCommand(to, "APPEND key:%u more", key); break;
      case 2: ::redisAppendCommand(to, "EXPIRE key:%u 1000", key); break;
      case 3: ::redisAppendCommand(to, "INCR n:%u", key); break;
      case 4: ::redisAppendCommand(to, "MSET key:%u %u key:%u %u", key, number, key + 1, number); break;
      case 5: ::redisAppendCommand(to, "SET px:%u %u PX 20", key, number); break;
      case 6: ::redisAppendCommand(to, "SETBIT bits:%u %u 1", key % 10, number % 10000); break;
      case 7:
        number % 500 == 0 ? ::redisAppendCommand(to, "FLUSHDB") : ::redisAppendCommand(to, "COPY key:%u n:c", key);
        break;
      default: ::redisAppendCommand(to, "SET key:%u value:%u", key, number);
    }
  }

  Context context_;
  std::mt19937 random_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> written_{0};
  std::thread thread_;
};

TEST(Replication, FullSyncIncludesConcurrentWrites) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 20000);
  Writer writer(primary);
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica) && writer.written() > 5000; }));
  writer.Stop();
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("connected_slaves"), "1");
  EXPECT_EQ(primary.Info("sync_full"), "1");
}

TEST(Replication, LinesThatAreCutAgainAndAgainCostNeitherDataNorASnapshot) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 1000);
  CuttingProxy proxy(primary.port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  Writer writer(primary, 2);
  for (int i = 0; i < 5; ++i) {
    const int64_t before = writer.written();
    ASSERT_TRUE(Eventually([&] { return writer.written() > before + 2000 && IsUp(replica); }));
    proxy.Cut();
    ASSERT_TRUE(Eventually([&] { return primary.Info("sync_partial_ok") >= std::to_string(i + 1); }));
  }
  writer.Stop();
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("sync_full"), "1");
}

TEST(Replication, AnInterruptedFullSyncStartsOver) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 20000);
  Writer writer(primary, 3);
  CuttingProxy proxy(primary.port());
  proxy.CutAfter(60);
  ServerProcess replica(ReplicaOf(proxy.port()));
  std::mt19937 random(4);
  for (uint64_t fulls = 2; fulls < 8; ++fulls) {
    ASSERT_TRUE(Eventually([&] { return std::stoull(primary.Info("sync_full")) >= fulls; }));
    proxy.CutAfter(random() % 60'000 + 1);
  }
  proxy.CutAfter(0);
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  writer.Stop();
  ExpectEqual(replica, primary);
}

TEST(Replication, AReplicaIsLoadingDuringAFullSyncAndCanBePromoted) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 20000);
  CuttingProxy proxy(primary.port());
  proxy.CutAfter(50'000);
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "filled:1"}).starts_with("LOADING"); }));
  EXPECT_EQ(Say(replica, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Say(replica, {"DBSIZE"}), "0");
  EXPECT_EQ(Say(replica, {"SET", "a", "b"}), "OK");
}

TEST(Replication, AKilledReplicaResumesFromItsLog) {
  const TempDir dir;
  ServerProcess primary(WithDebug({"--appendonly", "yes"}));
  Fill(primary, 2000);
  const Options options = ReplicaOf(primary.port(), {"--dir", dir.Path(""), "--appendonly", "yes"});
  auto replica = std::make_unique<ServerProcess>(options);
  // Until its own files hold the primary's data.
  ASSERT_TRUE(
      Eventually([&] { return IsUp(*replica) && ::access(dir.Path("replication.history").c_str(), F_OK) == 0; }));
  for (uint32_t i = 0; i < 3; ++i) {
    Writer writer(primary, i);
    ASSERT_TRUE(Eventually([&] { return writer.written() > 3000; }));
    replica->Signal(SIGKILL);
    EXPECT_EQ(replica->WaitForEnd(), 128 + SIGKILL);
    ASSERT_TRUE(Eventually([&] { return writer.written() > 6000; }));
    replica = std::make_unique<ServerProcess>(options);
    ASSERT_TRUE(Eventually([&] { return IsUp(*replica); }));
    writer.Stop();
    ExpectEqual(*replica, primary);
  }
  EXPECT_EQ(primary.Info("sync_full"), "1");
  EXPECT_EQ(primary.Info("sync_partial_ok"), "3");
}

// What a replica does by itself would take numbers that belong to its primary.
TEST(Replication, AReplicaThatStartsLetsNothingExpireByItself) {
  const TempDir dir;
  ServerProcess primary(WithDebug({}));
  EXPECT_EQ(Say(primary, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"}), "OK");
  const Options options = ReplicaOf(primary.port(), {"--dir", dir.Path(""), "--appendonly", "yes"});
  for (int round = 0; round < 2; ++round) {
    ServerProcess replica(options);
    ASSERT_TRUE(Eventually(
        [&] { return HasCaughtUp(replica, primary) && ::access(dir.Path("replication.history").c_str(), F_OK) == 0; }));
    EXPECT_EQ(replica.Info("expired_keys"), "0");
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(Say(primary, {"SET", "key:" + std::to_string(i), std::to_string(round), "PX", "50"}), "OK");
    }
    ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
    // Long enough for a search for expired keys to find them.
    const auto set = std::chrono::steady_clock::now();
    ASSERT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() - set > std::chrono::milliseconds(1200); }));
    replica.Signal(SIGTERM);
    EXPECT_EQ(replica.WaitForEnd(), 0);
  }
  EXPECT_EQ(primary.Info("sync_full"), "1");
}

TEST(Replication, APrimaryThatWasKilledIsFollowedFromWhereItCameBack) {
  const TempDir dir;
  const Options options = WithDebug({"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"});
  auto primary = std::make_unique<ServerProcess>(options);
  Fill(*primary, 2000);
  CuttingProxy proxy(primary->port());
  ServerProcess replica(ReplicaOf(proxy.port(), {"--appendonly", "yes"}));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, *primary); }));
  {
    Writer writer(*primary, 5);
    ASSERT_TRUE(Eventually([&] { return writer.written() > 1000; }));
    primary->Signal(SIGKILL);
    EXPECT_EQ(primary->WaitForEnd(), 128 + SIGKILL);
  }
  primary = std::make_unique<ServerProcess>(options);
  proxy.set_target(primary->port());
  EXPECT_EQ(Say(*primary, {"SET", "after", "the end"}), "OK");
  ExpectEqual(replica, *primary);
}

TEST(Replication, AReplicaResumesAfterTheFirstRestartOfItsPrimary) {
  const TempDir dir;
  const Options options = WithDebug({"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"});
  auto primary = std::make_unique<ServerProcess>(options);
  CuttingProxy proxy(primary->port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  EXPECT_EQ(Say(*primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually(
      [&] { return HasCaughtUp(replica, *primary) && ::access(dir.Path("replication.history").c_str(), F_OK) == 0; }));
  primary->Signal(SIGKILL);
  EXPECT_EQ(primary->WaitForEnd(), 128 + SIGKILL);
  primary = std::make_unique<ServerProcess>(options);
  EXPECT_EQ(Say(*primary, {"SET", "a", "c"}), "OK");
  proxy.set_target(primary->port());
  ExpectEqual(replica, *primary);
  EXPECT_EQ(primary->Info("sync_full"), "0");
}

// It had more than the primary remembers: what is more has to go.
TEST(Replication, AReplicaAheadOfARestartedPrimaryDoesAFullSync) {
  const TempDir dir;
  const Options options = WithDebug({"--dir", dir.Path(""), "--save", "3600 100000000"});
  auto primary = std::make_unique<ServerProcess>(options);
  CuttingProxy proxy(primary->port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  Fill(*primary, 100);
  EXPECT_EQ(Say(*primary, {"SAVE"}), "OK");
  ASSERT_TRUE(Eventually([&] { return ::access(dir.Path("replication.history").c_str(), F_OK) == 0; }));
  EXPECT_EQ(Say(*primary, {"SET", "lost", "by the crash"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, *primary); }));
  primary->Signal(SIGKILL);
  EXPECT_EQ(primary->WaitForEnd(), 128 + SIGKILL);
  primary = std::make_unique<ServerProcess>(options);
  EXPECT_EQ(Say(*primary, {"SET", "instead", "1"}), "OK");
  EXPECT_EQ(Say(*primary, {"SET", "another", "1"}), "OK");
  proxy.set_target(primary->port());
  ExpectEqual(replica, *primary);
  EXPECT_EQ(Say(replica, {"EXISTS", "lost"}), "0");
}

TEST(Replication, AReplicaThatReadsTooSlowlyCostsBoundedMemoryAndThenTakesASnapshot) {
  ServerProcess primary(WithDebug({"--repl-backlog-size", "1mb"}));
  CuttingProxy proxy(primary.port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  const size_t before = std::stoull(primary.Info("used_memory"));
  proxy.Hold(true);
  const std::string value(100'000, 'v');
  for (int i = 0; i < 500; ++i) EXPECT_EQ(Say(primary, {"SET", "one key", value + std::to_string(i)}), "OK");
  // What the log's thread has not come to yet counts for a moment.
  EXPECT_TRUE(Eventually([&] { return std::stoull(primary.Info("used_memory")) < before + (16 << 20); }));
  proxy.Cut();
  proxy.Hold(false);
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("sync_full"), "2");
}

TEST(Replication, AReplicaOfAReplicaContinuesAfterPromotion) {
  ServerProcess first(WithDebug({}));
  Fill(first, 500);
  ServerProcess second(ReplicaOf(first.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(second); }));
  ServerProcess third(ReplicaOf(second.port()));
  ExpectEqual(third, first);
  EXPECT_EQ(Say(first, {"SET", "through", "two links"}), "OK");
  ExpectEqual(third, first);
  EXPECT_EQ(Say(second, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Say(second, {"SET", "of the new", "primary"}), "OK");
  ExpectEqual(third, second);
  EXPECT_EQ(Say(third, {"GET", "of the new"}), "primary");
  // Without a snapshot, and so does the old primary, which has done nothing of its own since.
  EXPECT_EQ(second.Info("sync_full"), "1");
  EXPECT_EQ(Say(first, {"REPLICAOF", "127.0.0.1", std::to_string(second.port())}), "OK");
  ExpectEqual(first, second);
  EXPECT_EQ(second.Info("sync_full"), "1");
  EXPECT_EQ(second.Info("repl_epoch"), "1");
}

TEST(Replication, AnOldPrimaryDropsItsUnreplicatedWritesWhenItFollows) {
  ServerProcess old(WithDebug({}));
  ServerProcess promoted(ReplicaOf(old.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(promoted); }));
  EXPECT_EQ(Say(promoted, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Say(old, {"SET", "alone", "1"}), "OK");
  EXPECT_EQ(Say(promoted, {"SET", "ours", "1"}), "OK");
  EXPECT_EQ(Say(old, {"REPLICAOF", "127.0.0.1", std::to_string(promoted.port())}), "OK");
  ExpectEqual(old, promoted);
  EXPECT_EQ(Say(old, {"EXISTS", "alone"}), "0");
}

TEST(Replication, ACursorOfThePrimaryIsGoodOnTheReplica) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 1000);
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  std::vector<std::string> seen;
  std::string cursor = "0";
  do {
    // Each call on the other server.
    const Context context = ConnectTo(seen.size() / 100 % 2 == 0 ? primary : replica);
    const Reply reply = Ask(context.get(), {"SCAN", cursor, "COUNT", "100"});
    ASSERT_EQ(reply->elements, 2u);
    cursor = reply->element[0]->str;
    for (size_t i = 0; i < reply->element[1]->elements; ++i) seen.emplace_back(reply->element[1]->element[i]->str);
  } while (cursor != "0");
  EXPECT_EQ(seen.size(), 1000u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(Replication, AReplicaRefusesWritesAndHidesExpiredKeys) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  EXPECT_TRUE(Say(replica, {"SET", "a", "b"}).starts_with("READONLY"));
  EXPECT_EQ(Say(primary, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"}), "OK");
  EXPECT_EQ(Say(primary, {"SET", "soon", "gone", "PX", "1"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"EXISTS", "soon"}) == "0"; }));
  EXPECT_EQ(Say(replica, {"DBSIZE"}), "1");  // it is the primary that lets it go
  EXPECT_EQ(Say(primary, {"EXISTS", "soon"}), "0");
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"DBSIZE"}) == "0"; }));
}

TEST(Replication, WritesOnAWritableReplicaStayLocal) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port(), {"--replica-read-only", "no"}));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  EXPECT_EQ(Say(primary, {"SET", "key", "1"}), "OK");
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "key"}) == "1"; }));
  EXPECT_EQ(Say(replica, {"DEL", "key"}), "1");
  EXPECT_EQ(Say(replica, {"SET", "own", "x"}), "OK");
  EXPECT_EQ(Say(primary, {"EXPIRE", "key", "100"}), "1");  // of what is gone on the replica
  EXPECT_EQ(Say(primary, {"DEL", "key"}), "1");
  EXPECT_EQ(Say(primary, {"SET", "next", "1"}), "OK");
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "next"}) == "1"; }));
  EXPECT_EQ(Say(replica, {"GET", "own"}), "x");
  EXPECT_EQ(Say(replica, {"CONFIG", "SET", "replica-read-only", "yes"}), "OK");
  EXPECT_TRUE(Say(replica, {"SET", "own", "y"}).starts_with("READONLY"));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  EXPECT_EQ(primary.Info("sync_full"), "1");
}

// They are in no log: who has followed it has to be given a snapshot.
TEST(Replication, WhatClientsWroteOnAWritableReplicaGoesToItsReplicasWhenItIsPromoted) {
  ServerProcess primary(WithDebug({}));
  ServerProcess middle(ReplicaOf(primary.port(), {"--replica-read-only", "no"}));
  ServerProcess last(ReplicaOf(middle.port()));
  EXPECT_EQ(Say(primary, {"SET", "key", "1"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(middle, primary) && HasCaughtUp(last, middle); }));
  EXPECT_EQ(Say(middle, {"SET", "own", "x"}), "OK");
  EXPECT_EQ(Say(middle, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Say(middle, {"APPEND", "own", "y"}), "2");
  ASSERT_TRUE(Eventually([&] { return Say(last, {"GET", "own"}) == "xy"; }));
  ExpectEqual(last, middle);
}

TEST(Replication, AWriteWaitsWhileAServerBecomesAWritableReplica) {
  ServerProcess server;
  const int socket = server.Connect();
  // Executed in one go, so that what REPLICAOF begins elsewhere isn't done when SET comes.
  SendAll(socket, "REPLICAOF 127.0.0.1 1\r\nCONFIG SET replica-read-only no\r\nSET key value\r\nGET key\r\n");
  const std::string expected = "+OK\r\n+OK\r\n+OK\r\n$5\r\nvalue\r\n";
  EXPECT_EQ(ReceiveExactly(socket, expected.size()), expected);
  ::close(socket);
}

TEST(Replication, WithoutItsPrimaryAReplicaServesStaleDataOnlyIfAllowed) {
  auto primary = std::make_unique<ServerProcess>(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary->port()));
  EXPECT_EQ(Say(*primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, *primary); }));
  primary.reset();
  ASSERT_TRUE(Eventually([&] { return !IsUp(replica); }));
  EXPECT_EQ(Say(replica, {"GET", "a"}), "b");
  EXPECT_EQ(Say(replica, {"CONFIG", "SET", "replica-serve-stale-data", "no"}), "OK");
  EXPECT_TRUE(Say(replica, {"GET", "a"}).starts_with("MASTERDOWN"));
}

TEST(Replication, WaitCountsReplicasThatHaveTheClientsWrites) {
  ServerProcess primary(WithDebug({}));
  CuttingProxy proxy(primary.port());
  ServerProcess near(ReplicaOf(primary.port()));
  ServerProcess far(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(near) && IsUp(far); }));
  const Context context = ConnectTo(primary);
  for (int i = 0; i < 20; ++i) {
    ASSERT_STREQ(Ask(context.get(), {"SET", "key", std::to_string(i)})->str, "OK");
    ASSERT_EQ(Ask(context.get(), {"WAIT", "2", "0"})->integer, 2);
    EXPECT_EQ(Say(near, {"GET", "key"}), std::to_string(i));
    EXPECT_EQ(Say(far, {"GET", "key"}), std::to_string(i));
  }
  proxy.Hold(true);
  ASSERT_STREQ(Ask(context.get(), {"SET", "key", "x"})->str, "OK");
  EXPECT_EQ(Ask(context.get(), {"WAIT", "2", "100"})->integer, 1);
  EXPECT_EQ(Ask(context.get(), {"WAIT", "1", "0"})->integer, 1);
}

TEST(Replication, AReplicaReconnectsAfterClientKill) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  EXPECT_NE(Say(primary, {"CLIENT", "LIST", "TYPE", "replica"}).find("flags=S"), std::string::npos);
  EXPECT_EQ(Say(primary, {"CLIENT", "KILL", "TYPE", "replica"}), "1");
  ASSERT_TRUE(Eventually([&] { return primary.Info("sync_partial_ok") == "1"; }));
  ExpectEqual(replica, primary);
}

TEST(Replication, AnOrderlyEndOfThePrimaryLeavesItsReplicasWithEverything) {
  auto primary = std::make_unique<ServerProcess>(WithDebug({}));
  CuttingProxy proxy(primary->port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  proxy.Hold(true);
  const Context context = ConnectTo(*primary);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_STREQ(Ask(context.get(), {"SET", "key:" + std::to_string(i), "value"})->str, "OK");
  }
  primary->Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return primary->Log().find("received SIGTERM") != std::string::npos; }));
  proxy.Hold(false);
  EXPECT_EQ(primary->WaitForEnd(), 0);
  EXPECT_EQ(Say(replica, {"DBSIZE"}), "1000");
}

TEST(Replication, AClientInWaitCanBeUnblocked) {
  ServerProcess server;
  const Context waiting = ConnectTo(server);
  const std::string id = std::to_string(Ask(waiting.get(), {"CLIENT", "ID"})->integer);
  EXPECT_EQ(Say(server, {"CLIENT", "UNBLOCK", id}), "0");
  for (const std::string reason : {"TIMEOUT", "ERROR"}) {
    ::redisAppendCommand(waiting.get(), "WAIT 1 0");
    int written = 0;
    while (written == 0) ASSERT_EQ(::redisBufferWrite(waiting.get(), &written), REDIS_OK);
    ASSERT_TRUE(Eventually([&] { return Say(server, {"CLIENT", "UNBLOCK", id, reason}) == "1"; }));
    void* reply = nullptr;
    ASSERT_EQ(::redisGetReply(waiting.get(), &reply), REDIS_OK);
    const Reply owned(static_cast<redisReply*>(reply));
    if (reason == "ERROR") {
      EXPECT_STREQ(owned->str, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
      EXPECT_EQ(owned->integer, 0);
    }
    EXPECT_STREQ(Ask(waiting.get(), {"PING"})->str, "PONG");
  }
}

TEST(Replication, WithAQuorumAWriteIsAnsweredWhenAMajorityHasIt) {
  ServerProcess primary(WithDebug({"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "300"}));
  CuttingProxy proxy(primary.port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "1" && IsUp(replica); }));
  const Context context = ConnectTo(primary);
  for (int i = 0; i < 50; ++i) {
    ASSERT_STREQ(Ask(context.get(), {"SET", "key", std::to_string(i)})->str, "OK");
    EXPECT_EQ(Say(replica, {"GET", "key"}), std::to_string(i));
  }
  proxy.Hold(true);
  // Each of several that wait is answered for itself.
  for (const char* key : {"one", "two"}) ::redisAppendCommand(context.get(), "SET %s open", key);
  for (int i = 0; i < 2; ++i) {
    void* reply = nullptr;
    ASSERT_EQ(::redisGetReply(context.get(), &reply), REDIS_OK);
    const Reply owned(static_cast<redisReply*>(reply));
    EXPECT_TRUE(std::string(owned->str).find("its outcome is open") != std::string::npos) << owned->str;
  }
  proxy.Hold(false);
  ASSERT_TRUE(Eventually([&] { return std::string(Ask(context.get(), {"SET", "key", "again"})->str) == "OK"; }));
}

TEST(Replication, AQuorumOfOneNeedsNoReplicasAQuorumOfThreeDoes) {
  ServerProcess alone({"--repl-ack", "quorum"});
  EXPECT_EQ(Say(alone, {"SET", "a", "b"}), "OK");
  ServerProcess of_three({"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "100"});
  EXPECT_NE(Say(of_three, {"SET", "a", "b"}).find("its outcome is open"), std::string::npos);
}

TEST(Replication, TheMajorityCountsDisconnectedMembers) {
  const TempDir dir;
  const Options options = {"--repl-ack", "quorum", "--repl-ack-timeout", "100", "--repl-timeout",
                           "1",          "--dir",  dir.Path("")};
  std::string port;
  {
    ServerProcess primary(options);
    port = std::to_string(primary.port());
    ServerProcess one(ReplicaOf(primary.port()));
    ServerProcess two(ReplicaOf(primary.port()));
    ASSERT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "2" && IsUp(one) && IsUp(two); }));
    EXPECT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
    one.Signal(SIGSTOP);
    two.Signal(SIGSTOP);
    ASSERT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "0"; })) << "repl-timeout is over";
    EXPECT_TRUE(Say(primary, {"SET", "a", "c"}).starts_with("NOREPLICAS"));
    one.Signal(SIGCONT);
    ASSERT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "c"}) == "OK"; })) << "two of three";
    two.Signal(SIGCONT);
  }
  ServerProcess again(options);
  EXPECT_TRUE(Say(again, {"SET", "a", "d"}).starts_with("NOREPLICAS")) << "after a restart too";
  EXPECT_EQ(Say(again, {"CONFIG", "SET", "repl-shard-nodes", "1"}), "OK");
  EXPECT_TRUE(Eventually([&] {
    return Say(again, {"SET", "a", "d"}) == "OK";
  })) << "somebody has said that it is alone";
}

TEST(Replication, ClientUnpauseLetsNoWriteIntoAShutdown) {
  ServerProcess primary(WithDebug({"--shutdown-timeout", "1"}));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return primary.Info("slave0").find("state=online") != std::string::npos; }));
  replica.Signal(SIGSTOP);
  ASSERT_EQ(::waitpid(replica.pid(), nullptr, WUNTRACED), replica.pid()) << "it acknowledges nothing any more";
  ASSERT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
  primary.Signal(SIGTERM);
  const int writer = primary.Connect();
  ASSERT_TRUE(Eventually([&] {
    SendAll(writer, "SET a b\r\n");
    return primary.Info("blocked_clients") == "1";
  })) << "the shutdown pauses writes";
  ASSERT_EQ(Say(primary, {"CLIENT", "UNPAUSE"}), "OK");
  EXPECT_EQ(primary.Ask("SET late value"), "") << "no reply to a write that would be nowhere";
  EXPECT_EQ(primary.WaitForEnd(), 0);
  replica.Signal(SIGCONT);
  ::close(writer);
}

// A peer that says it is this replica, has everything that there is, and is silent from then on.
Context FollowSilently(const ServerProcess& primary, const std::string& member) {
  Context link = ConnectTo(primary);
  EXPECT_STREQ(Ask(link.get(), {"REPLCONF", "listening-port", "1", "capa", "ringkv1"})->str, "OK");
  ::redisAppendCommand(link.get(), "PSYNC %s 0 %s", std::string(40, 'a').c_str(), member.c_str());
  int done = 0;
  while (done == 0) ::redisBufferWrite(link.get(), &done);
  return link;
}

TEST(Replication, AReconnectedReplicaCountsAsOneMember) {
  ServerProcess primary({"--repl-ack", "quorum", "--repl-ack-timeout", "100"});
  const Context old_link = FollowSilently(primary, std::string(40, 'b'));
  const Context new_link = FollowSilently(primary, std::string(40, 'b'));
  ASSERT_TRUE(Eventually([&] { return primary.Info("slave1").find("state=online") != std::string::npos; }));
  EXPECT_TRUE(Say(primary, {"SET", "a", "b"}).starts_with("NOREPLICAS"));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "c"}) == "OK"; })) << "two of three, not of four";
}

TEST(Replication, ReplicaofAndNoOneAtOnceLeavesAPrimary) {
  ServerProcess primary(WithDebug({}));
  ServerProcess other(WithDebug({}));
  ServerProcess replica(ReplicaOf(other.port()));
  const Context context = ConnectTo(other);
  for (int i = 0; i < 200; ++i) {
    ASSERT_STREQ(Ask(context.get(), {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())})->str, "OK");
    ASSERT_TRUE(Eventually([&] { return std::string(Ask(context.get(), {"REPLICAOF", "NO", "ONE"})->str) == "OK"; }));
    ASSERT_STREQ(Ask(context.get(), {"SET", "key", std::to_string(i)})->str, "OK");
  }
  // What it writes is recorded: its replica gets it.
  ExpectEqual(replica, other);
}

TEST(Replication, WritesAreRefusedWithFewerReplicasThanTheConfigurationAsksFor) {
  ServerProcess primary(WithDebug({"--min-replicas-to-write", "1"}));
  EXPECT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "b"}).starts_with("NOREPLICAS"); }));
  ServerProcess replica(ReplicaOf(primary.port()));
  EXPECT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "b"}) == "OK"; }));
  ExpectEqual(replica, primary);
}

TEST(Replication, APasswordIsAskedForAndGiven) {
  ServerProcess primary({"--requirepass", "secret"});
  ServerProcess stranger(ReplicaOf(primary.port(), {"--masterauth", "wrong"}));
  ServerProcess replica(ReplicaOf(primary.port(), {"--masterauth", "secret"}));
  EXPECT_TRUE(Eventually([&] { return IsUp(replica); }));
  EXPECT_TRUE(Eventually([&] { return stranger.Log().find("AUTH was answered: WRONGPASS") != std::string::npos; }));
  EXPECT_FALSE(IsUp(stranger));
}

TEST(Replication, AnUnreachablePrimaryIsLoggedOnceAndRequestsAreServed) {
  ServerProcess nobody;
  const int port = nobody.port();
  nobody.Signal(SIGKILL);
  nobody.WaitForEnd();
  ServerProcess replica(ReplicaOf(port));
  EXPECT_TRUE(Eventually([&] { return replica.Log().find("cannot reach 127.0.0.1") != std::string::npos; }));
  EXPECT_EQ(replica.Info("master_link_status"), "down");
  EXPECT_EQ(Say(replica, {"GET", "a"}), "");
}

TEST(Replication, GarbageInPlaceOfAMessageEndsTheLinkAndNothingElse) {
  ServerProcess primary(WithDebug({}));
  const int socket = primary.Connect();
  SendAll(socket, "REPLCONF listening-port 1 capa ringkv1\r\nPSYNC x 1\r\n");
  SendAll(socket, std::string(1000, 'g'));
  EXPECT_NE(ReceiveToEnd(socket).find("+RINGKV SNAPSHOT"), std::string::npos);
  ::close(socket);
  EXPECT_EQ(Say(primary, {"PING"}), "PONG");
  EXPECT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "0"; }));
}

TEST(Replication, AnAcknowledgementOfAnLsnThatDoesNotExistEndsTheLink) {
  ServerProcess primary(WithDebug({}));
  ASSERT_EQ(Say(primary, {"SET", "a", "1"}), "OK");
  const int socket = primary.Connect();
  const std::string ack = cluster::EncodeMessage(cluster::MessageKind::kAck, UINT64_MAX, cluster::EncodeAck(1'000'000));
  SendAll(socket, "REPLCONF listening-port 1 capa ringkv1\r\nPSYNC x 1\r\n" + ack);
  EXPECT_NE(ReceiveToEnd(socket).find("+RINGKV SNAPSHOT"), std::string::npos);
  ::close(socket);
  EXPECT_NE(primary.Log().find("acknowledged LSN 1000000, which does not exist yet"), std::string::npos);
  EXPECT_EQ(Say(primary, {"WAIT", "1", "1"}), "0");
}

// --- clients that wait ----------------------------------------------------------------------------------------------

TEST(Replication, BlockedReadersOfAReplicaAreServedByThePrimarysWrites) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  WaitingClient reader(replica, {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"});
  // Nothing that goes on in between ends the wait.
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  EXPECT_EQ(Say(primary, {"XADD", "stream", "1-1", "f", "v"}), "1-1");
  EXPECT_EQ(reader.TakeEntry(), "1-1");
  WaitingClient promoted(replica, {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"});
  EXPECT_EQ(Say(replica, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Say(replica, {"XADD", "stream", "2-1", "f", "v"}), "2-1");
  EXPECT_EQ(promoted.TakeEntry(), "2-1");
}

TEST(Replication, BlockedClientsOfAWritableReplicaAreServedByThePrimarysWrites) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port(), {"--replica-read-only", "no"}));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  WaitingClient waiter(replica, {"BLPOP", "list", "0"});
  EXPECT_EQ(Say(primary, {"RPUSH", "list", "x"}), "1");
  const Reply reply = waiter.Take();
  ASSERT_EQ(reply->elements, 2u);
  EXPECT_STREQ(reply->element[1]->str, "x");
}

TEST(Replication, BecomingAReplicaUnblocksClientsWithAnError) {
  ServerProcess primary;
  ServerProcess server({"--io-threads", "2"});
  std::vector<std::unique_ptr<WaitingClient>> clients;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"BLPOP", "list", "0"}, {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"}, {"WAIT", "1", "0"}}) {
    clients.push_back(std::make_unique<WaitingClient>(server, words));
  }
  EXPECT_EQ(Say(server, {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())}), "OK");
  for (const auto& client : clients) {
    EXPECT_STREQ(client->Take()->str,
                 "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
    EXPECT_TRUE(client->IsClosed());
  }
  EXPECT_EQ(server.Info("blocked_clients"), "0");
}

// --- what is published ----------------------------------------------------------------------------------------------

TEST(Replication, AMessageArrivesAfterTheChangesBeforeIt) {
  constexpr int kRounds = 200;
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port(), {"--io-threads", "2"}));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  const Context subscriber = ConnectTo(replica);
  ASSERT_NE(Ask(subscriber.get(), {"SUBSCRIBE", "channel"}), nullptr);
  std::thread publisher([&] {
    const Context context = ConnectTo(primary);
    for (int i = 0; i < kRounds; i += 2) {
      Ask(context.get(), {"SET", "key", std::to_string(i)});
      Ask(context.get(), {"PUBLISH", "channel", std::to_string(i)});
      Ask(context.get(), {"MULTI"});
      Ask(context.get(), {"PUBLISH", "channel", std::to_string(i + 1)});
      Ask(context.get(), {"SET", "key", std::to_string(i + 1)});
      Ask(context.get(), {"EXEC"});
    }
  });
  const Context reader = ConnectTo(replica);
  for (int i = 0; i < kRounds; ++i) {
    void* reply = nullptr;
    ASSERT_EQ(::redisGetReply(subscriber.get(), &reply), REDIS_OK);
    const Reply message(static_cast<redisReply*>(reply));
    ASSERT_EQ(message->elements, 3u);
    ASSERT_EQ(message->element[2]->str, std::to_string(i));
    ASSERT_GE(std::stoi(Ask(reader.get(), {"GET", "key"})->str), i);
  }
  publisher.join();
}

void ExpectTheLinkToEndForMessages(const std::string& limit) {
  ServerProcess primary(WithDebug({"--client-output-buffer-limit", limit}));
  CuttingProxy proxy(primary.port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  proxy.Hold(true);
  const std::string message(1'000'000, 'm');
  // The sockets between the two take some.
  for (int i = 0; i < 60 && primary.Info("connected_slaves") == "1"; ++i) Say(primary, {"PUBLISH", "channel", message});
  EXPECT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "0"; }));
  EXPECT_NE(primary.Log().find("published messages that it has not read exceed client-output-buffer-limit"),
            std::string::npos);
  proxy.Cut();
  proxy.Hold(false);
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("sync_full"), "1") << "it goes on where it was";
}

TEST(Replication, TheLinkEndsWhereMessagesWouldBeLostInTheMiddle) { ExpectTheLinkToEndForMessages("replica 1mb 0 0"); }

TEST(Replication, TheLinkEndsWhereMessagesWaitBeyondTheSoftLimitForTooLong) {
  ExpectTheLinkToEndForMessages("replica 0 1mb 1");
}

// --- the way out ----------------------------------------------------------------------------------------------------

// A RingKV that migrates is to its source what a redis-server is that follows.
TEST(MovingOut, ARedisReplicaContinuesAfterEachCutAndHasTheData) {
  ServerProcess primary(WithDebug({"--repl-backlog-size", "1gb"}));  // for what is written until it is back
  Fill(primary, 2000);
  CuttingProxy proxy(primary.port());
  Writer writer(primary, 7);
  ServerProcess replica(WithDebug({"--migrate-from", "127.0.0.1 " + std::to_string(proxy.port())}));
  const auto is_up = [&] { return replica.Info("migrate_link_status") == "up"; };
  for (int i = 0; i < 2; ++i) {
    const int64_t before = writer.written();
    ASSERT_TRUE(Eventually([&] { return writer.written() > before + 1000 && is_up(); }));
    const Context client = ConnectTo(primary);
    Ask(client.get(), {"SET", "synchronised", "yes"});
    ASSERT_EQ(Ask(client.get(), {"WAIT", "1", "10000"})->integer, 1) << "among the bytes of its sync it can't continue";
    proxy.Cut();
    ASSERT_TRUE(Eventually([&] { return primary.Info("sync_partial_ok") >= std::to_string(i + 1); }));
  }
  writer.Stop();
  ASSERT_TRUE(Eventually([&] { return replica.Info("migrate_offset") == primary.Info("master_repl_offset"); }));
  EXPECT_TRUE(Eventually([&] { return replica.Ask("DEBUG DIGEST") == primary.Ask("DEBUG DIGEST"); }));
  EXPECT_EQ(replica.Info("migrate_commands_left_out"), "0");
  EXPECT_EQ(primary.Info("sync_full"), "1");
}

TEST(MovingOut, WaitAndInfoAndKillKnowARedisReplica) {
  ServerProcess primary;
  ServerProcess replica({"--migrate-from", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return primary.Info("slave0").find("state=online") != std::string::npos; }));
  const Context client = ConnectTo(primary);
  Ask(client.get(), {"SET", "key", "value"});
  EXPECT_EQ(Ask(client.get(), {"WAIT", "1", "10000"})->integer, 1);
  EXPECT_EQ(Say(replica, {"GET", "key"}), "value");
  EXPECT_EQ(primary.Info("connected_slaves"), "1");
  EXPECT_NE(Say(primary, {"CLIENT", "LIST", "TYPE", "replica"}).find("flags=S"), std::string::npos);
  EXPECT_EQ(Say(primary, {"CLIENT", "KILL", "TYPE", "replica"}), "1");
  ASSERT_TRUE(Eventually([&] { return primary.Info("sync_partial_ok") == "1"; }));
}

// Its own replica has what it has from its primary.
TEST(MovingOut, AReplicaMayHaveRedisReplicas) {
  ServerProcess primary;
  ServerProcess middle({"--replicaof", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return IsUp(middle); }));
  ServerProcess last({"--migrate-from", "127.0.0.1 " + std::to_string(middle.port())});
  ASSERT_TRUE(Eventually([&] { return last.Info("migrate_link_status") == "up"; }));
  EXPECT_EQ(Say(primary, {"SET", "key", "value"}), "OK");
  EXPECT_TRUE(Eventually([&] { return Say(last, {"GET", "key"}) == "value"; }));
  // Both make a stream from one history, but number its bytes differently.
  ServerProcess other({"--migrate-from", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return other.Info("migrate_link_status") == "up"; }));
  EXPECT_NE(primary.Info("master_replid"), middle.Info("master_replid"));
}

}  // namespace
}  // namespace ringkv::test
