// SPDX-License-Identifier: MIT
// cluster-redirect proxy: any node answers for every key, for clients without cluster support.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <set>

#include "cluster/migration/slot_ledger.h"
#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/loopback.h"
#include "tests/support/proxy_cluster.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

TEST_F(ProxyTest, AnyNodeAnswersForEveryKeyInTheOrderOfTheRequests) {
  Fill();
  for (const auto& node : nodes_) {
    const Context context = ConnectTo(*node);
    for (int i = 0; i < kProxiedKeys; ++i) {
      ::redisAppendCommand(context.get(), "GET %s", KeyOf(i).c_str());
      if (i % 7 == 0) ::redisAppendCommand(context.get(), "PING %d", i);
      if (i % 11 == 0) ::redisAppendCommand(context.get(), "NONSENSE");
    }
    const auto next = [&] {
      void* reply = nullptr;
      EXPECT_EQ(::redisGetReply(context.get(), &reply), REDIS_OK);
      return Reply(static_cast<redisReply*>(reply));
    };
    for (int i = 0; i < kProxiedKeys; ++i) {
      ASSERT_EQ(next()->str, std::to_string(i));
      if (i % 7 == 0) {
        ASSERT_EQ(next()->str, std::to_string(i));
      }
      if (i % 11 == 0) {
        ASSERT_EQ(next()->type, REDIS_REPLY_ERROR);
      }
    }
  }
}

TEST_F(ProxyTest, ShutdownSucceedsWithForwardedRequestsInFlight) {
  Fill();
  const Context context = ConnectTo(Node(0));
  Node(1).Signal(SIGSTOP);
  for (int i = 0; i < kProxiedKeys; ++i) ::redisAppendCommand(context.get(), "GET %s", KeyOf(i).c_str());
  int is_written = 0;
  while (is_written == 0) ASSERT_EQ(::redisBufferWrite(context.get(), &is_written), REDIS_OK);
  EXPECT_TRUE(Eventually([&] { return Node(2).Info("total_commands_processed").size() > 2; }));
  Node(0).Signal(SIGTERM);
  EXPECT_EQ(Node(0).WaitForEnd(), 0);
  Node(1).Signal(SIGCONT);
}

TEST_F(ProxyTest, ANodeThatHangsInTheHandshakeDelaysNoShutdownAndIsGivenUpAfterItsTimeout) {
  const std::string key = KeyAt(1);
  Node(1).Signal(SIGSTOP);
  const Context waiting = ConnectTo(Node(0));
  SendRequest(waiting.get(), {"SET", key, "v"});
  EXPECT_EQ(Say(Node(2), {"CONFIG", "SET", "cluster-node-timeout", "100"}), "OK");
  const std::string refusal = Say(Node(2), {"SET", key, "v"});
  EXPECT_TRUE(refusal.starts_with("CLUSTERDOWN")) << refusal;
  Node(0).Signal(SIGTERM);
  EXPECT_EQ(Node(0).WaitForEnd(), 0);
  Node(1).Signal(SIGCONT);
}

TEST_F(ProxyTest, ANodeThatIsKnownToHaveFailedDelaysNoRequest) {
  const std::string key = KeyAt(1);
  constexpr int kTimeoutMs = 1000;
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "cluster-node-timeout", std::to_string(kTimeoutMs)}), "OK");
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "cluster-require-full-coverage", "no"}), "OK");
  ASSERT_EQ(Say(Node(0), {"SET", key, "v"}), "OK");
  EXPECT_TRUE(Eventually([&] { return Node(4).Info("db0") == Node(1).Info("db0"); }));
  Node(1).Signal(SIGSTOP);
  const Context client = ConnectTo(Node(0));
  const auto are_answered_at_once = [&] {
    const auto start = std::chrono::steady_clock::now();
    const Reply refused = Ask(client.get(), {"SET", key, "w"});
    EXPECT_TRUE(std::string(refused->str).starts_with("CLUSTERDOWN ")) << refused->str;
    EXPECT_STREQ(Ask(client.get(), {"GET", key})->str, "v") << "its replica has it";
    return std::chrono::steady_clock::now() - start < std::chrono::milliseconds(kTimeoutMs / 2);
  };
  EXPECT_TRUE(Eventually(are_answered_at_once));
  Node(1).Signal(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return Say(Node(0), {"SET", key, "v"}) == "OK"; }));
}

