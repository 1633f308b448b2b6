// SPDX-License-Identifier: MIT
// A cluster-config from the keys of etcd.
#include "cluster/failover/cluster_topology.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "cluster/topology.h"

namespace ringkv::cluster {
namespace {

std::string Id(char digit) { return std::string(40, digit); }

class ClusterTopologyTest : public testing::Test {
 protected:
  ClusterTopologyTest() {
    Put(keys_.epoch(), "7");
    Put(keys_.topology(), "epoch 5\nshard s1 weight 1 slots 0-8191\nshard s2 weight 1 slots 8192-16383\n");
  }

  void Put(const std::string& key, const std::string& value) {
    all_.push_back({.key = key, .value = value, .mod_revision = ++revision_});
  }
  void PutRecord(const std::string& shard, char primary, const std::vector<std::string>& members) {
    Put(ShardKeys("shop", shard).record(),
        Print(ShardRecord{.epoch = 6, .primary = Id(primary), .in_sync = members, .members = members}));
  }
  void PutAddress(char id, int port, bool lives = true) {
    const std::string value = Print(LivingNode{.shard = "s1", .host = "h", .port = port});
    Put(keys_.address(Id(id)), value);
    if (lives) Put(NodeKeys("shop").node(Id(id)), value);
  }
  Topology Compose() {
    ShardView view(ShardKeys("shop", "s1"));
    view.Reset(all_, revision_);
    const std::optional<std::string> text = ComposeTopology(view, "shop", {Id('a'), "s1", "h", 1});
    if (!text) return {};
    const storage::Result<Topology> topology = Topology::Parse(*text);
    EXPECT_TRUE(topology) << topology.error().text << "\n" << *text;
    return *topology;
  }

  const ClusterKeys keys_{"shop"};
  std::vector<EtcdKey> all_;
  int64_t revision_ = 0;
};

TEST_F(ClusterTopologyTest, HasTheSlotsOfTheKeyAndTheNodesOfTheRecords) {
  PutRecord("s1", 'b', {Id('a'), Id('b')});
  PutRecord("s2", 'c', {Id('c')});
  PutAddress('b', 2);
  PutAddress('c', 3, false);
  const Topology topology = Compose();
  EXPECT_EQ(topology.epoch(), 7u);
  EXPECT_EQ(topology.nodes().size(), 3u);
  EXPECT_EQ(topology.PrimaryOf(0).id, Id('b'));
  EXPECT_EQ(topology.PrimaryOf(16383).id, Id('c'));
  EXPECT_EQ(topology.PrimaryOf(16383).port, 3);
  EXPECT_EQ(topology.FindNode(Id('a'))->port, 1);
}

TEST_F(ClusterTopologyTest, ANodeThatIsAboutToJoinIsInItAndAShardWithoutNodesHoldsNobodyUp) {
  const Topology topology = Compose();
  EXPECT_EQ(topology.FindNode(Id('a'))->shard, topology.FindShard("s1"));
  EXPECT_EQ(topology.nodes().size(), 2u);
  EXPECT_EQ(topology.PrimaryOf(16383).host, "192.0.2.2");
}

TEST_F(ClusterTopologyTest, ANodeWithAnEmptyDiskHasTheAddressOfTheOneBefore) {
  PutRecord("s1", 'b', {Id('b'), Id('c')});
  PutAddress('b', 2, false);
  PutAddress('c', 2);
  const Topology topology = Compose();
  EXPECT_EQ(topology.FindNode(Id('b')), nullptr);
  EXPECT_NE(topology.FindNode(Id('c')), nullptr);
}

TEST_F(ClusterTopologyTest, ThereIsNoneForAShardThatItDoesNotList) {
  all_.clear();
  EXPECT_TRUE(Compose().shards().empty());
  Put(keys_.epoch(), "7");
  Put(keys_.topology(), "epoch 5\nshard s10\nshard s2\n");
  EXPECT_TRUE(Compose().shards().empty());
  EXPECT_TRUE(ListsShard("epoch 1\nshard s1 weight 2\n", "s1"));
  EXPECT_FALSE(ListsShard("epoch 1\nshard s10\n", "s1"));
}

TEST_F(ClusterTopologyTest, TheKeyIsReadAndPrintedWithoutNodes) {
  const storage::Result<Topology> topology = ParseKeptTopology("epoch 2\nshard s1\nshard s2 weight 3");
  ASSERT_TRUE(topology) << topology.error().text;
  const std::string text = PrintKept(*topology);
  EXPECT_EQ(text.find("node"), std::string::npos);
  const storage::Result<Topology> again = ParseKeptTopology(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->slots(), topology->slots());
  EXPECT_EQ(PrintKept(*again), text);
  EXPECT_FALSE(ParseKeptTopology("epoch 2\n"));
}

}  // namespace
}  // namespace ringkv::cluster
