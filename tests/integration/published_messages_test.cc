// SPDX-License-Identifier: MIT
// Published messages on their way to the subscribers of replicas.
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"

namespace ringkv::test {
namespace {

TEST(Replication, AMessageArrivesAfterTheChangesBeforeIt) {
  constexpr int kRounds = 200;
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port(), {"--io-threads", "2"}));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  const Context subscriber = ConnectTo(replica);
  ASSERT_NE(Ask(subscriber.get(), {"SUBSCRIBE", "channel"}), nullptr);
  std::thread publisher([&] {
    const Context context = ConnectTo(primary);
    for (int i = 0; i < kRounds; i += 2) {
      Ask(context.get(), {"SET", "key", std::to_string(i)});
      Ask(context.get(), {"PUBLISH", "channel", std::to_string(i)});
      Ask(context.get(), {"MULTI"});
      Ask(context.get(), {"PUBLISH", "channel", std::to_string(i + 1)});
      Ask(context.get(), {"SET", "key", std::to_string(i + 1)});
      Ask(context.get(), {"EXEC"});
    }
  });
  const Context reader = ConnectTo(replica);
  for (int i = 0; i < kRounds; ++i) {
    void* reply = nullptr;
    ASSERT_EQ(::redisGetReply(subscriber.get(), &reply), REDIS_OK);
    const Reply message(static_cast<redisReply*>(reply));
    ASSERT_EQ(message->elements, 3u);
    ASSERT_EQ(message->element[2]->str, std::to_string(i));
    ASSERT_GE(std::stoi(Ask(reader.get(), {"GET", "key"})->str), i);
  }
  publisher.join();
}

void ExpectTheLinkToEndForMessages(const std::string& limit) {
  ServerProcess primary(WithDebug({"--client-output-buffer-limit", limit}));
  CuttingProxy proxy(primary.port());
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  proxy.Hold(true);
  const std::string message(1'000'000, 'm');
  // The sockets between the two take some.
  for (int i = 0; i < 60 && primary.Info("connected_slaves") == "1"; ++i) Say(primary, {"PUBLISH", "channel", message});
  EXPECT_TRUE(Eventually([&] { return primary.Info("connected_slaves") == "0"; }));
  EXPECT_NE(primary.Log().find("published messages that it has not read exceed client-output-buffer-limit"),
            std::string::npos);
  proxy.Cut();
  proxy.Hold(false);
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("sync_full"), "1") << "it goes on where it was";
}

TEST(Replication, TheLinkEndsWhereMessagesWouldBeLostInTheMiddle) { ExpectTheLinkToEndForMessages("replica 1mb 0 0"); }

TEST(Replication, TheLinkEndsWhereMessagesWaitBeyondTheSoftLimitForTooLong) {
  ExpectTheLinkToEndForMessages("replica 0 1mb 1");
}

}  // namespace
}  // namespace ringkv::test
