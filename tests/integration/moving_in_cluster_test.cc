// SPDX-License-Identifier: MIT
// Clients of a node move from thread to thread: what goes from there to other nodes, and comes back, stays in order.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/moving_clients.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr size_t kClients = 3;

class MovingInCluster : public testing::Test {
 protected:
  MovingInCluster() {
    std::string config = "epoch 1\n";
    for (size_t i = 0; i < ports_.size(); ++i) {
      const std::string number = std::to_string(i);
      config += "shard s" + number + "\nnode n" + number + " shard s" + number + " host 127.0.0.1 port " +
                std::to_string(ports_[i]) + " role primary\n";
    }
    dir_.Write("cluster.conf", config);
    for (size_t i = 0; i < ports_.size(); ++i) {
      nodes_.push_back(std::make_unique<ServerProcess>(
          std::vector<std::string>{"--port", std::to_string(ports_[i]), "--cluster-enabled", "yes", "--cluster-config",
                                   dir_.Path("cluster.conf"), "--cluster-node-id", "n" + std::to_string(i),
                                   "--cluster-redirect", "proxy", "--io-threads", "4", "--hz", "100"}));
    }
  }
  ServerProcess& Node(size_t i) { return *nodes_[i]; }
  Context Connect(size_t node) {
    Context context = ConnectTo(Node(node));
    ::redisSetTimeout(context.get(), {.tv_sec = 60, .tv_usec = 0});
    return context;
  }

  const TempDir dir_;
  const std::vector<int> ports_ = FreePorts(2);
  std::vector<std::unique_ptr<ServerProcess>> nodes_;
};

// By itself, from a script, or from a transaction. Returns the number of replies.
int SendPublication(redisContext* publisher, size_t way, const std::string& message) {
  switch (way % 3) {
    case 0: SendRequest(publisher, {"PUBLISH", "news", message}); return 1;
    case 1: SendRequest(publisher, {"EVAL", "return redis.call('PUBLISH', 'news', ARGV[1])", "0", message}); return 1;
    default:
      SendRequest(publisher, {"MULTI"});
      SendRequest(publisher, {"PUBLISH", "news", message});
      SendRequest(publisher, {"EXEC"});
      return 3;
  }
}

TEST_F(MovingInCluster, MessagesToOtherNodesStayInOrder) {
  std::array<Context, kClients> publishers{Connect(0), Connect(0), Connect(0)};
  std::array<size_t, kClients> sent{};
  const Context subscriber = Connect(1);
  ASSERT_NE(Ask(subscriber.get(), {"SUBSCRIBE", "news"}), nullptr);
  std::vector<RoundsOfWork> works;
  for (size_t i = 0; i < kClients; ++i) {
    works.emplace_back([&, i](unsigned round) {
      redisContext* const publisher = publishers[i].get();
      int replies = 0;
      for (unsigned depth = 1 + round * 7 % 20; depth > 0; --depth) {
        replies += SendPublication(publisher, sent[i], std::to_string(i) + " " + std::to_string(sent[i]));
        ++sent[i];
      }
      for (; replies > 0; --replies) ASSERT_NE(TakeReply(publisher), nullptr);
    });
  }
  RunWhileClientsMove(Node(0), works);
  std::map<size_t, size_t> received;
  for (size_t missing = sent[0] + sent[1] + sent[2]; missing > 0; --missing) {
    const Reply message = TakeReply(subscriber.get());
    ASSERT_TRUE(message != nullptr && message->elements == 3);
    const std::string text(message->element[2]->str);
    const size_t publisher = std::stoull(text);
    ASSERT_EQ(text.substr(text.find(' ') + 1), std::to_string(received[publisher]++)) << "of publisher " << publisher;
  }
}

TEST_F(MovingInCluster, RepliesOfOtherNodesStayInOrder) {
  std::array<Context, kClients> clients{Connect(0), Connect(0), Connect(0)};
  std::array<std::map<std::string, int64_t>, kClients> counts;
  std::vector<RoundsOfWork> works;
  for (size_t i = 0; i < kClients; ++i) {
    works.emplace_back([&, i](unsigned round) {
      const unsigned depth = 1 + round * 7 % 60;
      const auto key_of = [i](unsigned k) { return "counter:" + std::to_string(i) + ":" + std::to_string(k % 5); };
      for (unsigned k = 0; k < depth; ++k) SendRequest(clients[i].get(), {"INCR", key_of(k)});
      for (unsigned k = 0; k < depth; ++k) {
        ASSERT_EQ(TextOf(TakeReply(clients[i].get())), std::to_string(++counts[i][key_of(k)]));
      }
    });
  }
  RunWhileClientsMove(Node(0), works);
}

}  // namespace
}  // namespace ringkv::test
