// SPDX-License-Identifier: MIT
// WAITAOF: writes on the disk of this server.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

using Words = std::vector<std::string>;

// Both numbers, or the error.
std::string TextOf(const Reply& reply) {
  if (reply == nullptr) return "<no reply>";
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return reply->str == nullptr ? "" : reply->str;
  return std::to_string(reply->element[0]->integer) + " " + std::to_string(reply->element[1]->integer);
}

TEST(WaitForDisks, TheWritesOfTheClientAreDurableThen) {
  for (const std::string policy : {"always", "everysec", "no"}) {
    ServerProcess server({"--appendonly", "yes", "--appendfsync", policy, "--save", ""});
    const Context client = ConnectTo(server);
    for (const std::string value : {"1", "2"}) {
      ASSERT_STREQ(Ask(client.get(), {"SET", "key", value})->str, "OK");
      EXPECT_EQ(TextOf(Ask(client.get(), {"WAITAOF", "1", "0", "0"})), "1 0") << policy;
      EXPECT_EQ(server.Info("log_lsn_durable"), server.Info("log_lsn_appended")) << policy;
    }
  }
}

TEST(WaitForDisks, ReplicasNeverCountSoTheTimeoutEndsTheWait) {
  constexpr auto kTimeout = std::chrono::milliseconds(30);
  ServerProcess server({"--appendonly", "yes", "--appendfsync", "always"});
  const Context client = ConnectTo(server);
  Ask(client.get(), {"SET", "key", "value"});
  for (const std::string local : {"0", "1"}) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(TextOf(Ask(client.get(), {"WAITAOF", local, "1", std::to_string(kTimeout.count())})), "1 0");
    EXPECT_GE(std::chrono::steady_clock::now() - began, kTimeout);
  }
}

TEST(WaitForDisks, ClientUnblockGivesWhatIsThere) {
  ServerProcess server({"--appendonly", "yes", "--appendfsync", "always"});
  const Context client = ConnectTo(server);
  const std::string id = std::to_string(Ask(client.get(), {"CLIENT", "ID"})->integer);
  SendRequest(client.get(), {"WAITAOF", "1", "1", "0"});
  ASSERT_TRUE(Eventually([&] { return Say(server, {"CLIENT", "UNBLOCK", id}) == "1"; }));
  EXPECT_EQ(TextOf(TakeReply(client.get())), "1 0");
}

TEST(WaitForDisks, ALogThatIsSwitchedOffEndsTheWait) {
  ServerProcess server({"--appendonly", "yes"});
  WaitingClient waiting(server, {"WAITAOF", "1", "1", "0"});
  ASSERT_EQ(Say(server, {"CONFIG", "SET", "appendonly", "no"}), "OK");
  EXPECT_EQ(TextOf(waiting.Take()), "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

TEST(WaitForDisks, TransactionsDoNotWaitAndScriptsMayNotAsk) {
  ServerProcess server({"--appendonly", "yes", "--appendfsync", "no"});
  const Context client = ConnectTo(server);
  for (const Words& words : {Words{"MULTI"}, Words{"SET", "key", "value"}, Words{"WAITAOF", "1", "1", "0"}}) {
    Ask(client.get(), words);
  }
  const Reply results = Ask(client.get(), {"EXEC"});
  ASSERT_EQ(results->elements, 2u);
  ASSERT_EQ(results->element[1]->elements, 2u);
  EXPECT_EQ(results->element[1]->element[1]->integer, 0);
  EXPECT_TRUE(TextOf(Ask(client.get(), {"EVAL", "return redis.call('WAITAOF', 1, 1, 0)", "0"}))
                  .starts_with("ERR This Redis command is not allowed from script"));
}

}  // namespace
}  // namespace ringkv::test
