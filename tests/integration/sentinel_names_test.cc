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

bool Knows(const ServerProcess& node, const ServerProcess& primary) {
  const Context context = ConnectTo(node);
  const Reply reply = Ask(context.get(), {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shard"});
  return reply->elements == 2 && reply->element[1]->str == std::to_string(primary.port());
}

TEST(SentinelNames, APromotedNodeTellsItsSubscribersOfTheSwitch) {
  const ServerProcess primary(WithDebug(kNamed));
  const ServerProcess replica(ReplicaOf(primary.port(), kNamed));
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"SENTINEL", "CKQUORUM", "shard"}).starts_with("OK 2 "); }));
  for (int round = 0; round < 3; ++round) {
    const bool is_back = round % 2 == 1;
    const ServerProcess& before = is_back ? replica : primary;
    const ServerProcess& after = is_back ? primary : replica;
    const Context subscriber = ConnectTo(after);
    redisSetTimeout(subscriber.get(), {.tv_sec = 20, .tv_usec = 0});
    Ask(subscriber.get(), {"SUBSCRIBE", "+switch-master"});
    ASSERT_EQ(Say(before, {"FAILOVER"}), "OK");
    EXPECT_EQ(NextMessage(subscriber.get()),
              "shard 127.0.0.1 " + std::to_string(before.port()) + " 127.0.0.1 " + std::to_string(after.port()));
    EXPECT_EQ(RoleOf(after), "master");
    EXPECT_TRUE(Eventually([&] { return HasCaughtUp(before, after) && Knows(before, after); }));
  }
}

}  // namespace
}  // namespace ringkv::test
