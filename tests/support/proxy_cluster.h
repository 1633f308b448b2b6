// SPDX-License-Identifier: MIT
// A cluster of three shards with a replica each, whose nodes answer for all keys (cluster-redirect proxy).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {

constexpr int kProxiedKeys = 300;

inline std::string KeyOf(int i) { return "key:" + std::to_string(i); }

class ProxyTest : public testing::Test {
 protected:
  static constexpr size_t kShards = 3;

  ProxyTest() : ports_(FreePorts(2 * kShards + 1)) {
    std::string config = "epoch 1\n";
    for (size_t i = 0; i < kShards; ++i) config += "shard s" + std::to_string(i) + "\n";
    for (size_t i = 0; i < 2 * kShards; ++i) {
      config += "node n" + std::to_string(i) + " shard s" + std::to_string(i % kShards) + " host localhost port " +
                std::to_string(ports_[i]) + " role " + (i < kShards ? "primary" : "replica") + "\n";
    }
    dir_.Write("cluster.conf", config);
    nodes_.resize(2 * kShards);
    for (size_t i = 0; i < nodes_.size(); ++i) Start(i);
    for (size_t i = kShards; i < nodes_.size(); ++i) {
      EXPECT_TRUE(Eventually([&] { return nodes_[i]->Info("master_link_status") == "up"; }));
    }
  }
  void Start(size_t i) {
    nodes_[i] = std::make_unique<ServerProcess>(std::vector<std::string>{
        "--port", std::to_string(ports_[i]), "--bind", "localhost", "--cluster-enabled", "yes", "--cluster-config",
        dir_.Path("cluster.conf"), "--cluster-node-id", "n" + std::to_string(i), "--cluster-redirect", "proxy",
        "--cluster-read-from-replica", "yes", "--http-port", std::to_string(i == 0 ? ports_.back() : 0)});
  }
  ServerProcess& Node(size_t i) { return *nodes_[i]; }
  // One that is owned by the shard.
  std::string KeyAt(size_t shard) {
    for (int i = 0;; ++i) {
      const Context context = ConnectTo(Node(shard));
      Ask(context.get(), {"REPLCONF", "capa", "ringkv1"});  // who says so is told where keys are
      const Reply reply = Ask(context.get(), {"EXISTS", KeyOf(i)});
      if (reply->type == REDIS_REPLY_INTEGER) return KeyOf(i);
    }
  }
  // Of another slot.
  std::string OtherKeyAt(size_t shard) {
    const Context context = ConnectTo(Node(shard));
    Ask(context.get(), {"REPLCONF", "capa", "ringkv1"});
    for (int i = 0;; ++i) {
      const std::string name = "other:" + std::to_string(i);
      if (Ask(context.get(), {"EXISTS", name})->type == REDIS_REPLY_INTEGER) return name;
    }
  }
  void Fill() {
    for (int i = 0; i < kProxiedKeys; ++i) {
      ASSERT_EQ(Say(Node(static_cast<size_t>(i) % nodes_.size()), {"SET", KeyOf(i), std::to_string(i)}), "OK");
    }
  }

  const TempDir dir_;
  const std::vector<int> ports_;
  std::vector<std::unique_ptr<ServerProcess>> nodes_;
};

}  // namespace ringkv::test
