// SPDX-License-Identifier: MIT
// Real nodes of a cluster: who owns what, and what clients are told.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "cluster/node_messages.h"
#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

// Shards s0, s1, ... with a primary p0, p1, ... each, and a replica r0, r1, ... each.
class ClusterTest : public testing::Test {
 protected:
  static constexpr size_t kShards = 3;

  ClusterTest() : ports_(FreePorts(2 * kShards)) {
    WriteConfig(1, "");
    for (size_t i = 0; i < kShards; ++i) primaries_.push_back(Start("p" + std::to_string(i), ports_[i]));
    for (size_t i = 0; i < kShards; ++i) replicas_.push_back(Start("r" + std::to_string(i), ports_[kShards + i]));
    for (const auto& replica : replicas_) {
      EXPECT_TRUE(Eventually([&] { return replica->Info("master_link_status") == "up"; }));
    }
  }

  void WriteConfig(int epoch, const std::string& more) {
    std::ofstream file(ConfigPath());
    file << "epoch " << epoch << "\n";
    for (size_t i = 0; i < kShards; ++i) file << "shard s" << i << "\n";
    for (size_t i = 0; i < kShards; ++i) {
      file << "node p" << i << " shard s" << i << " host 127.0.0.1 port " << ports_[i] << " role primary\n";
      file << "node r" << i << " shard s" << i << " host 127.0.0.1 port " << ports_[kShards + i] << " role replica\n";
    }
    file << more;
  }
  std::string ConfigPath() const { return dir_.Path("cluster.conf"); }

  std::unique_ptr<ServerProcess> Start(const std::string& id, int port) {
    return std::make_unique<ServerProcess>(
        std::vector<std::string>{"--port", std::to_string(port), "--cluster-enabled", "yes", "--cluster-config",
                                 ConfigPath(), "--cluster-node-id", id, "--enable-debug-command", "yes"});
  }

  // The shard that owns the key, by what every node says.
  size_t OwnerOf(const std::string& key) {
    for (size_t i = 0; i < kShards; ++i) {
      if (!Say(*primaries_[i], {"EXISTS", key}).starts_with("MOVED")) return i;
    }
    return kShards;
  }

  std::string KeyOf(size_t shard) {
    for (int i = 0;; ++i) {
      if (OwnerOf("key:" + std::to_string(i)) == shard) return "key:" + std::to_string(i);
    }
  }

  const TempDir dir_;
  const std::vector<int> ports_;
  std::vector<std::unique_ptr<ServerProcess>> primaries_;
  std::vector<std::unique_ptr<ServerProcess>> replicas_;
};

