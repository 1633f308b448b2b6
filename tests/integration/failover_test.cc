// SPDX-License-Identifier: MIT
// FAILOVER: a primary hands its role over to a replica.
#include <gtest/gtest.h>

#include <atomic>
#include <string_view>
#include <thread>

#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

std::string FailoverState(const ServerProcess& server) { return server.Info("master_failover_state"); }

std::string Key(int number) { return "key:" + std::to_string(number); }

std::vector<std::string> FailoverTo(const ServerProcess& target, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"FAILOVER", "TO", "127.0.0.1", std::to_string(target.port())};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// A primary and its replica behind a proxy, which a test may hold so that nothing more is acknowledged.
class FailoverTest : public testing::Test {
 protected:
  explicit FailoverTest(std::vector<std::string> replica_options = {})
      : replica_(ReplicaOf(proxy_.port(), std::move(replica_options))) {
    EXPECT_EQ(Say(primary_, {"SET", "a", "0"}), "OK");
    EXPECT_TRUE(Eventually([&] { return HasCaughtUp(replica_, primary_) && IsOnline(); }));
  }
  bool IsOnline() const { return primary_.Info("slave0").find("state=online") != std::string::npos; }

  // The replica lacks a write from now on.
  void HoldBack() {
    proxy_.Hold(true);
    EXPECT_EQ(Say(primary_, {"SET", "a", "late"}), "OK");
  }

  ServerProcess primary_{WithDebug({"--io-threads", "2", "--failover-forward-time", "0"})};
  CuttingProxy proxy_{primary_.port()};
  ServerProcess replica_;
};

TEST_F(FailoverTest, SwapsRolesAndLosesNoAcknowledgedWrite) {
  std::atomic<int> acknowledged{0};
  std::string end;
  std::thread writer([&] {
    const Context context = ConnectTo(primary_);
    for (;;) {
      const Reply reply = Ask(context.get(), {"INCR", "n"});
      if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) {
        end = reply == nullptr ? "" : reply->str;
        return;
      }
      acknowledged = static_cast<int>(reply->integer);
    }
  });
  ASSERT_TRUE(Eventually([&] { return acknowledged > 200; }));
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  writer.join();
  EXPECT_EQ(end, "READONLY You can't write against a read only replica.");
  EXPECT_TRUE(Eventually([&] { return FailoverState(primary_) == "no-failover"; }));
  EXPECT_EQ(RoleOf(replica_), "master");
  EXPECT_EQ(RoleOf(primary_), "slave");
  EXPECT_EQ(Say(replica_, {"GET", "n"}), std::to_string(acknowledged));
  EXPECT_EQ(Say(replica_, {"SET", "a", "1"}), "OK");
  ExpectEqual(primary_, replica_);
  EXPECT_EQ(replica_.Info("sync_full"), "0");
  // And back.
  EXPECT_EQ(Say(replica_, FailoverTo(primary_)), "OK");
  EXPECT_TRUE(Eventually([&] { return Say(primary_, {"SET", "a", "2"}) == "OK"; }));
  ExpectEqual(replica_, primary_);
}

TEST_F(FailoverTest, PausesWritesUntilItIsAborted) {
  HoldBack();
  EXPECT_EQ(Say(primary_, FailoverTo(replica_)), "OK");
  EXPECT_EQ(FailoverState(primary_), "waiting-for-sync");
  WaitingClient writer(primary_, {"SET", "a", "paused"});
  EXPECT_EQ(Say(primary_, {"GET", "a"}), "late");
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "ERR FAILOVER already in progress.");
  EXPECT_EQ(Say(primary_, {"REPLICAOF", "NO", "ONE"}), "ERR REPLICAOF not allowed while failing over.");
  EXPECT_EQ(Say(primary_, {"CLIENT", "UNPAUSE"}), "OK");
  EXPECT_EQ(Say(primary_, {"GET", "a"}), "late") << "that pause is not a client's";
  EXPECT_EQ(Say(primary_, {"FAILOVER", "ABORT"}), "OK");
  EXPECT_EQ(FailoverState(primary_), "no-failover");
  EXPECT_STREQ(writer.Take()->str, "OK");
  EXPECT_EQ(Say(primary_, {"FAILOVER", "ABORT"}), "ERR No failover in progress.");
  proxy_.Hold(false);
  ExpectEqual(replica_, primary_);
}

