// SPDX-License-Identifier: MIT
// Passwords in what others can see of a running server, and through a rewritten configuration.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/loopback.h"
#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

std::string CommandLineOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Secrets, AreNotInTheListOfProcesses) {
  ServerProcess server({"--requirepass", "topsecret", "--masterauth=topsecret", "--maxclients", "77",
                        "--requirepass topsecret", "--set-proc-title", "no"});
  const std::string shown = CommandLineOf(server.pid());
  EXPECT_NE(shown.find("maxclients"), std::string::npos);
  EXPECT_EQ(shown.find("topsecret"), std::string::npos) << shown;
  EXPECT_EQ(server.Ask("AUTH topsecret"), "+OK");
}

TEST(Secrets, DoNotReachMonitorOrTheLog) {
  ServerProcess server({"--loglevel", "debug"});
  const int monitor = server.Connect();
  SendAll(monitor, "MONITOR\r\n");
  ASSERT_EQ(ReceiveExactly(monitor, 5), "+OK\r\n");
  const Context client = ConnectTo(server);
  Ask(client.get(), {"CONFIG", "SET", "requirepass", "topsecret", "masterauth", "topsecret"});
  Ask(client.get(), {"AUTH", "default", "topsecret"});
  Ask(client.get(), {"HELLO", "2", "SETNAME", "auth", "AUTH", "default", "topsecret"});
  Ask(client.get(), {"HELLO", "2", "AUTH", "topsecret"});
  Ask(client.get(), {"GET", "the-last"});
  std::string seen;
  while (seen.find("the-last") == std::string::npos) {
    const std::string more = ReceiveExactly(monitor, 1);
    ASSERT_FALSE(more.empty()) << seen;
    seen += more;
  }
  EXPECT_NE(seen.find("\"AUTH\" \"(redacted)\" \"(redacted)\""), std::string::npos) << seen;
  EXPECT_EQ(seen.find("topsecret"), std::string::npos) << seen;
  EXPECT_EQ(server.Log().find("topsecret"), std::string::npos);
  ::close(monitor);
}

TEST(Secrets, InAPrimarysReplyAreNotLogged) {
  int port = 0;
  const int listener = ListenOnLoopback(port);
  ServerProcess replica({"--replicaof", "127.0.0.1 " + std::to_string(port), "--masterauth", "topsecret"});
  const int link = ::accept(listener, nullptr, nullptr);
  ASSERT_NE(ReceiveExactly(link, 1), "");
  SendAll(link, "-ERR unknown command 'AUTH', with args beginning with: 'topsecret'\r\n");
  EXPECT_TRUE(Eventually([&] { return replica.Log().find("replication from") != std::string::npos; }));
  EXPECT_EQ(replica.Log().find("topsecret"), std::string::npos) << replica.Log();
  ::close(link);
  ::close(listener);
}

TEST(Secrets, SurviveRewriteAndRestartByteByByte) {
  const TempDir dir;
  const std::string path = dir.Write("ringkv.conf", "# mine\n");
  const std::string password("  a\0b\"'\\\n\xff ", 11);
  {
    ServerProcess server({path});
    ASSERT_EQ(Say(server, {"CONFIG", "SET", "requirepass", password}), "OK");
    const Context client = ConnectTo(server);
    ASSERT_STREQ(Ask(client.get(), {"AUTH", password})->str, "OK");
    ASSERT_STREQ(Ask(client.get(), {"CONFIG", "REWRITE"})->str, "OK");
  }
  ServerProcess again({path});
  EXPECT_EQ(Say(again, {"AUTH", password}), "OK");
  EXPECT_EQ(Say(again, {"AUTH", password.substr(0, 3)}),
            "WRONGPASS invalid username-password pair or user is disabled.");
}

}  // namespace
}  // namespace ringkv::test
