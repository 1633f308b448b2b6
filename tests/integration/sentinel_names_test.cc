// SPDX-License-Identifier: MIT
// Nodes with sentinel-master-name tell their own subscribers who is the primary.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/replicas.h"

namespace ringkv::test {
namespace {

const std::vector<std::string> kNamed = {"--sentinel-master-name", "shard"};

// Of a subscriber: the next message.
std::string NextMessage(redisContext* subscriber) {
  const Reply reply = TakeReply(subscriber);
  return reply != nullptr && reply->elements == 3 ? reply->element[2]->str : "none";
}

// A connection that hears of switches at the node.
Context SubscriberOf(const ServerProcess& node) {
  Context subscriber = ConnectTo(node);
  redisSetTimeout(subscriber.get(), {.tv_sec = 20, .tv_usec = 0});
  Ask(subscriber.get(), {"SUBSCRIBE", "+switch-master"});
  return subscriber;
}

TEST(SentinelNames, BothNodesTellTheirSubscribersOfAHandOver) {
  const ServerProcess primary(WithDebug(kNamed));
  const ServerProcess replica(ReplicaOf(primary.port(), kNamed));
  for (const ServerProcess* node : {&primary, &replica}) {
    ASSERT_TRUE(Eventually([&] { return Say(*node, {"SENTINEL", "CKQUORUM", "shard"}).starts_with("OK 2 "); }));
  }
  for (int round = 0; round < 3; ++round) {
    const bool is_back = round % 2 == 1;
    const ServerProcess& before = is_back ? replica : primary;
    const ServerProcess& after = is_back ? primary : replica;
    const Context at_old = SubscriberOf(before);
    const Context at_new = SubscriberOf(after);
    ASSERT_EQ(Say(before, {"FAILOVER"}), "OK");
    const std::string told =
        "shard 127.0.0.1 " + std::to_string(before.port()) + " 127.0.0.1 " + std::to_string(after.port());
    EXPECT_EQ(NextMessage(at_new.get()), told);
    EXPECT_EQ(NextMessage(at_old.get()), told);
    EXPECT_EQ(RoleOf(after), "master");
    EXPECT_TRUE(Eventually([&] { return HasCaughtUp(before, after); }));
  }
}

}  // namespace
}  // namespace ringkv::test