TEST_F(ClusterTest, NodesHaveIdsOfFortyDigitsAndAnswerToTheirNamesToo) {
  const std::string id = Say(*primaries_[0], {"CLUSTER", "MYID"});
  EXPECT_EQ(id.size(), 40u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  const std::string nodes = Say(*replicas_[1], {"CLUSTER", "NODES"});
  EXPECT_NE(nodes.find(id + " 127.0.0.1:" + std::to_string(ports_[0]) + "@0 master"), std::string::npos) << nodes;
  EXPECT_NE(nodes.find("slave " + id + " "), std::string::npos) << nodes;
  const Context context = ConnectTo(*primaries_[1]);
  for (const std::string& either : {id, std::string("p0")}) {
    const Reply replicas = Ask(context.get(), {"CLUSTER", "REPLICAS", either});
    ASSERT_EQ(replicas->elements, 1u);
    EXPECT_NE(std::string(replicas->element[0]->str).find(" slave " + id), std::string::npos);
    EXPECT_EQ(Say(*primaries_[1], {"CLUSTER", "COUNT-FAILURE-REPORTS", either}), "0");
  }
  const Reply slots = Ask(context.get(), {"CLUSTER", "SLOTS"});
  for (size_t i = 0; i < slots->elements; ++i) {
    const redisReply* range = slots->element[i];
    for (size_t node = 2; node < range->elements; ++node) EXPECT_EQ(range->element[node]->element[2]->len, 40u);
  }
  const Reply shards = Ask(context.get(), {"CLUSTER", "SHARDS"});
  for (size_t i = 0; i < shards->elements; ++i) {
    const redisReply* members = shards->element[i]->element[3];
    for (size_t node = 0; node < members->elements; ++node) EXPECT_EQ(members->element[node]->element[1]->len, 40u);
  }
}

// An acknowledgement of somebody who isn't in the topology is none.
TEST_F(ClusterTest, AQuorumIsOfTheMembersOfTheShard) {
  ServerProcess& primary = *primaries_[0];
  ASSERT_EQ(Say(primary, {"CONFIG", "SET", "repl-ack", "quorum", "repl-ack-timeout", "100", "repl-timeout", "1"}),
            "OK");
  const std::string key = KeyOf(0);
  ASSERT_TRUE(Eventually([&] { return Say(primary, {"SET", key, "1"}) == "OK"; }));
  replicas_[0]->Signal(SIGSTOP);
  ASSERT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "0"; }));
  EXPECT_TRUE(Say(primary, {"SET", key, "2"}).starts_with("NOREPLICAS"));
  // Two feeds that have sent no node id, and acknowledge all that there is.
  ASSERT_EQ(Say(primary, {"CONFIG", "SET", "repl-timeout", "60"}), "OK");
  const int strangers[] = {primary.Connect(), primary.Connect()};
  const std::string last = primary.Info("master_repl_offset");
  const std::string ack =
      cluster::EncodeMessage(cluster::MessageKind::kAck, UINT64_MAX, cluster::EncodeAck(std::stoull(last)));
  for (const int stranger : strangers) {
    SendAll(stranger, "REPLCONF listening-port 1 capa ringkv1\r\nPSYNC x 1\r\n" + ack);
  }
  for (const std::string feed : {"slave0", "slave1"}) {
    EXPECT_TRUE(Eventually([&] { return primary.Info(feed).find("offset=" + last + ",") != std::string::npos; }));
  }
  EXPECT_TRUE(Say(primary, {"GET", key}).starts_with("NOREPLICAS")) << "the reply shows what no member has";
  for (const int stranger : strangers) ::close(stranger);
  replicas_[0]->Signal(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return Say(primary, {"SET", key, "3"}) == "OK"; }));
}

TEST_F(ClusterTest, EveryKeyHasOneOwnerAndOtherNodesRedirectToIt) {
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key:" + std::to_string(i);
    const size_t owner = OwnerOf(key);
    ASSERT_LT(owner, kShards);
    const std::string slot = Say(*primaries_[0], {"CLUSTER", "KEYSLOT", key});
    const std::string moved = "MOVED " + slot + " 127.0.0.1:" + std::to_string(ports_[owner]);
    for (size_t other = 0; other < kShards; ++other) {
      EXPECT_EQ(Say(*primaries_[other], {"SET", key, "v"}), other == owner ? "OK" : moved);
      EXPECT_EQ(Say(*replicas_[other], {"GET", key}), moved);
    }
  }
}

TEST_F(ClusterTest, WithUnknownEndpointsClientsKeepTheHostThatTheyHaveConnectedTo) {
  const std::string key = KeyOf(1);
  const std::string port = std::to_string(ports_[1]);
  ASSERT_EQ(Say(*primaries_[0], {"CONFIG", "SET", "cluster-preferred-endpoint-type", "unknown-endpoint"}), "OK");
  const std::string moved = Say(*primaries_[0], {"GET", key});
  EXPECT_TRUE(moved.starts_with("MOVED ") && moved.ends_with(" :" + port)) << moved;
  const Context context = ConnectTo(*primaries_[0]);
  const Reply slots = Ask(context.get(), {"CLUSTER", "SLOTS"});
  const redisReply* node = slots->element[0]->element[2];
  EXPECT_EQ(node->element[0]->type, REDIS_REPLY_NIL);
  EXPECT_STREQ(node->element[3]->element[0]->str, "ip");
  EXPECT_STREQ(node->element[3]->element[1]->str, "127.0.0.1");
  const Reply shards = Ask(context.get(), {"CLUSTER", "SHARDS"});
  const redisReply* member = shards->element[0]->element[3]->element[0];
  EXPECT_STREQ(member->element[6]->str, "endpoint");
  EXPECT_STREQ(member->element[7]->str, "");
}

