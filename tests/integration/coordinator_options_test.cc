// SPDX-License-Identifier: MIT
// How a node with a coordinator starts: what its options demand of each other, its certificate, and what it says before
// there is a primary.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/etcd_members.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// Clients then ask the next one.
TEST(CoordinatorOptions, WithoutAPrimaryANodeAnswersAsASentinelThatDoesNotKnowTheShard) {
  const ServerProcess node(
      {"--coordinator", "etcd://127.0.0.1:1/shop", "--repl-ack", "quorum", "--sentinel-master-name", "shard"});
  const Context client = ConnectTo(node);
  EXPECT_EQ(Ask(client.get(), {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shard"})->type, REDIS_REPLY_NIL);
  const Reply masters = Ask(client.get(), {"SENTINEL", "MASTERS"});
  EXPECT_EQ(masters->type, REDIS_REPLY_ARRAY);
  EXPECT_EQ(masters->elements, 0u);
  for (const std::string question : {"MASTER", "REPLICAS", "SLAVES", "SENTINELS", "CKQUORUM"}) {
    EXPECT_STREQ(Ask(client.get(), {"SENTINEL", question, "shard"})->str, "ERR No such master with that name")
        << question;
  }
}

TEST(CoordinatorOverTls, OnlyANodeWithACertificateOfItsOwnIsAnswered) {
  const TempDir directory;
  const Certificate authority("authority");
  const Certificate shown("127.0.0.1", &authority);
  const EtcdMembers::Files files{.authority = directory.Write("ca.pem", authority.Text()),
                                 .certificate = directory.Write("node.pem", shown.Text()),
                                 .key = directory.Write("node.key", shown.Key())};
  const EtcdMembers etcd(files);
  std::vector<std::string> options = {
      "--coordinator", "etcds://" + etcd.addresses() + "/shop", "--repl-ack", "quorum", "--coordinator-ca-cert-file",
      files.authority};
  const ServerProcess stranger(options);
  EXPECT_TRUE(Eventually([&] { return stranger.Log().find("etcd does not answer") != std::string::npos; }));
  options.insert(options.end(), {"--coordinator-cert-file", files.certificate, "--coordinator-key-file", files.key});
  const ServerProcess node(options);
  EXPECT_TRUE(Eventually([&] { return Say(node, {"SET", "a", "1"}) == "OK"; })) << node.Log();
  EXPECT_EQ(RoleOf(stranger), "slave");
}

TEST(CoordinatorOptions, ThatContradictOneAnotherEndTheStart) {
  const std::vector<std::string> coordinator = {"--coordinator", "etcd://127.0.0.1:1/shop"};
  const auto fails = [&](std::vector<std::string> more, const std::string& why) {
    more.insert(more.begin(), coordinator.begin(), coordinator.end());
    ServerProcess server(more, ServerProcess::Wait::kNot);
    EXPECT_EQ(server.WaitForEnd(), 1);
    EXPECT_NE(server.Log().find(why), std::string::npos) << server.Log();
  };
  fails({}, "coordinator needs repl-ack quorum");
  fails({"--repl-ack", "quorum", "--coordinator-key-file", "/nowhere/key.pem"},
        "coordinator-key-file '/nowhere/key.pem' can't be read: No such file or directory");
  fails({"--repl-ack", "quorum", "--replicaof", "127.0.0.1 1"}, "replicaof and coordinator can't both be given");
  fails({"--repl-ack", "quorum", "--migrate-from", "127.0.0.1 1"}, "migrate-from and coordinator can't both be given");
  fails({"--repl-ack", "quorum", "--cluster-enabled", "yes"}, "needs the name of the shard that this node is of");
  fails({"--repl-max-lag", "10", "--cluster-enabled", "yes", "--shard", "s1"},
        "coordinator with cluster-enabled yes needs repl-ack quorum");
  fails({"--repl-ack", "quorum", "--shard", "s1"}, "shard needs a coordinator and cluster-enabled yes");
  fails({"--repl-ack", "quorum", "--cluster-enabled", "yes", "--shard", "s1", "--cluster-config", "cluster.conf"},
        "cluster-config and cluster-node-id can't be given with a coordinator");
}

}  // namespace
}  // namespace ringkv::test