// The replica would lack the group of an expired key, and the old primary would need a full sync.
TEST_F(FailoverTest, NoKeyExpiresMeanwhile) {
  constexpr int kKeys = 200;
  EXPECT_EQ(Say(primary_, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"}), "OK");
  for (int i = 0; i < kKeys; ++i) EXPECT_EQ(Say(primary_, {"SET", Key(i), "lived", "PX", "1"}), "OK");
  HoldBack();
  EXPECT_EQ(Say(primary_, FailoverTo(replica_)), "OK");
  int read = 0;
  const auto leaves_a_key = [&] {
    const std::string before = primary_.Info("master_repl_offset");
    EXPECT_EQ(Say(primary_, {"GET", Key(read++)}), "") << "expired";
    return primary_.Info("master_repl_offset") == before;
  };
  EXPECT_TRUE(Eventually([&] { return read == kKeys || leaves_a_key(); }));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(read < kKeys && leaves_a_key());
  proxy_.Hold(false);
  EXPECT_TRUE(Eventually([&] { return RoleOf(replica_) == "master"; }));
  ExpectEqual(primary_, replica_);
  EXPECT_EQ(replica_.Info("sync_full"), "0");
}

TEST_F(FailoverTest, GivesUpAfterItsTimeout) {
  HoldBack();
  EXPECT_EQ(Say(primary_, FailoverTo(replica_, {"TIMEOUT", "50"})), "OK");
  EXPECT_TRUE(Eventually([&] { return FailoverState(primary_) == "no-failover"; }));
  EXPECT_EQ(RoleOf(primary_), "master");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK");
  EXPECT_NE(primary_.Log().find("Replica never caught up before timeout"), std::string::npos);
}

TEST_F(FailoverTest, HandsOverAfterItsTimeoutIfForced) {
  HoldBack();
  EXPECT_EQ(Say(primary_, FailoverTo(replica_, {"FORCE", "TIMEOUT", "50"})), "OK");
  EXPECT_TRUE(Eventually([&] { return RoleOf(replica_) == "master"; }));
  proxy_.Hold(false);
  ExpectEqual(primary_, replica_);
  EXPECT_EQ(Say(primary_, {"GET", "a"}), "0") << "what the target lacked is lost";
}

TEST_F(FailoverTest, TheLongestTimeoutDoesNotEndAtOnce) {
  HoldBack();
  EXPECT_EQ(Say(primary_, FailoverTo(replica_, {"FORCE", "TIMEOUT", "9223372036854775807"})), "OK");
  proxy_.Hold(false);
  EXPECT_TRUE(Eventually([&] { return RoleOf(replica_) == "master"; }));
  EXPECT_EQ(Say(replica_, {"GET", "a"}), "late");
  EXPECT_EQ(primary_.Log().find("time out exceeded"), std::string::npos) << primary_.Log();
}

TEST_F(FailoverTest, ChecksItsTimeout) {
  for (const std::string text : {"9223372036854775808", "abc", ""}) {
    EXPECT_EQ(Say(primary_, {"FAILOVER", "TIMEOUT", text}), "ERR value is not an integer or out of range") << text;
  }
  for (const std::string text : {"0", "-1", "-9223372036854775808"}) {
    EXPECT_EQ(Say(primary_, {"FAILOVER", "TIMEOUT", text}), "ERR FAILOVER timeout must be greater than 0") << text;
  }
}

TEST_F(FailoverTest, UnblocksBlockedClientsWhenTheRoleChanges) {
  WaitingClient blocked(primary_, {"BLPOP", "list", "0"});
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  EXPECT_STREQ(blocked.Take()->str,
               "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
}

TEST_F(FailoverTest, BeginsAndEndsInATransactionThatHoldsLocksOfData) {
  HoldBack();
  const Context context = ConnectTo(primary_);
  for (const bool begins : {true, false}) {
    Ask(context.get(), {"MULTI"});
    Ask(context.get(), {"GET", "a"});
    Ask(context.get(), begins ? FailoverTo(replica_) : std::vector<std::string>{"FAILOVER", "ABORT"});
    const Reply reply = Ask(context.get(), {"EXEC"});
    ASSERT_EQ(reply->elements, 2u);
    EXPECT_STREQ(reply->element[1]->str, "OK");
    EXPECT_EQ(FailoverState(primary_), begins ? "waiting-for-sync" : "no-failover");
  }
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK");
}

TEST_F(FailoverTest, ChecksItsTarget) {
  EXPECT_EQ(Say(primary_, {"FAILOVER", "TO", "127.0.0.1", "1"}), "ERR FAILOVER target HOST and PORT is not a replica.");
  EXPECT_EQ(Say(replica_, {"FAILOVER"}), "ERR FAILOVER is not valid when server is a replica.");
  EXPECT_EQ(Say(primary_, FailoverTo(replica_, {"FORCE"})),
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
}

// Begins a full sync as a redis-server does that listens on this port. It is online once it acknowledges something.
Context FollowAsRedis(const ServerProcess& primary, const std::string& port) {
  Context link = ConnectTo(primary);
  EXPECT_STREQ(Ask(link.get(), {"REPLCONF", "listening-port", port, "capa", "eof", "capa", "psync2"})->str, "OK");
  EXPECT_TRUE(std::string_view(Ask(link.get(), {"PSYNC", "?", "-1"})->str).starts_with("FULLRESYNC "));
  return link;
}

void Acknowledge(redisContext* link) { SendRequest(link, {"REPLCONF", "ACK", "0"}); }

// The ports in ROLE.
std::vector<std::string> OnlineReplicas(const ServerProcess& primary) {
  const Context context = ConnectTo(primary);
  const Reply role = Ask(context.get(), {"ROLE"});
  std::vector<std::string> ports;
  for (size_t i = 0; i < role->element[2]->elements; ++i) {
    ports.emplace_back(role->element[2]->element[i]->element[1]->str);
  }
  return ports;
}

TEST_F(FailoverTest, RefusesARedisReplicaAtOnce) {
  constexpr char kRefusal[] = "ERR FAILOVER needs a RingKV replica. A redis-server takes over after REPLICAOF NO ONE.";
  const std::vector<std::string> to_redis{"FAILOVER", "TO", "127.0.0.1", "7", "FORCE", "TIMEOUT", "100000"};
  const std::string ringkv = std::to_string(replica_.port());
  const Context redis = FollowAsRedis(primary_, "7");
  EXPECT_EQ(Say(primary_, to_redis), kRefusal);
  EXPECT_EQ(OnlineReplicas(primary_), std::vector<std::string>{ringkv});
  const auto is_online = [&] {
    Acknowledge(redis.get());
    return primary_.Info("slave0").starts_with("ip=127.0.0.1,port=7,state=online,");
  };
  EXPECT_TRUE(Eventually(is_online)) << primary_.Info("slave0");
  EXPECT_EQ(OnlineReplicas(primary_), (std::vector<std::string>{"7", ringkv}));
  EXPECT_EQ(Say(primary_, to_redis), kRefusal);
  EXPECT_EQ(FailoverState(primary_), "no-failover");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK") << "no write is paused";
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  EXPECT_TRUE(Eventually([&] { return RoleOf(replica_) == "master"; })) << "the one that can take over does";

  const ServerProcess alone;
  const Context its_only_replica = FollowAsRedis(alone, "7");
  EXPECT_EQ(Say(alone, {"FAILOVER"}), kRefusal);
}

// The replica announces the port of a server that is a primary itself.
class RefusedFailoverTest : public FailoverTest {
 protected:
  RefusedFailoverTest() : FailoverTest({"--replica-announce-port", std::to_string(stranger().port())}) {}
  static const ServerProcess& stranger() {
    static const ServerProcess server;
    return server;
  }
};

TEST_F(RefusedFailoverTest, ThePrimaryKeepsItsRoleAfterARefusal) {
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  EXPECT_TRUE(
      Eventually([&] { return primary_.Log().find("FAILOVER can't be sent to a master") != std::string::npos; }));
  EXPECT_TRUE(Eventually([&] { return FailoverState(primary_) == "no-failover"; }));
  EXPECT_EQ(RoleOf(primary_), "master");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK");
  EXPECT_EQ(Say(primary_, {"CONFIG", "GET", "replicaof"}), "");
  ExpectEqual(replica_, primary_);
}

// The replica may not have replicas.
class FullFailoverTest : public FailoverTest {
 protected:
  FullFailoverTest() : FailoverTest({"--repl-max-replicas", "0"}) {}
};

TEST_F(FullFailoverTest, ATargetThatHasNoRoomForTheOldPrimaryRemainsAReplica) {
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  EXPECT_TRUE(
      Eventually([&] { return primary_.Log().find("this server has repl-max-replicas") != std::string::npos; }));
  EXPECT_TRUE(Eventually([&] { return FailoverState(primary_) == "no-failover"; }));
  EXPECT_EQ(RoleOf(primary_), "master");
  EXPECT_EQ(RoleOf(replica_), "slave");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK");
  ExpectEqual(replica_, primary_);
}

// The replica announces a port where nobody listens.
class UnreachableFailoverTest : public FailoverTest {
 protected:
  UnreachableFailoverTest() : FailoverTest({"--replica-announce-port", "1"}) {}
};

TEST_F(UnreachableFailoverTest, IsInProgressUntilItIsAborted) {
  EXPECT_EQ(Say(primary_, {"FAILOVER"}), "OK");
  EXPECT_TRUE(Eventually([&] { return FailoverState(primary_) == "failover-in-progress"; }));
  EXPECT_EQ(RoleOf(primary_), "slave");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "READONLY You can't write against a read only replica.");
  EXPECT_EQ(Say(primary_, {"FAILOVER", "ABORT"}), "OK");
  EXPECT_EQ(FailoverState(primary_), "no-failover");
  EXPECT_EQ(RoleOf(primary_), "master");
  EXPECT_EQ(Say(primary_, {"SET", "a", "b"}), "OK");
  ExpectEqual(replica_, primary_);
}

}  // namespace
}  // namespace ringkv::test
