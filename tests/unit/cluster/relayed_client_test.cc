// SPDX-License-Identifier: MIT
#include "cluster/link/relayed_client.h"

#include <gtest/gtest.h>

#include <string>

namespace ringkv::cluster {
namespace {

constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";

// What waits for the node, and for the client, is taken.
std::string TakeForNode(RelayedClient& relayed) {
  std::string bytes(relayed.ToNode());
  relayed.SentToNode(bytes.size());
  return bytes;
}
std::string TakeForClient(RelayedClient& relayed) {
  std::string bytes(relayed.ToClient());
  relayed.SentToClient(bytes.size());
  return bytes;
}

RelayedClient Introduced(std::string requests = std::string(kGet), size_t answered = 0) {
  RelayedClient relayed(
      {.introduction = "I", .introductions = 1, .requests = std::move(requests), .answered = answered});
  EXPECT_EQ(TakeForNode(relayed), "I");
  EXPECT_TRUE(relayed.FromNode("+OK\r\n"));
  return relayed;
}

TEST(RelayedClient, NothingOfTheClientLeavesBeforeTheNodeHasAgreed) {
  RelayedClient relayed({.introduction = "I", .introductions = 2, .requests = std::string(kGet)});
  relayed.FromClient("more");
  EXPECT_EQ(TakeForNode(relayed), "I");
  EXPECT_TRUE(relayed.FromNode("+OK\r\n+O"));
  EXPECT_EQ(TakeForNode(relayed), "");
  EXPECT_FALSE(relayed.has_begun());
  EXPECT_TRUE(relayed.FromNode("K\r\n"));
  EXPECT_TRUE(relayed.has_begun());
  EXPECT_EQ(TakeForNode(relayed), std::string(kGet) + "more");
  EXPECT_EQ(TakeForClient(relayed), "");
}

TEST(RelayedClient, ARefusalEndsIt) {
  RelayedClient relayed({.introduction = "I", .introductions = 2, .requests = std::string(kGet)});
  EXPECT_TRUE(relayed.FromNode("+OK\r\n"));
  const storage::Status refused = relayed.FromNode("-NOPERM no\r\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "NOPERM no");
  EXPECT_FALSE(relayed.has_begun());
}

TEST(RelayedClient, ANodeThatIsNoPrimaryYetIsAskedAgain) {
  RelayedClient relayed({.introduction = "I", .introductions = 2, .requests = std::string(kGet)});
  TakeForNode(relayed);
  EXPECT_TRUE(relayed.FromNode("+OK\r\n-TRYAGAIN not yet\r\n"));
  EXPECT_TRUE(relayed.is_to_ask_again());
  relayed.AskAgain();
  EXPECT_EQ(TakeForNode(relayed), "I");
  EXPECT_TRUE(relayed.FromNode("+OK\r\n+OK\r\n"));
  EXPECT_EQ(TakeForNode(relayed), kGet);
}

TEST(RelayedClient, RepliesThatTheClientHasAreDropped) {
  RelayedClient relayed = Introduced("*1\r\n$5\r\nMULTI\r\n" + std::string(kGet) + "*1\r\n$4\r\nEXEC\r\n", 2);
  TakeForNode(relayed);
  EXPECT_TRUE(relayed.FromNode("+OK\r\n+QUE"));
  EXPECT_TRUE(relayed.FromNode("UED\r\n*1\r\n$1\r\nx"));
  EXPECT_TRUE(relayed.FromNode("\r\n"));
  EXPECT_EQ(TakeForClient(relayed), "*1\r\n$1\r\nx\r\n");
}

TEST(RelayedClient, EndsWhenTheNodeHasReplied) {
  RelayedClient relayed = Introduced();
  relayed.EndRequests();
  EXPECT_FALSE(relayed.TakesFromClient());
  EXPECT_FALSE(relayed.HasSentAll()) << "the node does not have it yet";
  EXPECT_EQ(TakeForNode(relayed), kGet);
  EXPECT_TRUE(relayed.HasSentAll());
  EXPECT_TRUE(relayed.FromNode("$1\r\ny\r\n"));
  relayed.EndReplies("-UNBLOCKED\r\n");
  EXPECT_FALSE(relayed.IsOver()) << "the client does not have it yet";
  EXPECT_EQ(TakeForClient(relayed), "$1\r\ny\r\n");
  EXPECT_TRUE(relayed.IsOver());
}

TEST(RelayedClient, TakesTheRestOfARequestThatHasBegun) {
  RelayedClient relayed = Introduced();
  relayed.FromClient(kGet.substr(0, 9));
  relayed.EndRequests();
  EXPECT_TRUE(relayed.TakesFromClient());
  TakeForNode(relayed);
  EXPECT_FALSE(relayed.HasSentAll());
  for (const char byte : kGet.substr(9)) relayed.FromClient({&byte, 1});
  EXPECT_FALSE(relayed.TakesFromClient());
  EXPECT_EQ(TakeForNode(relayed), kGet.substr(9));
  EXPECT_TRUE(relayed.HasSentAll());
}

TEST(RelayedClient, WhatHasNoReplyWhenTheNodeEndsIsUnblocked) {
  RelayedClient relayed = Introduced("*3\r\n$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n0\r\n");
  TakeForNode(relayed);
  EXPECT_TRUE(relayed.FromNode(">2\r\n+invalidate\r\n_\r\n"));
  TakeForClient(relayed);
  relayed.EndReplies("-UNBLOCKED\r\n");
  EXPECT_EQ(TakeForClient(relayed), "-UNBLOCKED\r\n");
  EXPECT_TRUE(relayed.IsOver());
}

TEST(RelayedClient, WhatALostClientHasAskedIsAskedNevertheless) {
  RelayedClient relayed({.introduction = "I", .introductions = 1, .requests = std::string(kGet)});
  relayed.FromClient(std::string(kGet) + "*2\r\n$3\r\nGE");
  relayed.LoseClient();
  EXPECT_FALSE(relayed.TakesFromClient());
  TakeForNode(relayed);
  EXPECT_TRUE(relayed.FromNode("+OK\r\n"));
  EXPECT_EQ(TakeForNode(relayed), std::string(kGet) + std::string(kGet) + "*2\r\n$3\r\nGE");
  EXPECT_TRUE(relayed.HasSentAll());
  EXPECT_TRUE(relayed.FromNode("$-1\r\n"));
  EXPECT_EQ(relayed.ToClient(), "");
  relayed.EndReplies("-UNBLOCKED\r\n");
  EXPECT_TRUE(relayed.IsOver());
}

TEST(RelayedClient, TakesNoMoreThanTheOtherSideReads) {
  RelayedClient relayed = Introduced();
  const std::string much(300 * 1024, 'x');
  EXPECT_TRUE(relayed.TakesFromClient());
  relayed.FromClient(much);
  EXPECT_FALSE(relayed.TakesFromClient());
  TakeForNode(relayed);
  EXPECT_TRUE(relayed.TakesFromClient());
  EXPECT_TRUE(relayed.FromNode("+" + std::string(300 * 1024, 'x') + "\r\n"));
  EXPECT_FALSE(relayed.TakesFromNode());
  TakeForClient(relayed);
  EXPECT_TRUE(relayed.TakesFromNode());
}

}  // namespace
}  // namespace ringkv::cluster
