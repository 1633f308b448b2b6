// SPDX-License-Identifier: MIT
// Replicas that are Redis servers.
#include <gtest/gtest.h>

#include "tests/support/cutting_proxy.h"
#include "tests/support/random_writer.h"
#include "tests/support/replicas.h"

namespace ringkv::test {
namespace {

// A RingKV that migrates is to its source what a redis-server is that follows.
TEST(MovingOut, ARedisReplicaContinuesAfterEachCutAndHasTheData) {
  ServerProcess primary(WithDebug({"--repl-backlog-size", "1gb"}));  // for what is written until it is back
  Fill(primary, 2000);
  CuttingProxy proxy(primary.port());
  RandomWriter writer(primary, 7);
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
  // The test's own connection, and that which asks: a replica is no client.
  EXPECT_TRUE(Eventually([&] { return primary.Info("connected_clients") == "2"; }))
      << primary.Info("connected_clients");
  EXPECT_EQ(primary.Info("sync_partial_err"), "0");
  EXPECT_NE(Say(primary, {"CLIENT", "LIST", "TYPE", "replica"}).find("flags=S"), std::string::npos);
  EXPECT_EQ(Say(primary, {"CLIENT", "KILL", "TYPE", "replica"}), "1");
  ASSERT_TRUE(Eventually([&] { return primary.Info("sync_partial_ok") == "1"; }));
}

// Its own replica has what it has from its primary.
TEST(MovingOut, AReplicaMayHaveRedisReplicas) {
  ServerProcess primary;
  ServerProcess middle({"--replicaof", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return IsUp(middle); }));
  EXPECT_EQ(primary.Info("sync_partial_err"), "0") << "a new replica has nothing to continue";
  EXPECT_TRUE(Eventually([&] { return primary.Info("connected_clients") == "1"; }))
      << primary.Info("connected_clients");
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