TEST_F(ProxyTest, ScriptsAndOtherRequestsOfAClientKeepTheirOrder) {
  const std::string key = KeyAt(1);
  const int client = Node(0).Connect();
  std::string requests;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    requests += "SET " + key + " " + std::to_string(i % 10) + "\r\nEVAL \"return redis.call('INCR',KEYS[1])\" 1 " +
                key + "\r\nGET " + key + "\r\n";
    const std::string next = std::to_string(i % 10 + 1);
    expected += "+OK\r\n:" + next + "\r\n$" + std::to_string(next.size()) + "\r\n" + next + "\r\n";
  }
  SendAll(client, requests);
  EXPECT_EQ(ReceiveExactly(client, expected.size()), expected);
  ::close(client);
}

TEST_F(ProxyTest, AProtocolErrorComesBehindTheRepliesOfOtherNodes) {
  const std::string key = KeyAt(1);
  ASSERT_EQ(Say(Node(1), {"SET", key, "v"}), "OK");
  const int client = Node(0).Connect();
  SendAll(client, "GET " + key + "\r\nGET " + key + "\r\n*x\r\nGET " + key + "\r\n");
  EXPECT_EQ(ReceiveToEnd(client), "$1\r\nv\r\n$1\r\nv\r\n-ERR Protocol error: invalid multibulk length\r\n");
  ::close(client);
}

TEST_F(ProxyTest, TheEndOfAConnectionWaitsForEarlierReplies) {
  const std::string key = KeyAt(1);
  ASSERT_EQ(Say(Node(1), {"SET", key, "v"}), "OK");
  for (const char* last : {"QUIT", "CLIENT KILL TYPE normal SKIPME no"}) {
    const int client = Node(0).Connect();
    SendAll(client, "GET " + key + "\r\n" + last + "\r\n");
    EXPECT_TRUE(ReceiveToEnd(client).starts_with("$1\r\nv\r\n")) << last;
    ::close(client);
  }
}

