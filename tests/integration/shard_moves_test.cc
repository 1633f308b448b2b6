// SPDX-License-Identifier: MIT
// Slots move between shards that have replicas: what a shard has handed over or taken outlives its primary.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "cluster/checked_lines.h"
#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr size_t kNodesOfBoth = 4;

// Nodes n0 and n1 are shard s0, n2 and n3 are shard s1, which has no slots at first. All slots go there.
class ShardMovesTest : public testing::Test {
 protected:
  ShardMovesTest() : ports_(FreePorts(kNodesOfBoth)) {
    for (size_t i = 0; i < kNodesOfBoth; ++i) dirs_.push_back(std::make_unique<TempDir>());
    nodes_.resize(kNodesOfBoth);
  }

  // `owner`: the shard that is to have all slots; `first` and `second`: the primaries of the shards.
  std::string Config(int epoch, const std::string& owner, size_t first, size_t second) const {
    std::string text = "epoch " + std::to_string(epoch) + "\n";
    for (const std::string shard : {"s0", "s1"})
      text += "shard " + shard + " weight " + (shard == owner ? "1\n" : "0\n");
    for (size_t i = 0; i < kNodesOfBoth; ++i) {
      const bool is_primary = i == first || i == second;
      text += "node n" + std::to_string(i) + " shard " + (i < 2 ? "s0" : "s1") + " host 127.0.0.1 port " +
              std::to_string(ports_[i]) + " role " + (is_primary ? "primary" : "replica") + "\n";
    }
    return text;
  }
  // The same text, but the nodes of the other shard are where nobody listens.
  std::string Deaf(std::string text) const {
    for (const size_t node : {2u, 3u}) {
      const std::string port = "port " + std::to_string(ports_[node]);
      text.replace(text.find(port), port.size(), "port " + std::to_string(node));
    }
    return text;
  }
  void Start(size_t node, const std::string& config, const std::vector<std::string>& more = {}) {
    nodes_[node].reset();
    dirs_[node]->Write("cluster.conf", config);
    std::vector<std::string> arguments{"--port",
                                       std::to_string(ports_[node]),
                                       "--dir",
                                       dirs_[node]->Path(""),
                                       "--cluster-enabled",
                                       "yes",
                                       "--cluster-config",
                                       dirs_[node]->Path("cluster.conf"),
                                       "--cluster-require-full-coverage",
                                       "no",
                                       "--appendonly",
                                       "yes",
                                       "--appendfsync",
                                       "always"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    nodes_[node] = std::make_unique<ServerProcess>(arguments);
  }
  void Kill(size_t node) {
    nodes_[node]->Signal(SIGKILL);
    nodes_[node]->WaitForEnd();
    nodes_[node].reset();
  }
  std::string Reload(size_t node, const std::string& config) {
    return Say(*nodes_[node], {"CLUSTER", "RELOAD", config});
  }
  bool IsFollowing(size_t node) { return nodes_[node]->Info("master_link_status") == "up"; }
  // Where a request for the key is sent; empty: it is served there.
  std::string RedirectionAt(size_t node, const std::string& key) {
    const std::string answer = Say(*nodes_[node], {"GET", key});
    return answer.starts_with("MOVED") ? answer.substr(answer.rfind(' ') + 1) : "";
  }
  std::string AddressOf(size_t node) const { return "127.0.0.1:" + std::to_string(ports_[node]); }
  std::string OwnedBy(size_t node) { return Say(*nodes_[node], {"CLUSTER", "OWNED"}); }
  bool HasGivenAll() {
    return Eventually([&] { return OwnedBy(0) == "OWNED 2 s0 "; });
  }

  const std::vector<int> ports_;
  std::vector<std::unique_ptr<TempDir>> dirs_;
  std::vector<std::unique_ptr<ServerProcess>> nodes_;
};

TEST_F(ShardMovesTest, APromotedReplicaKnowsWhatItsPrimaryHasHandedOver) {
  const std::string before = Config(1, "s0", 0, 2);
  const std::string after = Config(2, "s1", 0, 2);
  Start(0, before);
  Start(1, Deaf(before));  // hears of slots from its primary only
  Start(2, before);
  ASSERT_TRUE(Eventually([&] { return IsFollowing(1); }));
  EXPECT_EQ(Say(*nodes_[0], {"SET", "key", "old"}), "OK");
  for (const size_t node : {2u, 0u}) ASSERT_EQ(Reload(node, after), "OK");
  ASSERT_TRUE(Eventually([&] { return Say(*nodes_[2], {"SET", "key", "new"}) == "OK"; }));
  ASSERT_TRUE(HasGivenAll()) << OwnedBy(0);
  ASSERT_TRUE(
      Eventually([&] { return nodes_[1]->Info("slave_repl_offset") == nodes_[0]->Info("master_repl_offset"); }));
  nodes_[2]->Signal(SIGSTOP);  // nobody can be asked
  Kill(0);
  ASSERT_EQ(Reload(1, Config(3, "s1", 1, 2)), "OK");
  EXPECT_EQ(RedirectionAt(1, "key"), AddressOf(2));
  Kill(1);  // what it knows is in its files as well
  Start(1, Config(3, "s1", 1, 2));
  EXPECT_TRUE(Eventually([&] { return RedirectionAt(1, "key") == AddressOf(2); }));
  nodes_[2]->Signal(SIGCONT);
  EXPECT_EQ(Say(*nodes_[2], {"GET", "key"}), "new");
}

TEST_F(ShardMovesTest, AReplicaThatComesLaterGetsTheLedgerWithTheData) {
  const std::string before = Config(1, "s0", 0, 2);
  const std::string after = Config(2, "s1", 0, 2);
  Start(0, before);
  Start(2, before);
  for (const size_t node : {2u, 0u}) ASSERT_EQ(Reload(node, after), "OK");
  ASSERT_TRUE(HasGivenAll()) << OwnedBy(0);
  Start(1, Deaf(after));
  ASSERT_TRUE(Eventually([&] { return IsFollowing(1); }));
  Kill(0);
  nodes_[2]->Signal(SIGSTOP);
  ASSERT_EQ(Reload(1, Config(3, "s1", 1, 2)), "OK");
  EXPECT_EQ(RedirectionAt(1, "key"), AddressOf(2));
  nodes_[2]->Signal(SIGCONT);
}

TEST_F(ShardMovesTest, WithQuorumWhatIsTakenOutlivesThePrimaryThatTookIt) {
  const std::string before = Config(1, "s0", 0, 2);
  const std::string after = Config(2, "s1", 0, 2);
  const std::vector<std::string> quorum{"--repl-ack", "quorum"};
  Start(0, before);
  for (const size_t node : {2u, 3u}) Start(node, before, quorum);
  ASSERT_TRUE(Eventually([&] { return IsFollowing(3); }));
  EXPECT_EQ(Say(*nodes_[0], {"SET", "key", "value"}), "OK");
  nodes_[3]->Signal(SIGSTOP);
  for (const size_t node : {2u, 0u}) ASSERT_EQ(Reload(node, after), "OK");
  EXPECT_EQ(OwnedBy(2), "ERR this node does not know yet which slots its shard owns") << "it has no majority";
  EXPECT_EQ(Say(*nodes_[0], {"GET", "key"}), "value");
  nodes_[3]->Signal(SIGCONT);
  ASSERT_TRUE(HasGivenAll()) << OwnedBy(0);
  Kill(2);
  ASSERT_EQ(Reload(3, Config(3, "s1", 0, 3)), "OK");
  EXPECT_EQ(Say(*nodes_[3], {"CONFIG", "SET", "repl-ack", "none"}), "OK");
  EXPECT_EQ(Say(*nodes_[3], {"DBSIZE"}), "1");
  EXPECT_EQ(RedirectionAt(3, "key"), "");
}

// The file of a node of an earlier version, which did not have it in its data.
TEST_F(ShardMovesTest, TheLedgerOfAnEarlierVersionIsTakenUp) {
  dirs_[0]->Write("cluster.slots", cluster::WithChecksum("RingKV slots 1\nowner s0 0-99\nowner s1 100-16383\n"));
  Start(0, Config(2, "s0", 0, 2));
  EXPECT_TRUE(Eventually([&] { return OwnedBy(0) == "OWNED 2 s0 0-99"; })) << OwnedBy(0);
  Start(1, Deaf(Config(2, "s0", 0, 2)));
  ASSERT_TRUE(Eventually([&] { return IsFollowing(1); }));
  EXPECT_TRUE(Eventually([&] { return dirs_[1]->Read("cluster.slots").find("owner s0 0-99\n") != std::string::npos; }));
}

}  // namespace
}  // namespace ringkv::test
