// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

TEST(PubSub, SubscribersConnectAndDisconnectDuringPublish) {
  ServerProcess server({"--io-threads", "2"});
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const Context context = ConnectTo(server);
      while (!stopping) Ask(context.get(), {"PUBLISH", "channel", "message"});
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) {
        const int socket = server.Connect();
        SendAll(socket,
                i == 0 ? "SUBSCRIBE channel other\r\nPSUBSCRIBE c*\r\n" : "SSUBSCRIBE shard\r\nSUBSCRIBE channel\r\n");
        ReceiveExactly(socket, 200);
        if (round % 2 == 0) SendAll(socket, "UNSUBSCRIBE channel\r\nRESET\r\n");
        ::close(socket);
      }
    });
  }
  threads[2].join();
  threads[3].join();
  stopping = true;
  threads[0].join();
  threads[1].join();
  EXPECT_TRUE(Eventually([&] { return Say(server, {"PUBLISH", "channel", "x"}) == "0"; })) << "nobody is left";
  EXPECT_EQ(server.Info("pubsub_channels"), "0");
  EXPECT_EQ(server.Info("pubsub_patterns"), "0");
}

std::string SubscriberState(const std::string& what, const std::string& channel, int count) {
  return "3\r\n$" + std::to_string(what.size()) + "\r\n" + what + "\r\n$" + std::to_string(channel.size()) + "\r\n" +
         channel + "\r\n:" + std::to_string(count) + "\r\n";
}

TEST(PubSub, AClientWithoutRepliesReceivesPushes) {
  ServerProcess server({"--notify-keyspace-events", "E$"});
  const auto replies_to = [&server](const std::string& requests) {
    const int socket = server.Connect();
    SendAll(socket, requests);
    std::string replies = ReceiveToEnd(socket);
    ::close(socket);
    return replies;
  };
  const std::string message = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n";
  EXPECT_EQ(
      replies_to("CLIENT REPLY OFF\r\nHELLO 3\r\nSUBSCRIBE c\r\nPUBLISH c m\r\nPING\r\nUNSUBSCRIBE c\r\nQUIT\r\n"),
      ">" + SubscriberState("subscribe", "c", 1) + message + ">" + SubscriberState("unsubscribe", "c", 0));
  EXPECT_EQ(replies_to("CLIENT REPLY OFF\r\nMULTI\r\nHELLO 3\r\nSUBSCRIBE c\r\nPUBLISH c m\r\nEXEC\r\nQUIT\r\n"),
            ">" + SubscriberState("subscribe", "c", 1) + message);
  EXPECT_EQ(replies_to("CLIENT REPLY SKIP\r\nHELLO 3\r\nCLIENT REPLY SKIP\r\nSUBSCRIBE c\r\nCLIENT REPLY SKIP\r\n"
                       "PUBLISH c m\r\nPING\r\nQUIT\r\n"),
            ">" + SubscriberState("subscribe", "c", 1) + message + "+PONG\r\n+OK\r\n");
  EXPECT_EQ(replies_to("CLIENT REPLY OFF\r\nHELLO 3\r\nPSUBSCRIBE *:set\r\nSET k v\r\nQUIT\r\n"),
            ">" + SubscriberState("psubscribe", "*:set", 1) +
                ">4\r\n$8\r\npmessage\r\n$5\r\n*:set\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n");
  EXPECT_EQ(replies_to("CLIENT REPLY OFF\r\nSUBSCRIBE c\r\nQUIT\r\n"), "*" + SubscriberState("subscribe", "c", 1));
}

TEST(PubSub, AThousandSubscribersOfOneChannelReceiveEachMessage) {
  ServerProcess server({"--io-threads", "2"});
  std::vector<int> sockets;
  const std::string subscribed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
  for (int i = 0; i < 1000; ++i) {
    sockets.push_back(server.Connect());
    SendAll(sockets.back(), "SUBSCRIBE c\r\n");
    ASSERT_EQ(ReceiveExactly(sockets.back(), subscribed.size()), subscribed);
  }
  EXPECT_EQ(Say(server, {"PUBLISH", "c", "hello"}), "1000");
  const std::string message = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n";
  for (const int socket : sockets) {
    EXPECT_EQ(ReceiveExactly(socket, message.size()), message);
    ::close(socket);
  }
}

TEST(PubSub, AClientInMonitorDoesNotPublish) {
  constexpr const char* kRefused = "-ERR Replica can't interact with the keyspace\r\n";
  ServerProcess server;
  const int client = server.Connect();
  SendAll(client, "MONITOR\r\nPUBLISH c m\r\nSPUBLISH c m\r\nGET k\r\nSET k v\r\n");
  const std::string expected = "+OK\r\n" + Repeat(kRefused, 4);
  EXPECT_EQ(ReceiveExactly(client, expected.size()), expected);
  // What redis-server asks first.
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "min-replicas-to-write", "3"}), "OK");
  SendAll(client, "SET k v\r\n");
  EXPECT_EQ(ReceiveExactly(client, 11), "-NOREPLICAS");
  ::close(client);
}

}  // namespace
}  // namespace ringkv::test
