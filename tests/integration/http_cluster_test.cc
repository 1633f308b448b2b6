// SPDX-License-Identifier: MIT
// The HTTP ports of a cluster.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// Two shards, each with an HTTP port of its own.
class HttpClusterTest : public testing::Test {
 protected:
  // Each node announces its name with the suffix; none if it is empty.
  void Start(const std::string& redirect, const std::string& announced_suffix = "") {
    const std::string path = directory_.Path("cluster.conf");
    std::ofstream(path) << "epoch 1\nshard a\nshard b\nnode a1 shard a host 127.0.0.1 port " << ports_[0]
                        << " role primary http " << ports_[2] << "\nnode b1 shard b host 127.0.0.1 port " << ports_[1]
                        << " role primary http " << ports_[3] << "\n";
    for (const size_t i : {0, 1}) {
      const std::string announced = announced_suffix.empty() ? "" : (i == 0 ? "a1" : "b1") + announced_suffix;
      nodes_.push_back(std::make_unique<ServerProcess>(std::vector<std::string>{
          "--port", std::to_string(ports_[i]), "--http-port", std::to_string(ports_[2 + i]), "--cluster-enabled", "yes",
          "--cluster-config", path, "--cluster-redirect", redirect, "--cluster-announce-hostname", announced,
          "--cluster-preferred-endpoint-type", announced.empty() ? "ip" : "hostname"}));
    }
  }

  TempDir directory_;
  const std::vector<int> ports_ = FreePorts(4);
  std::vector<std::unique_ptr<ServerProcess>> nodes_;
};

TEST_F(HttpClusterTest, AnotherNodesKeyIsAnsweredWithItsAddress) {
  Start("moved");
  int stored = 0;
  int redirected = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string target = "/keys/k" + std::to_string(i) + "?ttl=100";
    const HttpReply reply = HttpClient(ports_[2]).Ask("PUT", target, "x");
    if (reply.status == 204) ++stored;
    if (reply.status != 307) continue;
    const std::string location = "Location: http://127.0.0.1:" + std::to_string(ports_[3]) + target + "\r\n";
    EXPECT_NE(reply.head.find(location), std::string::npos) << reply.head;
    EXPECT_EQ(HttpClient(ports_[3]).Ask("PUT", target, "x").status, 204);
    ++redirected;
  }
  EXPECT_GT(stored, 0);
  EXPECT_GT(redirected, 0);
  EXPECT_EQ(stored + redirected, 40);
  EXPECT_EQ(HttpClient(ports_[2]).Ask("POST", "/mget", R"(["k1","k2","k3"])", kJson).status, 400);
  EXPECT_EQ(HttpClient(ports_[2]).Ask("GET", "/search?prefix=k&values=1").status, 200);
}

TEST_F(HttpClusterTest, ANodeAnswersToTheNameThatItAnnounces) {
  Start("moved", ".nodes.test");
  const std::string owner = "http://b1.nodes.test:" + std::to_string(ports_[3]) + "/keys/k";
  int redirected = 0;
  for (int i = 0; i < 10; ++i) {
    const std::string number = std::to_string(i);
    HttpReply reply;
    // The first node learns the name when it has asked the second one.
    EXPECT_TRUE(Eventually([&] {
      reply = HttpClient(ports_[2]).Ask("PUT", "/keys/k" + number, "x");
      return reply.status == 204 || reply.head.find("Location: " + owner + number + "\r\n") != std::string::npos;
    })) << reply.head;
    if (reply.status != 307) continue;
    EXPECT_EQ(HttpClient(ports_[3]).Ask("PUT", owner + number, "x").status, 204);
    ++redirected;
  }
  EXPECT_GT(redirected, 0);
}

TEST_F(HttpClusterTest, OrAnyNodeAnswersForAll) {
  Start("proxy");
  HttpClient client(ports_[2]);
  std::string pairs;
  std::string keys;
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i);
    pairs += (i > 0 ? ",\"k" : "\"k") + number + "\":\"" + number + "\"";
    keys += (i > 0 ? ",\"k" : "\"k") + number + "\"";
  }
  EXPECT_EQ(client.Ask("POST", "/mset", "{" + pairs + "}", kJson).body, "{\"stored\":40}\n");
  const std::string values = client.Ask("POST", "/mget", "[" + keys + "]", kJson).body;
  EXPECT_EQ(values.find("null"), std::string::npos);
  HttpClient other(ports_[3]);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(other.Ask("GET", "/keys/k" + std::to_string(i)).body, std::to_string(i));
  }
  const std::string found = client.Ask("GET", "/search?prefix=k&values=1").body;
  EXPECT_EQ(std::count(found.begin(), found.end(), 'k'), 41) << found;  // and that of "keys"
  EXPECT_EQ(found.find("null"), std::string::npos);
  nodes_[1]->Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    int failed = 0;
    for (int i = 0; i < 40; ++i) failed += client.Ask("GET", "/keys/k" + std::to_string(i)).status == 503 ? 1 : 0;
    return failed > 0;
  }));
}

}  // namespace
}  // namespace ringkv::test
