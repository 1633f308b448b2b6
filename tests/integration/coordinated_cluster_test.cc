// SPDX-License-Identifier: MIT
// A cluster whose topology and elections are in three real members of etcd: nodes are killed, etcd is stopped, all are
// started again, while clients write that follow redirects.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cluster_admin/jobs.h"
#include "tests/support/cluster_seeker.h"
#include "tests/support/etcd_members.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// Nodes 0 and 1 are of shard s1, 2 and 3 of s2.
class CoordinatedClusterTest : public testing::Test {
 protected:
  static constexpr size_t kNodes = 4;
  static constexpr size_t kOfAShard = 2;

  CoordinatedClusterTest() {
    EXPECT_TRUE(cluster_admin::InitCluster({.address = address()}, 2));
    for (size_t i = 0; i < kNodes; ++i) Start(i);
    EXPECT_TRUE(Eventually([this] { return AreAllInSync(); }));
    EXPECT_TRUE(Eventually([this] { return IsWhole(); }));
  }

  std::string address() const { return "etcd://" + etcd_.addresses() + "/shop"; }
  static std::string ShardOf(size_t node) { return node < kOfAShard ? "s1" : "s2"; }
  std::vector<std::string> Options(const std::string& shard, const TempDir& directory) const {
    return WithDebug({"--coordinator", address(), "--cluster-enabled", "yes", "--shard", shard, "--repl-ack", "quorum",
                      "--replica-announce-ip", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always",
                      "--io-threads", "1", "--dir", directory.Path("")});
  }
  void Start(size_t node) {
    auto started = std::make_unique<ServerProcess>(Options(ShardOf(node), directories_[node]));
    const std::lock_guard lock(mutex_);
    ports_[node] = started->port();
    nodes_[node] = std::move(started);
  }
  void Kill(size_t node) { nodes_[node].reset(); }
  PrimarySeeker::Ports Ports() {
    return [this] {
      const std::lock_guard lock(mutex_);
      return std::vector<int>(ports_.begin(), ports_.end());
    };
  }
  // Of the shard of this node, by what the nodes say of themselves; kNodes: none.
  size_t PrimaryBeside(size_t node) {
    const size_t first = node / kOfAShard * kOfAShard;
    for (size_t i = first; i < first + kOfAShard; ++i) {
      if (nodes_[i] != nullptr && nodes_[i]->Info("role") == "master") return i;
    }
    return kNodes;
  }
  bool AreAllInSync() {
    for (const size_t node : {size_t{0}, kOfAShard}) {
      const size_t primary = PrimaryBeside(node);
      if (primary == kNodes) return false;
      for (size_t i = node; i < node + kOfAShard; ++i) {
        if (nodes_[i] == nullptr || (i != primary && !HasReached(*nodes_[i], *nodes_[primary]))) return false;
      }
      const std::string record = etcd_.Value("/ringkv/shop/shards/" + ShardOf(node) + "/record");
      const std::string in_sync = record.substr(0, record.find(']'));
      if (in_sync.find("\",\"") == in_sync.rfind("\",\"")) return false;  // one between the ids
    }
    return true;
  }
  // Every node has all slots assigned, and finds all primaries.
  bool IsWhole() {
    for (const auto& node : nodes_) {
      if (node == nullptr) continue;
      const std::string info = Say(*node, {"CLUSTER", "INFO"});
      if (info.find("cluster_state:ok") == std::string::npos) return false;
      if (info.find("cluster_slots_ok:16384") == std::string::npos) return false;
    }
    return true;
  }
  void AwaitProgress(const ClusterLoad& load, uint64_t more = 100) {
    const uint64_t before = load.acknowledged();
    EXPECT_TRUE(Eventually([&] { return load.acknowledged() > before + more; }));
  }
  // A write to each of both shards is acknowledged.
  bool TakeBothWrites() {
    const auto writes = [&](const std::string& key) { return probe_.Write(key, 1) == ClusterSeeker::Outcome::kDone; };
    return writes("{a}") && writes("{b}");  // slots 15495 and 3300
  }
  // Whoever is asked.
  bool AllSayThatItLeads(size_t leader) {
    const std::string id = Say(*nodes_[leader], {"CLUSTER", "MYID"});
    for (const auto& node : nodes_) {
      if (node == nullptr) continue;
      const std::string nodes = "\n" + Say(*node, {"CLUSTER", "NODES"});
      const size_t line = nodes.find("\n" + id);
      if (line == std::string::npos || nodes.find("slave " + id) == std::string::npos) return false;
      if (nodes.substr(line, nodes.find('\n', line + 1) - line).find("master") == std::string::npos) return false;
    }
    return true;
  }

