// SPDX-License-Identifier: MIT
// What a user sees of key indexes: nothing to configure, and INFO that tells.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

void Fill(const ServerProcess& server, int keys) {
  std::string requests;
  for (int i = 0; i < keys; ++i) requests += "SET user:" + std::to_string(i % 100) + ":" + std::to_string(i) + " v\r\n";
  const int socket = server.Connect();
  SendAll(socket, requests + "QUIT\r\n");
  ReceiveToEnd(socket);
  ::close(socket);
}

bool Starts(const std::string& text, const std::string& beginning) { return text.rfind(beginning, 0) == 0; }

TEST(KeyIndex, IsBuiltByTheFirstSearchThatGainsAndDroppedByTheOption) {
  const ServerProcess server;
  Fill(server, 5000);
  EXPECT_TRUE(Starts(server.Info("prefix_index"), "state=off,keys=0,")) << server.Info("prefix_index");
  EXPECT_EQ(server.Ask("SCAN 0 MATCH user:42:* COUNT 10"), "*2");
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("prefix_index"), "state=ready,keys=5000,"); }))
      << server.Info("prefix_index");
  EXPECT_TRUE(Starts(server.Info("suffix_index"), "state=off,keys=0,"));
  EXPECT_EQ(server.Ask("KEYS user:42:*"), "*50");
  EXPECT_NE(server.Info("prefix_index").find("searches=1"), std::string::npos) << server.Info("prefix_index");
  EXPECT_EQ(server.Ask("CONFIG SET key-index always"), "+OK");
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("suffix_index"), "state=ready,keys=5000,"); }));
  EXPECT_EQ(server.Ask("KEYS *:4242"), "*1");
  EXPECT_EQ(server.Ask("CONFIG SET key-index off"), "+OK");
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("prefix_index"), "state=off,keys=0,bytes=0,"); }));
  EXPECT_EQ(server.Ask("KEYS user:42:*"), "*50");
}

TEST(KeyIndex, IsDroppedWhenUnused) {
  const ServerProcess server({"--key-index-idle", "1"});
  Fill(server, 5000);
  server.Ask("KEYS *:4242");
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("suffix_index"), "state=ready,keys=5000,"); }));
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("suffix_index"), "state=off,keys=0,bytes=0,"); }));
}

TEST(KeyIndex, CountsAsMemoryInUse) {
  const ServerProcess server;
  Fill(server, 100'000);
  const long before = std::stol(server.Info("used_memory"));
  server.Ask("CONFIG SET key-index always");
  EXPECT_TRUE(Eventually([&] { return Starts(server.Info("suffix_index"), "state=ready,keys=100000,"); }));
  EXPECT_GT(std::stol(server.Info("used_memory")) - before, 2'000'000);
}

}  // namespace
}  // namespace ringkv::test
