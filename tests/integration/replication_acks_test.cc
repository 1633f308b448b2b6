// SPDX-License-Identifier: MIT
// Acknowledgements of replicas: WAIT, quorums, min-replicas-to-write, SHUTDOWN.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

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

// Files may not grow any more, so the replica has the write in memory only. Sentinel must prefer one that has it safe.
TEST(Replication, TheOffsetOfAReplicaThatSyncsIsWhatItCouldAcknowledge) {
  const auto before = std::signal(SIGXFSZ, SIG_IGN);  // which the server inherits
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port(), {"--appendonly", "yes", "--appendfsync", "always", "--save", ""}));
  std::signal(SIGXFSZ, before);
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  ASSERT_EQ(Say(primary, {"SET", "a", "1"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  const std::string safe = replica.Info("slave_repl_offset");
  const rlimit small{.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::prlimit(replica.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  ASSERT_EQ(Say(primary, {"SET", "a", "2"}), "OK");
  ASSERT_TRUE(Eventually([&] { return replica.Info("aof_last_write_status") == "err"; }));
  EXPECT_EQ(replica.Info("slave_repl_offset"), safe);
  const rlimit any{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::prlimit(replica.pid(), RLIMIT_FSIZE, &any, nullptr), 0);
  EXPECT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
}

TEST(Replication, AClientInWaitCanBeUnblocked) {
  ServerProcess server;
  const Context waiting = ConnectTo(server);
  const std::string id = std::to_string(Ask(waiting.get(), {"CLIENT", "ID"})->integer);
  EXPECT_EQ(Say(server, {"CLIENT", "UNBLOCK", id}), "0");
  for (const std::string reason : {"TIMEOUT", "ERROR"}) {
    SendRequest(waiting.get(), {"WAIT", "1", "0"});
    ASSERT_TRUE(Eventually([&] { return Say(server, {"CLIENT", "UNBLOCK", id, reason}) == "1"; }));
    const Reply reply = TakeReply(waiting.get());
    if (reason == "ERROR") {
      EXPECT_STREQ(reply->str, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
      EXPECT_EQ(reply->integer, 0);
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

constexpr const char* kPopulated = "200000";

// A replica with these options, which its primary's data set has just replaced, is promoted, acknowledges a write and
// is killed. `prepare`: what happens before it is promoted.
void KillAPromotedReplica(const Options& options, const std::function<void(const ServerProcess&)>& prepare) {
  ServerProcess primary(WithDebug({}));
  ASSERT_EQ(Say(primary, {"DEBUG", "POPULATE", "200000", "key", "500"}), "OK");
  ServerProcess replica(ReplicaOf(primary.port(), options));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  prepare(replica);
  ASSERT_EQ(Say(replica, {"REPLICAOF", "NO", "ONE"}), "OK");
  ASSERT_EQ(Say(replica, {"SET", "after", "v"}), "OK");
  replica.Signal(SIGKILL);
  EXPECT_EQ(replica.WaitForEnd(), 128 + SIGKILL);
}

Options WithSafeFiles(const TempDir& dir) {
  return {"--appendonly", "yes", "--appendfsync", "always", "--dir", dir.Path("")};
}

// Its data set is not in its files yet: until then nothing is safe.
TEST(Replication, APromotedReplicaAcknowledgesNothingThatAKillTakesBack) {
  const TempDir dir;
  const Options files = WithSafeFiles(dir);
  KillAPromotedReplica(files, [](const ServerProcess&) {});
  ServerProcess again(files);
  EXPECT_EQ(Say(again, {"GET", "after"}), "v");
  EXPECT_EQ(Say(again, {"DBSIZE"}), "200001");
}

TEST(Replication, WritesOfAPromotedWritableReplicaAreSafeOnceAnotherIsAcknowledged) {
  const TempDir dir;
  const Options files = WithSafeFiles(dir);
  Options writable = files;
  writable.insert(writable.end(), {"--replica-read-only", "no"});
  KillAPromotedReplica(writable, [](const ServerProcess& replica) {
    ASSERT_TRUE(Eventually([&] { return replica.Info("aof_rewrite_in_progress") == "0"; }));
    ASSERT_EQ(Say(replica, {"SET", "local", "v"}), "OK");
  });
  ServerProcess again(files);
  EXPECT_EQ(Say(again, {"GET", "after"}), "v");
  EXPECT_EQ(Say(again, {"DBSIZE"}), "200002");
}

// The outcome of the write is open, and so is what the key holds.
TEST(Replication, WithAQuorumAReadOfAnOpenWriteIsNotServed) {
  ServerProcess primary({"--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "100"});
  const std::string open = "NOREPLICAS no majority";
  EXPECT_TRUE(Say(primary, {"SET", "key", "v"}).starts_with(open));
  EXPECT_TRUE(Say(primary, {"GET", "key"}).starts_with(open));
  EXPECT_EQ(Say(primary, {"PING"}), "PONG");
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
  SendRequest(link.get(), {"PSYNC", std::string(40, 'a'), "0", member});
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

TEST(Replication, WritesAreRefusedWithFewerReplicasThanTheConfigurationAsksFor) {
  ServerProcess primary(WithDebug({"--min-replicas-to-write", "1"}));
  EXPECT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "b"}).starts_with("NOREPLICAS"); }));
  ServerProcess replica(ReplicaOf(primary.port()));
  EXPECT_TRUE(Eventually([&] { return Say(primary, {"SET", "a", "b"}) == "OK"; }));
  ExpectEqual(replica, primary);
}

}  // namespace
}  // namespace ringkv::test
