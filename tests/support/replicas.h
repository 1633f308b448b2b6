// SPDX-License-Identifier: MIT
// Servers that follow each other.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

inline std::vector<std::string> WithDebug(std::vector<std::string> options) {
  options.insert(options.end(), {"--enable-debug-command", "yes"});
  return options;
}

inline std::vector<std::string> ReplicaOf(int port, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--replicaof", "127.0.0.1 " + std::to_string(port)});
  return WithDebug(std::move(more));
}

inline std::string RoleOf(const ServerProcess& server) { return server.Info("role"); }

inline bool IsUp(const ServerProcess& replica) { return replica.Info("master_link_status") == "up"; }

// The replica has everything that the primary has now.
inline bool HasCaughtUp(const ServerProcess& replica, const ServerProcess& primary) {
  return IsUp(replica) && replica.Info("slave_repl_offset") == primary.Info("master_repl_offset");
}

// The replica has everything that the primary had before, which may go on writing.
inline bool HasReached(const ServerProcess& replica, const ServerProcess& primary) {
  const auto offset = [](const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); };
  const uint64_t written = offset(primary.Info("master_repl_offset"));
  return IsUp(replica) && offset(replica.Info("slave_repl_offset")) >= written;
}

inline void ExpectEqual(const ServerProcess& replica, const ServerProcess& primary) {
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  // Keys that expire in between are no difference.
  EXPECT_TRUE(Eventually([&] { return replica.Ask("DEBUG DIGEST") == primary.Ask("DEBUG DIGEST"); }));
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"DBSIZE"}) == Say(primary, {"DBSIZE"}); }));
}

inline void Fill(const ServerProcess& server, int keys, int database = 0) {
  const Context context = ConnectTo(server);
  ASSERT_STREQ(Ask(context.get(), {"SELECT", std::to_string(database)})->str, "OK");
  for (int i = 0; i < keys; ++i) ::redisAppendCommand(context.get(), "SET filled:%d %0100d", i, i);
  for (int i = 0; i < keys; ++i) {
    void* reply = nullptr;
    ASSERT_EQ(::redisGetReply(context.get(), &reply), REDIS_OK);
    ::freeReplyObject(reply);
  }
}

}  // namespace ringkv::test