TEST_F(ProxyTest, RequestsOfAClientThatHasGoneAreExecuted) {
  constexpr int kRequests = 5000;
  const std::string key = KeyAt(1);
  const int client = Node(0).Connect();
  Node(1).Signal(SIGSTOP);
  SendAll(client, "CLIENT SETNAME leaving\r\n" + Repeat("INCR " + key + "\r\n", kRequests));
  const auto input = [&] {
    const Context context = ConnectTo(Node(0));
    const std::string clients = Ask(context.get(), {"CLIENT", "LIST"})->str;
    const size_t line = clients.find("name=leaving");
    return line == std::string::npos ? 0 : std::stoul(clients.substr(clients.find("qbuf=", line) + 5));
  };
  // A reset loses what the client's system has not sent and what the node has not read, so all of it must be there:
  // the input of the client no longer grows from one round of the node's only I/O thread to the next.
  const auto unsent = [&] {
    int bytes = 0;
    return ::ioctl(client, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
  };
  constexpr int kRounds = 5;
  size_t before = 0;
  int rounds = 0;
  ASSERT_TRUE(Eventually([&] {
    const size_t now = input();
    rounds = now > 0 && now == before && unsent() == 0 ? rounds + 1 : 0;
    before = now;
    return rounds == kRounds;
  })) << "as many as may wait for a node are under way";
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  ::close(client);
  Node(1).Signal(SIGCONT);
  EXPECT_TRUE(Eventually([&] {
    return Say(Node(1), {"GET", key}) == std::to_string(kRequests);
  })) << Say(Node(1), {"GET", key});
}

TEST_F(ProxyTest, ASubscriberRunsNothingOnOtherNodes) {
  const std::string key = KeyAt(1);
  const Context context = ConnectTo(Node(0));
  Ask(context.get(), {"SUBSCRIBE", "channel"});
  EXPECT_TRUE(std::string(Ask(context.get(), {"SET", key, "1"})->str).starts_with("ERR Can't execute 'set'"));
  EXPECT_EQ(Say(Node(1), {"EXISTS", key}), "0");
}

TEST_F(ProxyTest, ScriptsAndFunctionsRunWhereTheirKeysAre) {
  const std::string body =
      "redis.call('MSET', KEYS[1], ARGV[1], '{' .. KEYS[1] .. '}:twin', ARGV[1]) "
      "return redis.call('GET', '{' .. KEYS[1] .. '}:twin')";
  const std::string library = "#!lua name=lib\nredis.register_function('put', function(KEYS, ARGV) " + body + " end)";
  for (const size_t asked : {size_t{0}, kShards + 1}) {
    ServerProcess& node = Node(asked);
    const std::string sha1 = Say(node, {"SCRIPT", "LOAD", body});
    EXPECT_EQ(Say(node, {"FUNCTION", "LOAD", "REPLACE", library}), "lib");
    for (size_t shard = 0; shard < kShards; ++shard) {
      const std::string key = KeyAt(shard);
      const std::string value = std::to_string(asked) + "," + std::to_string(shard);
      EXPECT_EQ(Say(node, {"EVAL", body, "1", key, value}), value);
      EXPECT_EQ(Say(node, {"EVALSHA", sha1, "1", key, value}), value);
      EXPECT_EQ(Say(node, {"FCALL", "put", "1", key, value}), value);
      EXPECT_EQ(Say(node, {"EVAL_RO", "return redis.call('GET', KEYS[1])", "1", key}), value);
      const Context context = ConnectTo(node);
      Ask(context.get(), {"MULTI"});
      EXPECT_STREQ(Ask(context.get(), {"EVAL", body, "1", key, "inside"})->str, "QUEUED");
      const Reply done = Ask(context.get(), {"EXEC"});
      ASSERT_EQ(done->elements, 1u) << done->str;
      EXPECT_STREQ(done->element[0]->str, "inside");
    }
    EXPECT_EQ(Say(node, {"EVAL", body, "2", KeyAt(0), KeyAt(1), "x"}),
              "CROSSSLOT Keys in request don't hash to the same slot");
    EXPECT_EQ(Say(node, {"FUNCTION", "DELETE", "lib"}), "OK");
    EXPECT_EQ(Say(node, {"FCALL", "put", "1", KeyAt(1), "x"}), "ERR Function not found");
  }
}

TEST_F(ProxyTest, AScriptSendsTheProxyToNoOtherServer) {
  int port = 0;
  const int other = ListenOnLoopback(port, SOCK_NONBLOCK);
  const std::string error = "MOVED 1 127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(Say(Node(0), {"EVAL", "return redis.error_reply(ARGV[1])", "1", KeyAt(1), error}), error);
  EXPECT_EQ(::accept(other, nullptr, nullptr), -1);
  ::close(other);
}

TEST_F(ProxyTest, AReplicaPassesOnATransactionThatWrites) {
  const std::string key = KeyAt(1);
  for (const size_t node : {kShards, kShards + 1}) {
    const Context context = ConnectTo(Node(node));
    Ask(context.get(), {"MULTI"});
    EXPECT_STREQ(Ask(context.get(), {"INCR", key})->str, "QUEUED");
    EXPECT_EQ(Ask(context.get(), {"EXEC"})->type, REDIS_REPLY_ARRAY);
  }
  EXPECT_EQ(Say(Node(1), {"GET", key}), "2");
}

TEST_F(ProxyTest, CommandsOverManyNodesAreJoined) {
  Fill();
  ServerProcess& node = Node(0);
  const Context context = ConnectTo(node);
  std::vector<std::string> all;
  for (int i = 0; i < kProxiedKeys; ++i) all.push_back(KeyOf(i));
  const auto with_all = [&](std::vector<std::string> words) {
    words.insert(words.end(), all.begin(), all.end());
    return Ask(context.get(), words);
  };
  EXPECT_EQ(Ask(context.get(), {"DBSIZE"})->integer, kProxiedKeys);
  EXPECT_EQ(with_all({"EXISTS", "missing"})->integer, kProxiedKeys);
  EXPECT_EQ(with_all({"TOUCH"})->integer, kProxiedKeys);
  const Reply values = with_all({"MGET", "missing"});
  ASSERT_EQ(values->elements, kProxiedKeys + 1u);
  EXPECT_EQ(values->element[0]->type, REDIS_REPLY_NIL);
  for (int i = 0; i < kProxiedKeys; ++i) EXPECT_EQ(values->element[i + 1]->str, std::to_string(i));
  EXPECT_STREQ(Ask(context.get(), {"MSET", KeyOf(0), "a", KeyOf(1), "b", KeyOf(2), "c"})->str, "OK");
  EXPECT_STREQ(Ask(context.get(), {"GET", KeyOf(2)})->str, "c");
  EXPECT_EQ(Ask(context.get(), {"KEYS", "key:1*"})->elements, 111u);
  std::set<std::string> seen;
  std::string cursor = "0";
  do {
    const Reply page = Ask(context.get(), {"SCAN", cursor, "COUNT", "50"});
    cursor = page->element[0]->str;
    for (size_t i = 0; i < page->element[1]->elements; ++i) seen.insert(page->element[1]->element[i]->str);
  } while (cursor != "0");
  EXPECT_EQ(seen, std::set<std::string>(all.begin(), all.end()));
  EXPECT_EQ(Ask(context.get(), {"DEL", KeyOf(0), KeyOf(1), KeyOf(2), "missing"})->integer, 3);
  EXPECT_EQ(with_all({"UNLINK"})->integer, kProxiedKeys - 3);
  EXPECT_EQ(Ask(context.get(), {"DBSIZE"})->integer, 0);
  EXPECT_STREQ(Ask(context.get(), {"MSET", "a", "1", "b"})->str, "ERR wrong number of arguments for 'mset' command");
  EXPECT_STREQ(Ask(context.get(), {"SCAN", "x"})->str, "ERR invalid cursor");
  Ask(context.get(), {"CONFIG", "SET", "cluster-proxy-max-parts", "10"});
  EXPECT_NE(std::string(with_all({"DEL"})->str).find("cluster-proxy-max-parts"), std::string::npos);
  Fill();
  EXPECT_STREQ(Ask(context.get(), {"FLUSHALL"})->str, "OK");
  for (size_t i = 0; i < kShards; ++i) EXPECT_EQ(Node(i).Info("db0"), "");
}

TEST_F(ProxyTest, ATransactionRunsWhereItsKeysAre) {
  for (size_t shard = 0; shard < kShards; ++shard) {
    const Context context = ConnectTo(Node(0));
    const std::string key = KeyAt(shard);
    EXPECT_STREQ(Ask(context.get(), {"MULTI"})->str, "OK");
    EXPECT_STREQ(Ask(context.get(), {"SET", key, "1"})->str, "QUEUED");
    EXPECT_STREQ(Ask(context.get(), {"INCR", key})->str, "QUEUED");
    const Reply done = Ask(context.get(), {"EXEC"});
    ASSERT_EQ(done->elements, 2u);
    EXPECT_EQ(done->element[1]->integer, 2);
  }
  const Context context = ConnectTo(Node(0));
  Ask(context.get(), {"MULTI"});
  Ask(context.get(), {"SET", KeyAt(0), "1"});
  Ask(context.get(), {"SET", KeyAt(1), "1"});
  EXPECT_STREQ(Ask(context.get(), {"EXEC"})->str, "CROSSSLOT Keys in request don't hash to the same slot");
  EXPECT_NE(std::string(Ask(context.get(), {"WATCH", KeyAt(1)})->str).find("can't be watched"), std::string::npos);
  EXPECT_STREQ(Ask(context.get(), {"WATCH", KeyAt(0)})->str, "OK");
}

TEST_F(ProxyTest, ATransactionElsewhereDoesNotIgnoreWatchedKeys) {
  const std::string here = KeyAt(0);
  const std::string there = KeyAt(1);
  const Context context = ConnectTo(Node(0));
  const auto transaction = [&](const std::string& key) {
    Ask(context.get(), {"MULTI"});
    EXPECT_STREQ(Ask(context.get(), {"SET", key, "x"})->str, "QUEUED");
    return Ask(context.get(), {"EXEC"});
  };
  Ask(context.get(), {"WATCH", here});
  ASSERT_EQ(Say(Node(0), {"SET", here, "changed"}), "OK");
  EXPECT_EQ(transaction(there)->type, REDIS_REPLY_NIL);
  Ask(context.get(), {"WATCH", here});
  EXPECT_TRUE(std::string(transaction(there)->str).starts_with("EXECABORT")) << "the other node can't look at the key";
  EXPECT_EQ(Say(Node(1), {"EXISTS", there}), "0");
  EXPECT_EQ(transaction(there)->elements, 1u) << "EXEC ends the watching";
  Ask(context.get(), {"WATCH", here});
  EXPECT_EQ(transaction(here)->elements, 1u);
}

TEST_F(ProxyTest, ATransactionDoesNotChangeTheProxysConnections) {
  const std::string key = KeyAt(1);
  const Context other = ConnectTo(Node(0));
  EXPECT_EQ(Ask(other.get(), {"HSET", key, "f", "v"})->integer, 1);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"HELLO", "3"}, {"CLIENT", "REPLY", "OFF"}, {"SUBSCRIBE", "c"}}) {
    const Context context = ConnectTo(Node(0));
    Ask(context.get(), {"MULTI"});
    EXPECT_STREQ(Ask(context.get(), words)->str, "QUEUED");
    EXPECT_STREQ(Ask(context.get(), {"HGETALL", key})->str, "QUEUED");
    EXPECT_TRUE(std::string(Ask(context.get(), {"EXEC"})->str).starts_with("EXECABORT")) << words[0];
    EXPECT_EQ(Ask(other.get(), {"HGETALL", key})->type, REDIS_REPLY_ARRAY);
  }
  const Context context = ConnectTo(Node(0));
  for (const std::string word : {"MULTI", "PING", "TIME"}) Ask(context.get(), {word});
  Ask(context.get(), {"HGETALL", key});
  EXPECT_EQ(Ask(context.get(), {"EXEC"})->elements, 3u);
}