TEST_F(ClusterTest, KeysOfSeveralSlotsDontBelongTogether) {
  ServerProcess& node = *primaries_[0];
  EXPECT_EQ(Say(node, {"MGET", "a", "b"}), "CROSSSLOT Keys in request don't hash to the same slot");
  const size_t owner = OwnerOf("{tag}a");
  EXPECT_EQ(Say(*primaries_[owner], {"MSET", "{tag}a", "1", "{tag}b", "2"}), "OK");
  EXPECT_EQ(Say(*primaries_[owner], {"DEL", "{tag}a", "{tag}b"}), "2");
}

TEST_F(ClusterTest, ATransactionIsRedirectedAsAWhole) {
  const size_t owner = OwnerOf("key");
  const Context there = ConnectTo(*primaries_[owner]);
  const Context elsewhere = ConnectTo(*primaries_[(owner + 1) % kShards]);
  for (redisContext* context : {there.get(), elsewhere.get()}) {
    ASSERT_STREQ(Ask(context, {"MULTI"})->str, "OK");
  }
  EXPECT_STREQ(Ask(there.get(), {"SET", "key", "1"})->str, "QUEUED");
  EXPECT_EQ(Ask(there.get(), {"EXEC"})->elements, 1u);
  EXPECT_TRUE(std::string(Ask(elsewhere.get(), {"SET", "key", "1"})->str).starts_with("MOVED"));
  EXPECT_TRUE(std::string(Ask(elsewhere.get(), {"EXEC"})->str).starts_with("EXECABORT"));
}

// In the order of redis-server: where the key is comes first.
TEST_F(ClusterTest, ASubscriberIsRedirectedBeforeItIsRefused) {
  const size_t owner = OwnerOf("key");
  const auto get_as_subscriber = [&](size_t node) {
    const Context context = ConnectTo(*primaries_[node]);
    Ask(context.get(), {"SUBSCRIBE", "channel"});
    return std::string(Ask(context.get(), {"GET", "key"})->str);
  };
  EXPECT_TRUE(get_as_subscriber((owner + 1) % kShards).starts_with("MOVED "));
  EXPECT_TRUE(get_as_subscriber(owner).starts_with("ERR Can't execute 'get'"));
}

TEST_F(ClusterTest, AReplicaAnswersReadsAfterReadonly) {
  const size_t owner = OwnerOf("key");
  EXPECT_EQ(Say(*primaries_[owner], {"SET", "key", "value"}), "OK");
  const Context context = ConnectTo(*replicas_[owner]);
  EXPECT_TRUE(std::string(Ask(context.get(), {"GET", "key"})->str).starts_with("MOVED"));
  ASSERT_STREQ(Ask(context.get(), {"READONLY"})->str, "OK");
  EXPECT_TRUE(Eventually([&] {
    const Reply reply = Ask(context.get(), {"GET", "key"});
    return reply->str != nullptr && std::string(reply->str) == "value";
  }));
  EXPECT_TRUE(std::string(Ask(context.get(), {"SET", "key", "x"})->str).starts_with("MOVED"));
  ASSERT_STREQ(Ask(context.get(), {"READWRITE"})->str, "OK");
  EXPECT_TRUE(std::string(Ask(context.get(), {"GET", "key"})->str).starts_with("MOVED"));
}

