// SPDX-License-Identifier: MIT
// SHUTDOWN and signals while a replica lags.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/redis_client.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

constexpr char kFailed[] = "ERR Errors trying to SHUTDOWN. Check logs.";

// A primary with one I/O thread, and a stopped replica that lacks a write.
class ShutdownWithALaggingReplica : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return primary_.Info("slave0").find("state=online") != std::string::npos; }));
    replica_.Signal(SIGSTOP);
    ASSERT_EQ(::waitpid(replica_.pid(), nullptr, WUNTRACED), replica_.pid());
    ASSERT_EQ(Say(primary_, {"SET", "key", "value"}), "OK");
  }
  void TearDown() override { replica_.Signal(SIGCONT); }

  bool IsShuttingDown() const { return !primary_.Info("shutdown_in_milliseconds").empty(); }

  ServerProcess primary_{{"--io-threads", "1", "--shutdown-timeout", "3600"}};
  ServerProcess replica_{{"--replicaof", "127.0.0.1 " + std::to_string(primary_.port())}};
};

TEST_F(ShutdownWithALaggingReplica, OtherClientsReadOnAndAbortEndsIt) {
  WaitingClient shutdown(primary_, {"SHUTDOWN", "NOSAVE"});
  ASSERT_TRUE(Eventually([&] { return IsShuttingDown(); }));
  EXPECT_EQ(Say(primary_, {"GET", "key"}), "value");
  const std::string clients = Say(primary_, {"CLIENT", "LIST"});
  const size_t line = clients.rfind("id=", clients.find("cmd=shutdown"));
  ASSERT_NE(line, std::string::npos) << clients;
  const std::string id = clients.substr(line + 3, clients.find(' ', line) - line - 3);
  EXPECT_EQ(Say(primary_, {"CLIENT", "UNBLOCK", id}), "0");
  WaitingClient write(primary_, {"SET", "key", "later"});
  WaitingClient second(primary_, {"SHUTDOWN", "NOW"});
  EXPECT_EQ(Say(primary_, {"SHUTDOWN", "ABORT"}), "OK");
  EXPECT_STREQ(shutdown.Take()->str, kFailed);
  EXPECT_STREQ(second.Take()->str, kFailed);
  EXPECT_STREQ(write.Take()->str, "OK");
  EXPECT_FALSE(IsShuttingDown());
  EXPECT_EQ(Say(primary_, {"SHUTDOWN", "ABORT"}), "ERR No shutdown in progress.");
}

TEST_F(ShutdownWithALaggingReplica, ItEndsAtOnceWithNow) {
  EXPECT_EQ(primary_.Ask("SHUTDOWN NOSAVE NOW"), "");
  EXPECT_EQ(primary_.WaitForEnd(), 0);
  EXPECT_NE(primary_.Log().find("1 replicas have not received all writes"), std::string::npos);
  EXPECT_EQ(primary_.Log().find("shutdown-timeout"), std::string::npos) << "it is not the reason";
}

TEST_F(ShutdownWithALaggingReplica, ItEndsWhenTheReplicaHasTheWrite) {
  WaitingClient shutdown(primary_, {"SHUTDOWN", "NOSAVE"});
  ASSERT_TRUE(Eventually([&] { return IsShuttingDown(); }));
  replica_.Signal(SIGCONT);
  EXPECT_EQ(primary_.WaitForEnd(), 0);
  EXPECT_TRUE(shutdown.IsClosed());
  EXPECT_TRUE(Eventually([&] { return Say(replica_, {"GET", "key"}) == "value"; }));
}

TEST_F(ShutdownWithALaggingReplica, ASignalWaitsTooAndASecondSigtermChangesNothing) {
  primary_.Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return IsShuttingDown(); }));
  primary_.Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] {
    const std::string log = primary_.Log();
    const std::string received = "received SIGTERM";
    return log.find(received, log.find(received) + 1) != std::string::npos;
  }));
  EXPECT_EQ(Say(primary_, {"GET", "key"}), "value");
  EXPECT_EQ(Say(primary_, {"SHUTDOWN", "ABORT"}), "OK");
  ASSERT_TRUE(Eventually([&] { return !IsShuttingDown(); }));
  EXPECT_EQ(Say(primary_, {"SET", "key", "later"}), "OK");
}

TEST_F(ShutdownWithALaggingReplica, ASecondSigintEndsItAtOnce) {
  WaitingClient shutdown(primary_, {"SHUTDOWN", "NOSAVE"});
  primary_.Signal(SIGINT);
  ASSERT_TRUE(Eventually([&] { return primary_.Log().find("received SIGINT") != std::string::npos; }));
  EXPECT_EQ(Say(primary_, {"GET", "key"}), "value");
  primary_.Signal(SIGINT);
  EXPECT_EQ(primary_.WaitForEnd(), 1);
}

TEST(Draining, AnAbortEndsIt) {
  const ServerProcess server({"--shutdown-drain", "3600"});
  server.Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return server.Info("draining") == "1"; }));
  EXPECT_EQ(Say(server, {"SHUTDOWN", "ABORT"}), "OK");
  EXPECT_TRUE(Eventually([&] { return server.Info("draining") == "0"; }));
  EXPECT_EQ(Say(server, {"SET", "key", "value"}), "OK");
}

}  // namespace
}  // namespace ringkv::test