  // As ringkv-cluster apply does, with such lines.
  storage::Status Apply(const std::string& shards) {
    const std::string path = scratch_.Path("shards.conf");
    std::ofstream(path) << shards;
    return cluster_admin::ApplyElected({.address = address()}, path);
  }
  // Slots that the shard of the node owns, as its primary says.
  size_t CountOwned(size_t node) {
    const size_t primary = PrimaryBeside(node);
    const std::string nodes = primary == kNodes ? "" : Say(*nodes_[primary], {"CLUSTER", "NODES"});
    std::istringstream words(nodes.substr(std::min(nodes.find(" connected ", nodes.find("myself")), nodes.size())));
    size_t count = 0;
    std::string word;
    words >> word;
    for (; words.peek() == ' ' && words >> word;) {
      const size_t dash = word.find('-');
      const size_t first = std::stoul(word);
      count += (dash == std::string::npos ? first : std::stoul(word.substr(dash + 1))) - first + 1;
    }
    return count;
  }
  // So many keys, each at the node that has its slot.
  void Fill(int keys) {
    for (const size_t node : {size_t{0}, kOfAShard}) {
      const Context context = ConnectTo(*nodes_[PrimaryBeside(node)]);
      for (int i = 0; i < keys; ++i) ::redisAppendCommand(context.get(), "SET filled:%d %0200d", i, i);
      for (int i = 0; i < keys; ++i) {
        void* reply = nullptr;
        ASSERT_EQ(::redisGetReply(context.get(), &reply), REDIS_OK);
        ::freeReplyObject(reply);
      }
    }
  }
  int64_t CountKeys() {
    int64_t keys = 0;
    for (const size_t node : {size_t{0}, kOfAShard}) {
      keys += std::atoll(Say(*nodes_[PrimaryBeside(node)], {"DBSIZE"}).c_str());
    }
    return keys;
  }

  EtcdMembers etcd_;
  TempDir scratch_;
  std::array<TempDir, kNodes> directories_;
  std::mutex mutex_;
  std::array<int, kNodes> ports_{};
  std::array<std::unique_ptr<ServerProcess>, kNodes> nodes_;
  ClusterSeeker probe_{Ports()};
};

TEST_F(CoordinatedClusterTest, AShardWhosePrimaryIsKilledIsSucceededAndClientsFollow) {
  ClusterLoad load(Ports(), 4);
  for (const size_t shard : {size_t{0}, kOfAShard, size_t{0}}) {
    AwaitProgress(load);
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const size_t primary = PrimaryBeside(shard);
    Kill(primary);
    size_t next = kNodes;
    ASSERT_TRUE(Eventually([&] { return (next = PrimaryBeside(shard)) < kNodes; }));
    EXPECT_TRUE(Eventually([this] { return TakeBothWrites(); }));
    AwaitProgress(load);
    EXPECT_TRUE(Eventually([&] { return AllSayThatItLeads(next); }));
    Start(primary);
  }
  EXPECT_TRUE(Eventually([this] { return AreAllInSync() && IsWhole(); }));
  load.End();
  load.ReadAll(Ports());
}

TEST_F(CoordinatedClusterTest, WithoutEtcdPrimariesServeUntilTheirLeasesRunOutAndGoOnAfterwards) {
  ClusterLoad load(Ports(), 4);
  AwaitProgress(load);
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGSTOP);
  const auto is_fenced = [this](size_t node) {
    const std::string said = Say(*nodes_[node], {"DBSIZE"});
    return said.starts_with("CLUSTERDOWN the lease");
  };
  const size_t first = PrimaryBeside(0);
  const size_t second = PrimaryBeside(kOfAShard);
  EXPECT_TRUE(Eventually([&] { return is_fenced(first) && is_fenced(second); }));
  const uint64_t then = load.acknowledged();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(load.acknowledged(), then);
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGCONT);
  AwaitProgress(load);
  EXPECT_TRUE(Eventually([this] { return TakeBothWrites(); }));
  load.End();
  load.ReadAll(Ports());
}

TEST_F(CoordinatedClusterTest, AfterARestartOfAllTheClusterIsTheSame) {
  ClusterLoad load(Ports(), 2);
  AwaitProgress(load, 300);
  load.End();
  for (size_t i = 0; i < kNodes; ++i) Kill(i);
  for (size_t i = 0; i < kNodes; ++i) Start(i);
  EXPECT_TRUE(Eventually([this] { return AreAllInSync() && IsWhole(); }));
  load.ReadAll(Ports());
}

TEST_F(CoordinatedClusterTest, APrimaryThatWasStoppedForLongerThanItsLeaseServesNothingStale) {
  ClusterLoad load(Ports(), 4);
  for (int i = 0; i < 2; ++i) {
    AwaitProgress(load);
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const size_t primary = PrimaryBeside(0);
    nodes_[primary]->Signal(SIGSTOP);
    const auto other = static_cast<size_t>(1 - primary);
    EXPECT_TRUE(Eventually([&] { return nodes_[other]->Info("role") == "master"; }));
    AwaitProgress(load);
    nodes_[primary]->Signal(SIGCONT);
    EXPECT_TRUE(Eventually([&] { return nodes_[primary]->Info("role") == "slave"; }));
  }
  load.End();
  load.ReadAll(Ports());
}

