// SPDX-License-Identifier: MIT
// Nodes that look after each other: who is taken for failed, and why.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/dark_host.h"
#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// Nodes n0, n1, ..., each a shard s0, s1, ... of its own.
class ClusterWatchTest : public testing::Test {
 protected:
  void WriteConfig(const std::vector<int>& ports) {
    std::ofstream file(dir_.Path("cluster.conf"));
    file << "epoch 1\n";
    for (size_t i = 0; i < ports.size(); ++i) file << "shard s" << i << "\n";
    for (size_t i = 0; i < ports.size(); ++i) {
      file << "node n" << i << " shard s" << i << " host 127.0.0.1 port " << ports[i] << " role primary\n";
    }
  }
  std::unique_ptr<ServerProcess> Start(int node, int port) {
    return std::make_unique<ServerProcess>(std::vector<std::string>{
        "--port", std::to_string(port), "--cluster-enabled", "yes", "--cluster-config", dir_.Path("cluster.conf"),
        "--cluster-node-id", "n" + std::to_string(node), "--cluster-node-timeout", "1500", "--io-threads", "1",
        "--busy-reply-threshold", "10"});
  }

  const TempDir dir_;
};

// Its connection attempts get no answer. Those who wait for it must hear the others.
TEST_F(ClusterWatchTest, ADarkNodeIsNobodyElsesFailure) {
  const DarkHost dark;
  const std::vector<int> ports = FreePorts(2);
  WriteConfig({ports[0], ports[1], dark.port()});
  const auto other = Start(1, ports[1]);
  const auto node = Start(0, ports[0]);
  const std::string failed = "' has not answered for cluster-node-timeout";
  const std::string reason =
      failed + ": cannot reach 127.0.0.1:" + std::to_string(dark.port()) + ": Connection timed out";
  EXPECT_TRUE(Eventually([&] { return node->Log().find("node 'n2" + failed) != std::string::npos; }));
  EXPECT_NE(node->Log().find("node 'n2" + reason), std::string::npos) << node->Log();
  EXPECT_EQ(node->Log().find("node 'n1" + failed), std::string::npos) << node->Log();
}

TEST_F(ClusterWatchTest, ANodeThatRunsALongScriptIsThere) {
  const std::vector<int> ports = FreePorts(1);
  WriteConfig(ports);
  const auto node = Start(0, ports[0]);
  const Context client = ConnectTo(*node);
  SendRequest(client.get(), {"EVAL", "redis.call('GET', KEYS[1]) while true do end", "1", "key"});
  EXPECT_TRUE(Eventually([&] { return Say(*node, {"GET", "key"}).starts_with("BUSY "); }));
  EXPECT_EQ(Say(*node, {"CLUSTER", "ANNOUNCED"}), "ANNOUNCED - 0 -");
  EXPECT_TRUE(Eventually([&] { return Say(*node, {"SCRIPT", "KILL"}) == "OK"; }));
}

}  // namespace
}  // namespace ringkv::test