TEST_F(ClusterTest, BlockingCommandsWorkAtTheOwnerAndBlockingReadsAtAReplica) {
  const size_t owner = OwnerOf("list");
  EXPECT_EQ(Ask(ConnectTo(*primaries_[owner]).get(), {"BLPOP", "list", "0.001"})->type, REDIS_REPLY_NIL);
  WaitingClient waiter(*primaries_[owner], {"BLPOP", "list", "0"});
  EXPECT_EQ(primaries_[owner]->Info("blocked_clients"), "1");
  EXPECT_EQ(Say(*primaries_[owner], {"RPUSH", "list", "x"}), "1");
  EXPECT_STREQ(waiter.Take()->element[1]->str, "x");
  const size_t streams = OwnerOf("stream");
  const Context reader = ConnectTo(*replicas_[streams]);
  EXPECT_TRUE(
      std::string(Ask(reader.get(), {"XREAD", "BLOCK", "1", "STREAMS", "stream", "$"})->str).starts_with("MOVED"));
  ASSERT_STREQ(Ask(reader.get(), {"READONLY"})->str, "OK");
  SendRequest(reader.get(), {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"});
  ASSERT_TRUE(Eventually([&] { return replicas_[streams]->Info("blocked_clients") == "1"; }));
  EXPECT_EQ(Say(*primaries_[streams], {"XADD", "stream", "1-1", "f", "v"}), "1-1");
  EXPECT_EQ(TakeReply(reader.get())->type, REDIS_REPLY_ARRAY);
}

TEST_F(ClusterTest, TheKeysOfASlotAreCountedAndListed) {
  const size_t owner = OwnerOf("{tag}");
  const Context context = ConnectTo(*primaries_[owner]);
  std::set<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "{tag}" + std::to_string(i);
    expected.insert(key);
    ASSERT_STREQ(Ask(context.get(), {"SET", key, "v"})->str, "OK");
  }
  const std::string slot = Say(*primaries_[owner], {"CLUSTER", "KEYSLOT", "{tag}"});
  EXPECT_EQ(Say(*primaries_[owner], {"CLUSTER", "COUNTKEYSINSLOT", slot}), "500");
  const Reply listed = Ask(context.get(), {"CLUSTER", "GETKEYSINSLOT", slot, "1000"});
  std::set<std::string> got;
  for (size_t i = 0; i < listed->elements; ++i) got.insert(listed->element[i]->str);
  EXPECT_EQ(got, expected);
  EXPECT_EQ(Ask(context.get(), {"CLUSTER", "GETKEYSINSLOT", slot, "7"})->elements, 7u);
}

TEST_F(ClusterTest, TheStatisticsOfSlotsAreThoseOfTheShard) {
  ServerProcess& primary = *primaries_[0];
  const std::string key = KeyOf(0);
  const std::string slot = Say(primary, {"CLUSTER", "KEYSLOT", key});
  const Context context = ConnectTo(primary);
  const auto statistics = [&] { return Ask(context.get(), {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", slot, slot}); };
  ASSERT_EQ(Say(primary, {"SET", key, "value"}), "OK");
  {
    const Reply reply = statistics();
    ASSERT_EQ(reply->elements, 1u);
    EXPECT_EQ(reply->element[0]->element[0]->integer, std::stoll(slot));
    ASSERT_EQ(reply->element[0]->element[1]->elements, 2u);
    EXPECT_STREQ(reply->element[0]->element[1]->element[0]->str, "key-count");
    EXPECT_EQ(reply->element[0]->element[1]->element[1]->integer, 1);
  }
  EXPECT_TRUE(Say(primary, {"CLUSTER", "SLOT-STATS", "ORDERBY", "cpu-usec"}).starts_with("ERR Unrecognized"));
  ASSERT_EQ(Say(primary, {"CONFIG", "SET", "cluster-slot-stats-enabled", "yes"}), "OK");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Say(primary, {"GET", key}), "value");
  {
    const Reply reply = statistics();
    const redisReply* const fields = reply->element[0]->element[1];
    ASSERT_EQ(fields->elements, 8u);
    EXPECT_STREQ(fields->element[4]->str, "network-bytes-in");
    const auto request = 4 + 4 + 3 + 2 + 4 + static_cast<long long>(key.size()) + 2;
    EXPECT_EQ(fields->element[5]->integer, 10 * request);
    EXPECT_STREQ(fields->element[6]->str, "network-bytes-out");
    EXPECT_EQ(fields->element[7]->integer, 10 * 11);
  }
  {
    const Reply reply = Ask(context.get(), {"CLUSTER", "SLOT-STATS", "ORDERBY", "network-bytes-out", "LIMIT", "1"});
    ASSERT_EQ(reply->elements, 1u);
    EXPECT_EQ(reply->element[0]->element[0]->integer, std::stoll(slot));
  }
  const Reply all = Ask(context.get(), {"CLUSTER", "SLOT-STATS", "ORDERBY", "key-count", "ASC"});
  const Reply others = Ask(context.get(), {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "16383"});
  EXPECT_EQ(all->elements, others->elements);
  EXPECT_GT(all->elements, 1000u);
  EXPECT_LT(all->elements, 16384u);
  EXPECT_EQ(all->element[all->elements - 1]->element[0]->integer, std::stoll(slot));
  for (size_t i = 1; i < others->elements; ++i) {
    ASSERT_LT(others->element[i - 1]->element[0]->integer, others->element[i]->element[0]->integer);
  }
  EXPECT_EQ(Say(primary, {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "2", "1"}),
            "ERR Start slot number 2 is greater than end slot number 1");
  EXPECT_EQ(Say(primary, {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "16384"}), "ERR Invalid or out of range slot");
  EXPECT_TRUE(Say(primary, {"CLUSTER", "SLOT-STATS", "ORDERBY", "key-count", "LIMIT", "0"}).starts_with("ERR Limit"));
}

// Follows redirects, as a client of a cluster does; from one of the last slots on.
TEST_F(ClusterTest, AScanOfTheClusterFindsEachKeyOnce) {
  constexpr int kFirstSlot = 16000;
  std::vector<Context> contexts;
  for (const auto& primary : primaries_) contexts.push_back(ConnectTo(*primary));
  std::multiset<std::string> expected;
  for (int i = 0; expected.size() < 50; ++i) {
    const std::string key = i < 25 ? "{t71}" + std::to_string(i) : "key:" + std::to_string(i);
    if (Ask(contexts[0].get(), {"CLUSTER", "KEYSLOT", key})->integer < kFirstSlot) continue;
    expected.insert(key);
    ASSERT_EQ(Say(*primaries_[OwnerOf(key)], {"SET", key, "value"}), "OK");
  }
  std::multiset<std::string> found;
  size_t at = 0;
  std::string cursor =
      Ask(contexts[0].get(), {"CLUSTERSCAN", "0", "SLOT", std::to_string(kFirstSlot)})->element[0]->str;
  do {
    Reply reply = Ask(contexts[at].get(), {"CLUSTERSCAN", cursor, "COUNT", "20"});
    for (size_t tried = 0; reply->type == REDIS_REPLY_ERROR && tried < kShards; ++tried) {
      ASSERT_TRUE(std::string(reply->str).starts_with("MOVED")) << reply->str;
      at = (at + 1) % kShards;
      reply = Ask(contexts[at].get(), {"CLUSTERSCAN", cursor, "COUNT", "20"});
    }
    ASSERT_EQ(reply->elements, 2u);
    cursor = reply->element[0]->str;
    const redisReply* const keys = reply->element[1];
    for (size_t i = 0; i < keys->elements; ++i) found.insert(keys->element[i]->str);
  } while (cursor != "0");
  EXPECT_EQ(found, expected);
  EXPECT_EQ(Say(*primaries_[0], {"CLUSTERSCAN", "x"}).substr(0, 3), "ERR");
}

TEST_F(ClusterTest, AScanOfOneSlotEndsWithIt) {
  ServerProcess& primary = *primaries_[OwnerOf("{tag}")];
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Say(primary, {"SET", "{tag}" + std::to_string(i), "v"}), "OK");
  const std::string slot = Say(primary, {"CLUSTER", "KEYSLOT", "{tag}"});
  const Context context = ConnectTo(primary);
  std::set<std::string> found;
  std::string cursor = "0";
  do {
    const Reply reply = Ask(context.get(), {"CLUSTERSCAN", cursor, "SLOT", slot, "COUNT", "7", "MATCH", "*1*"});
    ASSERT_EQ(reply->elements, 2u);
    cursor = reply->element[0]->str;
    for (size_t i = 0; i < reply->element[1]->elements; ++i) found.insert(reply->element[1]->element[i]->str);
  } while (cursor != "0");
  EXPECT_EQ(found.size(), 14u);
  const Reply first = Ask(context.get(), {"CLUSTERSCAN", "0", "SLOT", slot});
  EXPECT_EQ(Say(primary, {"CLUSTERSCAN", first->element[0]->str, "SLOT", slot == "1" ? "2" : "1"}),
            "ERR the cursor is of another slot than SLOT");
}

TEST_F(ClusterTest, AShardHasAnIdThatItsNodesShare) {
  const std::string id = Say(*primaries_[0], {"CLUSTER", "MYSHARDID"});
  EXPECT_EQ(id.size(), 40u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(Say(*replicas_[0], {"CLUSTER", "MYSHARDID"}), id);
  EXPECT_NE(Say(*primaries_[1], {"CLUSTER", "MYSHARDID"}), id);
  EXPECT_NE(Say(*primaries_[0], {"CLUSTER", "MYID"}), id);
}

TEST_F(ClusterTest, ANewAddressNeedsAHigherEpoch) {
  ServerProcess& node = *primaries_[0];
  EXPECT_TRUE(Say(node, {"CLUSTER", "RELOAD"}).find("needs a higher one") != std::string::npos);
  WriteConfig(2, "node extra shard s1 host elsewhere.example port 7000 role replica\n");
  EXPECT_EQ(Say(node, {"CLUSTER", "RELOAD"}), "OK");
  const std::string line =
      " elsewhere.example:7000@0,elsewhere.example slave " + Say(*primaries_[1], {"CLUSTER", "MYID"});
  EXPECT_NE(Say(node, {"CLUSTER", "NODES"}).find(line), std::string::npos);
  EXPECT_EQ(node.Info("repl_epoch"), "2");
  WriteConfig(3, "nonsense\n");
  EXPECT_NE(Say(node, {"CLUSTER", "RELOAD"}).find("line 11: 'nonsense' is unknown"), std::string::npos);
  const std::string alone = "epoch 4\nshard s0\nnode p0 shard s0 host 127.0.0.1 port 1 role primary\n";
  EXPECT_NE(Say(node, {"CLUSTER", "RELOAD", alone}).find("shard 's1' isn't in it and owns"), std::string::npos);
  EXPECT_EQ(node.Info("repl_epoch"), "2");
  EXPECT_EQ(Say(node, {"PING"}), "PONG");
}

TEST_F(ClusterTest, SighupReloadsTheClusterConfig) {
  WriteConfig(2, "node extra shard s1 host elsewhere.example port 7000 role replica\n");
  primaries_[0]->Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return primaries_[0]->Info("repl_epoch") == "2"; }));
  WriteConfig(3, "nonsense\n");
  primaries_[0]->Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return primaries_[0]->Log().find("'nonsense' is unknown") != std::string::npos; }));
  EXPECT_EQ(Say(*primaries_[0], {"PING"}), "PONG");
}