TEST_F(CoordinatedClusterTest, SlotsMoveThoughThePrimariesOfEitherSideAreKilled) {
  constexpr int kKeys = 40'000;
  Fill(kKeys);
  const int64_t keys = CountKeys();
  EXPECT_GE(keys, kKeys);
  ClusterLoad load(Ports(), 2);
  constexpr size_t kRounds = 4;
  for (size_t round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(Eventually([this] { return AreAllInSync() && IsWhole(); }));
    const bool to_second = round % 2 == 0;
    const std::string before = etcd_.Value("/ringkv/shop/topology");
    auto applied = std::async(std::launch::async, [&] {
      return Apply(to_second ? "shard s1 weight 1\nshard s2 weight 3\n" : "shard s1 weight 3\nshard s2 weight 1\n");
    });
    // Of the giver, then of the taker, in some moment of the move.
    const size_t giver = to_second ? 0 : kOfAShard;
    const size_t victim = round < kRounds / 2 ? giver : kOfAShard - giver;
    const size_t taker = kOfAShard - giver;
    EXPECT_TRUE(Eventually([&] { return etcd_.Value("/ringkv/shop/topology") != before; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * round));
    const size_t primary = PrimaryBeside(victim);
    Kill(primary);
    ASSERT_TRUE(Eventually([&] { return PrimaryBeside(victim) < kNodes; }));
    Start(primary);
    const storage::Status done = applied.get();
    EXPECT_TRUE(done) << done.error().text;
    EXPECT_TRUE(Eventually([&] { return CountOwned(taker) == 3 * CountOwned(giver); }))
        << CountOwned(taker) << " and " << CountOwned(giver);
    AwaitProgress(load);
  }
  load.End();
  load.ReadAll(Ports());
  EXPECT_TRUE(Eventually([&] { return CountKeys() >= keys; })) << CountKeys() << " of " << keys;
}

TEST_F(CoordinatedClusterTest, AShardIsAddedAndTakenAway) {
  Fill(1000);
  ClusterLoad load(Ports(), 2);
  auto applied = std::async(std::launch::async, [&] { return Apply("shard s1\nshard s2\nshard s3\n"); });
  const TempDir directory;
  const ServerProcess third(Options("s3", directory));
  ASSERT_TRUE(applied.get());
  EXPECT_TRUE(Eventually([&] { return CountOwned(0) + CountOwned(kOfAShard) < 12000; }));
  EXPECT_TRUE(Eventually([&] { return std::atoi(Say(third, {"DBSIZE"}).c_str()) > 0; }));
  AwaitProgress(load);
  EXPECT_FALSE(Apply("shard s1\nshard s2\n")) << "it has slots";
  ASSERT_TRUE(Apply("shard s1\nshard s2\nshard s3 weight 0\n"));
  EXPECT_TRUE(Eventually([&] { return CountOwned(0) + CountOwned(kOfAShard) == 16384; }));
  ASSERT_TRUE(Apply("shard s1\nshard s2\n"));
  EXPECT_TRUE(Eventually([&] { return Say(*nodes_[0], {"CLUSTER", "NODES"}).find("s3") == std::string::npos; }));
  AwaitProgress(load);
  load.End();
  load.ReadAll(Ports());
}

TEST_F(CoordinatedClusterTest, ANodeOfAnotherShardNeedsAnEmptyDirectory) {
  const size_t replica = PrimaryBeside(0) == 0 ? 1 : 0;
  Kill(replica);
  ServerProcess moved(Options("s2", directories_[replica]), ServerProcess::Wait::kNot);
  EXPECT_EQ(moved.WaitForEnd(), 1);
  EXPECT_NE(moved.Log().find("shard 's2': the data of this directory is of shard 's1'"), std::string::npos)
      << moved.Log();
  Start(replica);
  EXPECT_TRUE(Eventually([this] { return AreAllInSync(); }));
}

TEST_F(CoordinatedClusterTest, NobodyElseDecidesTheTopology) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"CLUSTER", "RELOAD"}, {"CLUSTER", "RELOAD", "epoch 99\nshard s1\n"}}) {
    const std::string said = Say(*nodes_[0], words);
    EXPECT_NE(said.find("the coordinator has the topology of this cluster"), std::string::npos) << said;
  }
  EXPECT_FALSE(cluster_admin::InitCluster({.address = address()}, 3));
}

}  // namespace
}  // namespace ringkv::test
