// SPDX-License-Identifier: MIT
// Clients of a replica, and clients during a change of the role.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/replicas.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

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
TEST(Replication, WritesOnAWritableReplicaReachItsReplicasWhenItIsPromoted) {
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
  // Its writes are recorded, so its replica gets them.
  ExpectEqual(replica, other);
}

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

}  // namespace
}  // namespace ringkv::test