TEST_F(ClusterTest, ReplicasFollowTheirPrimaryAndRestartInPlace) {
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key:" + std::to_string(i);
    EXPECT_EQ(Say(*primaries_[OwnerOf(key)], {"SET", key, "v"}), "OK");
  }
  for (size_t i = 0; i < kShards; ++i) {
    EXPECT_TRUE(Eventually([&] { return replicas_[i]->Ask("DEBUG DIGEST") == primaries_[i]->Ask("DEBUG DIGEST"); }));
  }
  replicas_[0].reset();
  replicas_[0] = Start("r0", ports_[kShards]);
  EXPECT_TRUE(Eventually([&] { return replicas_[0]->Ask("DEBUG DIGEST") == primaries_[0]->Ask("DEBUG DIGEST"); }));
}

TEST_F(ClusterTest, CommandsThatAClusterDoesNotSupportReturnErrors) {
  ServerProcess& node = *primaries_[0];
  EXPECT_EQ(Say(node, {"SELECT", "1"}), "ERR SELECT is not allowed in cluster mode");
  EXPECT_EQ(Say(node, {"SELECT", "0"}), "OK");
  EXPECT_EQ(Say(node, {"SWAPDB", "0", "1"}), "ERR SWAPDB is not allowed in cluster mode");
  EXPECT_EQ(Say(node, {"REPLICAOF", "NO", "ONE"}), "ERR REPLICAOF not allowed in cluster mode.");
  EXPECT_TRUE(Say(node, {"CLUSTER", "MEET", "127.0.0.1", "7000"}).starts_with("ERR the cluster-config assigns slots"));
}