TEST_F(ProxyTest, BlockingCommandsThatCannotBlockAreForwarded) {
  const std::string key = KeyAt(1);
  const Context context = ConnectTo(Node(0));
  EXPECT_STREQ(Ask(context.get(), {"XADD", key, "1-1", "f", "v"})->str, "1-1");
  EXPECT_EQ(Ask(context.get(), {"XREAD", "STREAMS", key, "0"})->elements, 1u);
  EXPECT_TRUE(std::string(Ask(context.get(), {"XREAD", "BLOCK", "1", "STREAMS", key, "0"})->str).starts_with("MOVED"));
  Ask(context.get(), {"MULTI"});
  EXPECT_STREQ(Ask(context.get(), {"BLPOP", "{" + key + "}list", "0"})->str, "QUEUED");
  EXPECT_EQ(Ask(context.get(), {"EXEC"})->element[0]->type, REDIS_REPLY_NIL);
}

TEST_F(ProxyTest, ABlockingCommandWaitsForEarlierReplies) {
  const std::string there = KeyAt(1);
  const std::string here = "{" + KeyAt(0) + "}list";
  ASSERT_EQ(Say(Node(0), {"SET", there, "v"}), "OK");
  const int socket = Node(0).Connect();
  SendAll(socket, "GET " + there + "\r\nBLPOP " + here + " 0.01\r\nPING\r\n");
  const std::string expected = "$1\r\nv\r\n*-1\r\n+PONG\r\n";
  EXPECT_EQ(ReceiveExactly(socket, expected.size()), expected);
  ::close(socket);
}

