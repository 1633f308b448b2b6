// SPDX-License-Identifier: MIT
// Changes of roles: what Sentinel sends for one, and FAILOVER.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

std::string RoleOf(const ServerProcess& server) { return server.Info("role"); }
std::string FailoverState(const ServerProcess& server) { return server.Info("master_failover_state"); }

// --- what Sentinel sends --------------------------------------------------------------------------------------------

// The transaction by which Sentinel changes a role. `first`: a command in front of its own.
Reply Reconfigure(const ServerProcess& server, const std::string& host, const std::string& port,
                  const std::vector<std::string>& first = {}) {
  const Context context = ConnectTo(server);
  Ask(context.get(), {"MULTI"});
  if (!first.empty()) Ask(context.get(), first);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"SLAVEOF", host, port},
                                             {"CONFIG", "REWRITE"},
                                             {"CLIENT", "KILL", "TYPE", "normal"},
                                             {"CLIENT", "KILL", "TYPE", "pubsub"}}) {
    EXPECT_STREQ(Ask(context.get(), words)->str, "QUEUED");
  }
  return Ask(context.get(), {"EXEC"});
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A server with a configuration file, in which CONFIG REWRITE keeps the role.
class ConfiguredServer {
 public:
  explicit ConfiguredServer(const std::string& lines) {
    std::ofstream(path_) << lines;
    Start();
  }
  void Start() {
    server_ = std::make_unique<ServerProcess>(
        WithDebug({path_, "--io-threads", "2", "--dir", dir_.Path(""), "--appendfsync", "always"}));
  }
  void Kill() {
    server_->Signal(SIGKILL);
    EXPECT_EQ(server_->WaitForEnd(), 128 + SIGKILL);
  }
  const ServerProcess& operator*() const { return *server_; }
  std::string file() const { return ReadFile(path_); }
  bool HasHistory() const { return ::access(dir_.Path("replication.history").c_str(), F_OK) == 0; }

 private:
  const TempDir dir_;
  const std::string path_ = dir_.Path("ringkv.conf");
  std::unique_ptr<ServerProcess> server_;
};

// Clients that reconnect as soon as they are cut. Each writes then, which fails if the role has not changed yet.
class Reconnecting {
 public:
  explicit Reconnecting(const ServerProcess& server) : server_(server) {
    for (int i = 0; i < kClients; ++i) {
      contexts_.push_back(ConnectTo(server));
      EXPECT_NE(Ask(contexts_.back().get(), {"PING"}), nullptr);
    }
    for (const Context& context : contexts_) threads_.emplace_back([&] { WriteWhenCut(context.get()); });
  }
  ~Reconnecting() { Join(); }
  void Join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int written() const { return written_; }
  static constexpr int kClients = 16;

 private:
  void WriteWhenCut(redisContext* context) {
    void* reply = nullptr;
    EXPECT_EQ(::redisGetReply(context, &reply), REDIS_ERR) << "it has asked nothing";
    if (Say(server_, {"SET", "key", "value"}) == "OK") ++written_;
  }

  const ServerProcess& server_;
  std::vector<Context> contexts_;
  std::vector<std::thread> threads_;
  std::atomic<int> written_{0};
};

TEST(SentinelsTransaction, PromotesThenRewritesThenCutsClients) {
  ServerProcess primary;
  ConfiguredServer replica("# of the replica\nreplicaof 127.0.0.1 " + std::to_string(primary.port()) + "\n");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(*replica, primary); }));
  Reconnecting clients(*replica);
  const Reply reply = Reconfigure(*replica, "NO", "ONE");
  ASSERT_EQ(reply->elements, 4u);
  EXPECT_STREQ(reply->element[0]->str, "OK");
  EXPECT_STREQ(reply->element[1]->str, "OK");
  EXPECT_EQ(reply->element[2]->integer, Reconnecting::kClients);
  clients.Join();
  EXPECT_EQ(clients.written(), Reconnecting::kClients) << "they were cut when this was the primary";
  EXPECT_EQ(replica.file().find("replicaof"), std::string::npos) << replica.file();
  EXPECT_NE(replica.file().find("# of the replica"), std::string::npos);
}

TEST(SentinelsTransaction, CutsClientsAfterThePromotionAlsoWhenItHoldsLocksOfData) {
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port(), {"--io-threads", "2"}));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  Reconnecting clients(replica);
  EXPECT_EQ(Reconfigure(replica, "NO", "ONE", {"GET", "key"})->elements, 5u);
  clients.Join();
  EXPECT_EQ(clients.written(), Reconnecting::kClients);
}

TEST(SentinelsTransaction, PromotesAndDemotesInOrderAlsoWhenItHoldsLocksOfData) {
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  const Context context = ConnectTo(replica);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"MULTI"},
                                             {"GET", "key"},
                                             {"REPLICAOF", "NO", "ONE"},
                                             {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())}}) {
    Ask(context.get(), words);
  }
  const Reply reply = Ask(context.get(), {"EXEC"});
  ASSERT_EQ(reply->elements, 3u);
  EXPECT_STREQ(reply->element[2]->str, "OK");
  EXPECT_EQ(RoleOf(replica), "slave");
}