TEST(ClusterStart, AnInvalidConfigStopsTheStartWithOneClearLine) {
  const TempDir dir;
  const auto fails = [&](const std::vector<std::string>& options, const std::string& why) {
    ServerProcess server(options);
    EXPECT_EQ(server.WaitForEnd(), 1);
    EXPECT_NE(server.Log().find(why), std::string::npos) << server.Log();
  };
  fails({"--cluster-enabled", "yes"}, "cluster-enabled yes needs a cluster-config");
  fails({"--cluster-enabled", "yes", "--cluster-config", "/nowhere"}, "cannot read cluster-config '/nowhere'");
  std::ofstream(dir.Path("c")) << "epoch 1\nshard a\nnode n shard a host h port 1 role primary\n";
  fails({"--cluster-enabled", "yes", "--cluster-config", dir.Path("c")}, "has no node with this port");
  fails({"--cluster-enabled", "yes", "--cluster-config", dir.Path("c"), "--cluster-node-id", "x"}, "has no node 'x'");
}

// Positions are by slot in a cluster and by hash outside of it: files of the one are read by the other.
TEST(ClusterStart, DataOfASingleNodeIsTakenIntoAClusterAndBack) {
  const TempDir dir;
  const int port = FreePorts(1)[0];
  std::ofstream(dir.Path("c")) << "epoch 1\nshard a\nnode n shard a host 127.0.0.1 port " << port << " role primary\n";
  const std::vector<std::string> single{"--dir", dir.Path(""), "--appendonly", "yes", "--enable-debug-command", "yes"};
  std::vector<std::string> member = single;
  member.insert(member.end(),
                {"--port", std::to_string(port), "--cluster-enabled", "yes", "--cluster-config", dir.Path("c")});
  std::string digest;
  for (const auto& options : {single, member, single}) {
    ServerProcess server(options);
    if (!digest.empty()) {
      EXPECT_EQ(server.Ask("DEBUG DIGEST"), digest);
    }
    const std::string round = std::to_string(server.port());
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(Say(server, {"SET", "key:" + round + ":" + std::to_string(i), "v"}), "OK");
    }
    EXPECT_EQ(Say(server, {"SAVE"}), "OK");
    EXPECT_EQ(Say(server, {"SET", "behind the snapshot " + round, "v"}), "OK");
    digest = server.Ask("DEBUG DIGEST");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
  }
}