TEST_F(ProxyTest, ANotificationDoesNotBreakAMergedReply) {
  const std::string here = KeyAt(0);
  ASSERT_EQ(Say(Node(0), {"CONFIG", "SET", "notify-keyspace-events", "E$"}), "OK");
  const int socket = Node(0).Connect();
  SendAll(socket, "CLIENT REPLY SKIP\r\nHELLO 3\r\nCLIENT REPLY SKIP\r\nPSUBSCRIBE __keyevent@0__:set\r\nMSET " + here +
                      " 1 " + KeyAt(1) + " 2 " + KeyAt(2) + " 3\r\nPING\r\nQUIT\r\n");
  const std::string all = ReceiveToEnd(socket);
  ::close(socket);
  EXPECT_TRUE(all.ends_with("$" + std::to_string(here.size()) + "\r\n" + here + "\r\n+OK\r\n+PONG\r\n+OK\r\n")) << all;
}

TEST_F(ProxyTest, RepliesComeInTheProtocolOfTheClient) {
  const Context context = ConnectTo(Node(0));
  const std::string key = KeyAt(1);
  Ask(context.get(), {"SET", key, "v"});
  EXPECT_EQ(Ask(context.get(), {"GET", "no" + key})->type, REDIS_REPLY_NIL);
  const int socket = Node(0).Connect();
  SendAll(socket,
          "HELLO 3\r\nGET no{" + key + "}\r\nCLIENT REPLY SKIP\r\nSET " + key + " w\r\nGET " + key + "\r\nQUIT\r\n");
  const std::string all = ReceiveToEnd(socket);
  ::close(socket);
  EXPECT_TRUE(all.ends_with("_\r\n$1\r\nw\r\n+OK\r\n")) << all;
}