TEST(SentinelsTransaction, DemotesAndTheServerComesBackAsAReplica) {
  ServerProcess primary;
  EXPECT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
  ConfiguredServer server("appendonly yes\n");
  EXPECT_EQ(Say(*server, {"SET", "a", "c"}), "OK");
  const std::string port = std::to_string(primary.port());
  EXPECT_STREQ(Reconfigure(*server, "127.0.0.1", port)->element[0]->str, "OK");
  EXPECT_EQ(RoleOf(*server), "slave");
  EXPECT_NE(server.file().find("replicaof 127.0.0.1 " + port + "\n"), std::string::npos) << server.file();
  server.Kill();
  server.Start();
  EXPECT_EQ(RoleOf(*server), "slave");
  EXPECT_TRUE(Eventually([&] { return Say(*server, {"GET", "a"}) == "b"; }));
}

TEST(SentinelsTransaction, APrimaryThatWasReplacedWhileItWasDownResumesAsAReplica) {
  ConfiguredServer old("appendonly yes\n");
  ServerProcess replica(ReplicaOf((*old).port()));
  EXPECT_EQ(Say(*old, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, *old) && old.HasHistory(); }));
  old.Kill();
  Reconfigure(replica, "NO", "ONE");
  EXPECT_EQ(Say(replica, {"SET", "a", "c"}), "OK");
  for (int i = 0; i < 2; ++i) {
    old.Start();
    EXPECT_EQ(RoleOf(*old), "master") << "until Sentinel notices";
    if (i == 0) old.Kill();
  }
  Reconfigure(*old, "127.0.0.1", std::to_string(replica.port()));
  ExpectEqual(*old, replica);
  EXPECT_EQ(replica.Info("sync_full"), "0");
}

TEST(SentinelsTransaction, MovesAReplicaAwayFromAPrimaryThatIsSilentAmidAFullSync) {
  ServerProcess silent(WithDebug({}));
  ServerProcess other(WithDebug({}));
  EXPECT_EQ(Say(other, {"SET", "a", "b"}), "OK");
  Fill(silent, 20000);
  CuttingProxy proxy(silent.port());
  proxy.CutAfter(50'000);
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "a"}).starts_with("LOADING"); }));
  proxy.Hold(true);
  EXPECT_EQ(replica.Info("slave_priority"), "0") << "Sentinel must not promote it";
  EXPECT_EQ(replica.Info("slave_repl_offset"), "0");
  const Reply reply = Reconfigure(replica, "127.0.0.1", std::to_string(other.port()));
  ASSERT_EQ(reply->type, REDIS_REPLY_ARRAY) << reply->str;
  EXPECT_STREQ(reply->element[0]->str, "OK");
  ExpectEqual(replica, other);
  EXPECT_EQ(replica.Info("slave_priority"), "100");
}

TEST(SentinelsTransaction, ReplicasResumeAtTheNewPrimary) {
  ServerProcess primary(WithDebug({}));
  ServerProcess first(ReplicaOf(primary.port()));
  ServerProcess second(ReplicaOf(primary.port()));
  EXPECT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(first, primary) && HasCaughtUp(second, primary); }));
  primary.Signal(SIGSTOP);
  Reconfigure(first, "NO", "ONE");
  EXPECT_EQ(Say(first, {"SET", "a", "c"}), "OK");
  Reconfigure(second, "127.0.0.1", std::to_string(first.port()));
  ExpectEqual(second, first);
  EXPECT_EQ(first.Info("sync_full"), "0");
  EXPECT_EQ(first.Info("sync_partial_ok"), "1");
  primary.Signal(SIGCONT);
  Reconfigure(primary, "127.0.0.1", std::to_string(first.port()));
  ExpectEqual(primary, first);
  EXPECT_EQ(first.Info("sync_full"), "0") << "the old primary has nothing that the new one lacks";
}

// Sentinel promotes the replica with the highest offset.
TEST(ReplicaOffset, IsThatOfTheDataAlsoAfterARestartWithoutThePrimary) {
  const TempDir dir;
  auto primary = std::make_unique<ServerProcess>(WithDebug({}));
  CuttingProxy proxy(primary->port());
  ServerProcess behind(ReplicaOf(proxy.port()));
  const std::vector<std::string> options =
      ReplicaOf(primary->port(), {"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"});
  auto ahead = std::make_unique<ServerProcess>(options);
  ASSERT_TRUE(Eventually([&] {
    return HasCaughtUp(behind, *primary) && HasCaughtUp(*ahead, *primary) &&
           ::access(dir.Path("replication.history").c_str(), F_OK) == 0;
  }));
  proxy.Hold(true);
  EXPECT_EQ(Say(*primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(*ahead, *primary); }));
  const std::string offset = ahead->Info("slave_repl_offset");
  EXPECT_GT(std::stoull(offset), std::stoull(behind.Info("slave_repl_offset")));
  const Context context = ConnectTo(*primary);
  Ask(context.get(), {"SET", "a", "c"});
  EXPECT_EQ(Ask(context.get(), {"WAIT", "1", "0"})->integer, 1) << "it has synced the group before";
  primary.reset();
  ahead->Signal(SIGKILL);
  ahead->WaitForEnd();
  ahead = std::make_unique<ServerProcess>(options);
  EXPECT_GE(std::stoull(ahead->Info("slave_repl_offset")), std::stoull(offset) + 1);
}

// --- FAILOVER -------------------------------------------------------------------------------------------------------

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

  ServerProcess primary_{WithDebug({"--io-threads", "2"})};
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

void Acknowledge(redisContext* link) {
  int is_sent = 0;
  ::redisAppendCommand(link, "REPLCONF ACK 0");
  while (is_sent == 0) ASSERT_EQ(::redisBufferWrite(link, &is_sent), REDIS_OK);
}

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

TEST_F(RefusedFailoverTest, ARefusalLeavesThePrimaryWhatItWas) {
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