TEST(ClusterPermissions, ARefusedClientIsNotRedirected) {
  const TempDir dir;
  const std::vector<int> ports = FreePorts(2);
  {
    std::ofstream file(dir.Path("cluster.conf"));
    file << "epoch 1\nshard s0\nshard s1\n";
    for (size_t i = 0; i < 2; ++i) {
      file << "node p" << i << " shard s" << i << " host 127.0.0.1 port " << ports[i] << " role primary\n";
    }
  }
  const ServerProcess node({"--port", std::to_string(ports[0]), "--cluster-enabled", "yes", "--cluster-config",
                            dir.Path("cluster.conf"), "--cluster-node-id", "p0", "--requirepass", "secret"});
  const Context context = ConnectTo(node);
  size_t elsewhere = 0;
  for (const bool may_read : {false, true}) {
    if (may_read) Ask(context.get(), {"AUTH", "secret"});
    for (int i = 0; i < 50; ++i) {
      const Reply reply = Ask(context.get(), {"GET", "key:" + std::to_string(i)});
      ASSERT_NE(reply, nullptr);
      const std::string said = reply->str == nullptr ? "" : reply->str;
      if (!may_read) {
        EXPECT_TRUE(said.starts_with("NOAUTH ")) << said;
      }
      if (may_read && said.starts_with("MOVED ")) ++elsewhere;
    }
  }
  EXPECT_GT(elsewhere, 0u);
}

}  // namespace
}  // namespace ringkv::test