TEST_F(ProxyTest, WithoutTheOwnerItsReplicaAnswersReadsAndWritesFail) {
  Fill();
  const std::string key = KeyAt(1);
  const std::string value = Say(Node(0), {"GET", key});
  EXPECT_TRUE(Eventually([&] { return Node(4).Info("db0") == Node(1).Info("db0"); }));
  Node(1).Signal(SIGKILL);
  Node(1).WaitForEnd();
  for (const size_t asked : {0u, 2u, 3u, 4u}) {
    EXPECT_EQ(Say(Node(asked), {"GET", key}), value) << asked;
    EXPECT_TRUE(Say(Node(asked), {"SET", key, "x"}).starts_with("CLUSTERDOWN ")) << asked;
    const Context context = ConnectTo(Node(asked));
    EXPECT_STREQ(Ask(context.get(), {"MGET", key, KeyAt(0)})->element[0]->str, value.c_str());
  }
  // In the other mode the replica itself stands in.
  EXPECT_TRUE(Eventually([&] { return Node(4).Info("master_link_status") == "down"; }));
  EXPECT_EQ(Say(Node(4), {"CONFIG", "SET", "cluster-redirect", "moved"}), "OK");
  EXPECT_EQ(Say(Node(4), {"GET", key}), value);
  EXPECT_EQ(Say(Node(4), {"EVAL_RO", "return redis.call('GET', KEYS[1])", "1", key}), value);
  EXPECT_EQ(Say(Node(4), {"SET", key, "x"}), "CLUSTERDOWN Hash slot not served");
  Start(1);
  EXPECT_TRUE(Eventually([&] { return Say(Node(0), {"SET", key, "again"}) == "OK"; }));
  EXPECT_EQ(Say(Node(2), {"GET", key}), "again");
}

// The node was killed while it offered its slots, and the node that they were offered to is down.
TEST(OfferedSlots, ATransactionIsPassedOnLikeASingleRequest) {
  const std::vector<int> ports = FreePorts(2);
  const TempDir dir;
  std::string config = "epoch 2\nshard s0\nshard s1\n";
  for (size_t i = 0; i < 2; ++i) {
    config += "node n" + std::to_string(i) + " shard s" + std::to_string(i) + " host 127.0.0.1 port " +
              std::to_string(ports[i]) + " role primary\n";
  }
  dir.Write("cluster.conf", config);
  cluster::SlotLedger ledger;
  ledger.Give(cluster::SlotSet().set(), "s0");
  ledger.MakeOffer(cluster::SlotSet().set(), "s1", 2);
  dir.Write("cluster.slots", ledger.Print());
  const ServerProcess node({"--port", std::to_string(ports[0]), "--dir", dir.Path(""), "--cluster-enabled", "yes",
                            "--cluster-config", dir.Path("cluster.conf"), "--cluster-node-id", "n0",
                            "--cluster-redirect", "proxy"});
  EXPECT_TRUE(Say(node, {"SET", "key", "1"}).starts_with("CLUSTERDOWN")) << Say(node, {"SET", "key", "1"});
  const Context context = ConnectTo(node);
  Ask(context.get(), {"MULTI"});
  EXPECT_STREQ(Ask(context.get(), {"SET", "key", "1"})->str, "QUEUED");
  const Reply done = Ask(context.get(), {"EXEC"});
  EXPECT_TRUE(std::string(done->str).starts_with("CLUSTERDOWN")) << done->str;
  EXPECT_NE(Say(node, {"WATCH", "key"}).find("can't be watched"), std::string::npos);
}

}  // namespace
}  // namespace ringkv::test
