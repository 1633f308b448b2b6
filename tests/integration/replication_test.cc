// SPDX-License-Identifier: MIT
// Real servers that follow each other, over lines that break: in the end they hold the same, key by key.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "cluster/node_messages.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/random_writer.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

TEST(Replication, FullSyncIncludesConcurrentWrites) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 20000);
  RandomWriter writer(primary);
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
  RandomWriter writer(primary, 2);
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
  Fill(primary, 20000, 1);  // the writer flushes its own database now and then: a small snapshot would be through
  RandomWriter writer(primary, 3);
  CuttingProxy proxy(primary.port());
  proxy.CutAfter(60);
  ServerProcess replica(ReplicaOf(proxy.port()));
  std::mt19937 random(4);
  for (uint64_t fulls = 2; fulls < 6; ++fulls) {  // the replica rests longer after each
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

TEST(Replication, AScriptThatBeganBeforeAFullSyncCanBeKilledDuringIt) {
  ServerProcess primary(WithDebug({}));
  Fill(primary, 20000);
  CuttingProxy proxy(primary.port());
  proxy.CutAfter(1);  // no sync yet
  ServerProcess replica(ReplicaOf(proxy.port(), {"--busy-reply-threshold", "60000"}));
  ASSERT_TRUE(Eventually([&] { return proxy.accepted() > 0; })) << "the link begins after the scripts that are there";
  const Context script = ConnectTo(replica);
  SendRequest(script.get(), {"EVAL", "redis.log(redis.LOG_WARNING,'begun') while true do end", "0"});
  ASSERT_TRUE(Eventually([&] { return replica.Log().find("begun") != std::string::npos; }));
  proxy.CutAfter(50'000);
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "filled:1"}).starts_with("LOADING"); }));
  EXPECT_EQ(Say(replica, {"SCRIPT", "KILL"}), "OK");
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"SCRIPT", "KILL"}).starts_with("NOTBUSY"); }));
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
    RandomWriter writer(primary, i);
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

// An expiry by the replica itself would take an LSN that belongs to its primary.
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
    RandomWriter writer(*primary, 5);
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
  // Frames that the log's thread has not handled yet count for a moment, and the last one until another one follows.
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Say(primary, {"SET", "small", "v"}), "OK");
    return std::stoull(primary.Info("used_memory")) < before + (16 << 20);
  }));
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

// An eviction is a change that replicas get: if their buffers counted, it would cause the next one.
TEST(Replication, BuffersForReplicasCauseNoEvictionAndAreNoDataset) {
  constexpr int kWrites = 400;  // of more than repl-backlog-size
  ServerProcess primary(WithDebug({"--maxmemory-policy", "allkeys-lru"}));
  ServerProcess replica(ReplicaOf(primary.port()));
  const int redis_replica = primary.Connect();
  SendAll(redis_replica, "SYNC\r\n");
  ASSERT_TRUE(Eventually([&] { return IsUp(replica) && primary.Info("connected_slaves") == "2"; }));
  EXPECT_EQ(Say(primary, {"DEBUG", "POPULATE", "1000"}), "OK");
  constexpr int64_t kRoom = 16 << 20;
  const int64_t limit = std::stoll(primary.Info("used_memory")) + kRoom;
  EXPECT_EQ(Say(primary, {"CONFIG", "SET", "maxmemory", std::to_string(limit)}), "OK");
  const std::string value(100'000, 'v');
  const Context writer = ConnectTo(primary);
  for (int i = 0; i < kWrites; ++i) {
    ASSERT_STREQ(Ask(writer.get(), {"SET", "key", value})->str, "OK");
    // What is under way counts: it is little if the replica keeps up.
    if (i % 20 != 0) continue;
    EXPECT_EQ(Ask(writer.get(), {"WAIT", "1", "10000"})->integer, 1);
  }
  EXPECT_GT(std::stoll(primary.Info("used_memory")), limit);
  EXPECT_GT(std::stoll(primary.Info("mem_not_counted_for_evict")), 2 * kRoom);
  EXPECT_LT(std::stoll(primary.Info("used_memory_dataset")), kRoom);
  EXPECT_EQ(primary.Info("evicted_keys"), "0");
  EXPECT_EQ(Say(primary, {"DBSIZE"}), "1001");
  ::close(redis_replica);
}

}  // namespace
}  // namespace ringkv::test
