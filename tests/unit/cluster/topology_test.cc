// SPDX-License-Identifier: MIT
#include "cluster/topology.h"

#include <gtest/gtest.h>

#include "cluster/node_id.h"
#include "tests/support/document.h"

namespace ringkv::cluster {
namespace {

constexpr std::string_view kGood =
    "# three nodes\n"
    "epoch 3\n"
    "shard s1 weight 1\n"
    "shard s2 weight 2   # twice as large\n"
    "node a shard s1 host 127.0.0.1 port 7001 role primary\n"
    "node b shard s2 host node-b.example port 7002 role replica\n"
    "node c shard s2 host node-c.example port 7003 role primary\n";

TEST(Topology, AssignsSlotsToShards) {
  const storage::Result<Topology> topology = Topology::Parse(kGood);
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->epoch(), 3u);
  EXPECT_EQ(topology->FindNode("b")->port, 7002);
  EXPECT_EQ(topology->FindNode(NodeIdOf("b"))->id, "b");
  EXPECT_EQ(topology->FindNode("x"), nullptr);
  EXPECT_EQ(topology->nodes()[topology->shards()[1].primary()].id, "c");
  EXPECT_EQ(topology->shards()[1].members.size(), 2u);
  EXPECT_GT(topology->slots().CountOf(1), topology->slots().CountOf(0));
}

TEST(Topology, IsReadAsItWasPrintedWithItsSlots) {
  const storage::Result<Topology> topology = Topology::Parse(kGood);
  ASSERT_TRUE(topology);
  const storage::Result<Topology> again = Topology::Parse(topology->Print());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->Print(), topology->Print());
  EXPECT_EQ(again->slots(), topology->slots());
}

TEST(Topology, MistakesAreNamedWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"", "there is no line 'epoch N'"},
      {"epoch 0\n", "line 1: it takes a number above 0"},
      {"epoch x\n", "line 1: it takes a number above 0"},
      {"epoch 1\nfoo\n", "line 2: 'foo' is unknown"},
      {"epoch 1\n", "there is no line 'shard NAME'"},
      {"epoch 1\nshard a b\n", "line 2: after 'shard a' only"},
      {"epoch 1\nshard a\nshard a\n", "line 3: shard 'a' is listed twice"},
      {"epoch 1\nshard a weight -1\n", "line 2: a weight is a number"},
      {"epoch 1\nshard a weight nan\n", "line 2: a weight is a number"},
      {"epoch 1\nshard a slots 0-16384\n", "line 2: '0-16384' is not a range of slots"},
      {"epoch 1\nshard a slots 0-5\nshard b slots 5-9\n", "line 3: slot 5 is assigned to two shards"},
      {"epoch 1\nshard a\n", "shard 'a' has no primary"},
      {"epoch 1\nshard a\nnode n shard b host h port 1 role primary\n", "line 3: shard 'b' is unknown"},
      {"epoch 1\nshard a\nnode n shard a host h port 0 role primary\n", "line 3: a port is a number"},
      {"epoch 1\nshard a\nnode n shard a host h port 1 role boss\n", "line 3: it takes 'node ID"},
      {"epoch 1\nshard a\nnode n shard a host h port 1\n", "line 3: it takes 'node ID"},
      {"epoch 1\nshard a\nnode n shard a host h port 1 role primary\nnode m shard a host h port 2 role primary\n",
       "line 4: shard 'a' has two primaries"},
      {"epoch 1\nshard a\nnode n shard a host h port 1 role primary\nnode n shard a host h port 2 role replica\n",
       "line 4: node 'n' is listed twice"},
      {"epoch 1\nshard a\nnode n shard a host h port 1 role primary\nnode m shard a host h port 1 role replica\n",
       "line 4: it has the host and port of node 'n'"},
      {"epoch 1\nshard a slots 0-5\nnode n shard a host h port 1 role primary\n", "slots 6-16383 have no shard"},
      {"epoch 1\nshard a weight 0\nnode n shard a host h port 1 role primary\n", "all weights are 0"},
  };
  for (const auto& [text, expected] : mistakes) {
    const storage::Result<Topology> topology = Topology::Parse(text);
    ASSERT_FALSE(topology) << text;
    EXPECT_TRUE(topology.error().text.starts_with(expected)) << topology.error().text;
  }
}

TEST(Topology, TheExampleOfTheDocumentIsOne) {
  const std::string text = test::ReadText(RINGKV_SOURCE "/docs/formats/cluster.md");
  const std::string fence = "```cluster\n";
  const size_t start = text.find(fence) + fence.size();
  const storage::Result<Topology> topology = Topology::Parse(text.substr(start, text.find("```", start) - start));
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->nodes().size(), 3u);
}

}  // namespace
}  // namespace ringkv::cluster
