// SPDX-License-Identifier: MIT
// MIGRATE between two servers, and towards targets that do not answer.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/redis_client.h"
#include "tests/support/silent_target.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

using Words = std::vector<std::string>;

// Reads requests, each of which comes by itself, and answers them.
void AnswerRequests(int connection, int count) {
  char request[4096];
  for (int i = 0; i<count&& ::recv(connection, request, sizeof request, 0)> 0; ++i) SendAll(connection, "+OK\r\n");
}

void AwaitRequest(int connection) {
  char byte = 0;
  EXPECT_EQ(::recv(connection, &byte, 1, MSG_PEEK), 1);
}

class MigrateTest : public testing::Test {
 protected:
  std::string Migrate(const Words& behind_host, const ServerProcess& target) {
    Words words{"MIGRATE", "127.0.0.1", std::to_string(target.port())};
    words.insert(words.end(), behind_host.begin(), behind_host.end());
    return Say(source_, words);
  }

  // The id of the client whose last command this is.
  std::string IdOfClientIn(const std::string& command) {
    const std::string list = Say(source_, {"CLIENT", "LIST"});
    const size_t line = list.rfind("id=", list.find(" cmd=" + command + " "));
    return list.substr(line + 3, list.find(' ', line) - line - 3);
  }

  ServerProcess source_{{"--io-threads", "1"}};
};

TEST_F(MigrateTest, MovesAKeyWithItsValueAndItsTime) {
  const ServerProcess target;
  Say(source_, {"RPUSH", "list", "a", "b"});
  Say(source_, {"PEXPIRE", "list", "1000000"});
  EXPECT_EQ(Migrate({"list", "3", "1000"}, target), "OK");
  EXPECT_EQ(Say(source_, {"EXISTS", "list"}), "0");
  EXPECT_TRUE(target.Info("db3").starts_with("keys=1,expires=1")) << target.Info("db3");
  EXPECT_EQ(Migrate({"list", "0", "1000"}, target), "NOKEY");
  EXPECT_EQ(source_.Info("migrate_cached_sockets"), "1");
}

TEST_F(MigrateTest, DeletesOnlyWhatTheTargetHasAccepted) {
  const ServerProcess target;
  for (const std::string key : {"a", "b", "c"}) Say(source_, {"SET", key, "here"});
  Say(target, {"SET", "b", "there"});
  EXPECT_EQ(Migrate({"", "0", "1000", "KEYS", "a", "b", "missing", "c"}, target),
            "ERR Target instance replied with error: BUSYKEY Target key name already exists.");
  EXPECT_EQ(Say(source_, {"EXISTS", "a", "c"}), "0");
  EXPECT_EQ(Say(source_, {"GET", "b"}), "here");
  EXPECT_EQ(Migrate({"b", "0", "1000", "COPY", "REPLACE"}, target), "OK");
  EXPECT_EQ(Say(source_, {"GET", "b"}), "here");
  EXPECT_EQ(Say(target, {"GET", "b"}), "here");
}

TEST_F(MigrateTest, NothingIsWrittenToAnotherDatabaseOrWithoutThePassword) {
  const ServerProcess target({"--requirepass", "secret"});
  Say(source_, {"SET", "a", "1"});
  EXPECT_TRUE(Migrate({"a", "0", "1000"}, target).starts_with("ERR Target instance replied with error: NOAUTH"));
  EXPECT_TRUE(Migrate({"a", "0", "1000", "AUTH", "no"}, target)
                  .starts_with("ERR Target instance replied with error: WRONGPASS"));
  EXPECT_EQ(Migrate({"a", "99", "1000", "AUTH", "secret"}, target),
            "ERR Target instance replied with error: ERR DB index is out of range");
  EXPECT_EQ(Say(source_, {"GET", "a"}), "1");
  EXPECT_EQ(Migrate({"a", "0", "1000", "AUTH2", "default", "secret"}, target), "OK");
  EXPECT_EQ(Say(source_, {"EXISTS", "a"}), "0");
  Say(source_, {"SET", "b", "1"});
  EXPECT_TRUE(Migrate({"b", "0", "1000"}, target).starts_with("ERR Target instance replied with error: NOAUTH"))
      << "an authenticated connection is only for those who know the password";
}

TEST_F(MigrateTest, OthersAreServedWhileTheTargetIsSilentAndWritesToTheKeyWait) {
  SilentTarget target;
  Say(source_, {"SET", "key", "value"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "3600000"});
  target.AwaitConnection();
  EXPECT_EQ(Say(source_, {"GET", "key"}), "value");
  EXPECT_EQ(Say(source_, {"SET", "other", "1"}), "OK");
  WaitingClient write(source_, {"APPEND", "key", "!"});
  WaitingClient flush(source_, {"FLUSHALL"});
  WaitingClient again(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "100"});
  EXPECT_EQ(Say(source_, {"GET", "key"}), "value");
  const int connection = target.Accept();
  AwaitRequest(connection);
  ::close(connection);
  target.Close();
  EXPECT_STREQ(migrate.Take()->str, "IOERR error or timeout reading to target instance");
  EXPECT_EQ(write.Take()->type, REDIS_REPLY_INTEGER);
  EXPECT_STREQ(flush.Take()->str, "OK");
  const Reply second = again.Take();
  EXPECT_TRUE(std::string(second->str) == "NOKEY" || second->type == REDIS_REPLY_ERROR) << second->str;
  EXPECT_EQ(Say(source_, {"SET", "key", "new"}), "OK");
}

TEST_F(MigrateTest, ATransactionThatWritesToTheKeyWaits) {
  SilentTarget target;
  Say(source_, {"SET", "key", "value"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "3600000"});
  target.AwaitConnection();
  const Context client = ConnectTo(source_);
  for (const Words& words : {Words{"MULTI"}, Words{"GET", "key"}, Words{"SET", "key", "new"}}) {
    ASSERT_NE(Ask(client.get(), words)->type, REDIS_REPLY_ERROR);
  }
  SendRequest(client.get(), {"EXEC"});
  ASSERT_TRUE(Eventually([&] { return source_.Info("blocked_clients") == "2"; }));
  EXPECT_EQ(Say(source_, {"GET", "key"}), "value");
  target.Close();
  EXPECT_STREQ(TakeReply(client.get())->element[0]->str, "value");
  EXPECT_EQ(migrate.Take()->type, REDIS_REPLY_ERROR);
}

TEST_F(MigrateTest, ABlockedClientThatWouldWriteToTheKeyIsServedAfterwards) {
  SilentTarget target;
  Say(source_, {"RPUSH", "destination", "x"});
  WaitingClient blocked(source_, {"BLMOVE", "source", "destination", "LEFT", "RIGHT", "0"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "destination", "0", "3600000"});
  target.AwaitConnection();
  EXPECT_EQ(Say(source_, {"RPUSH", "source", "y"}), "1");
  EXPECT_EQ(Say(source_, {"LLEN", "destination"}), "1");
  target.Close();
  EXPECT_EQ(migrate.Take()->type, REDIS_REPLY_ERROR);
  EXPECT_STREQ(blocked.Take()->str, "y");
  EXPECT_EQ(Say(source_, {"LLEN", "destination"}), "2");
}

TEST_F(MigrateTest, ABlockedClientIsNotServedInAPauseOfWrites) {
  for (const std::string pause_ms : {"3600000", "300"}) {
    SilentTarget target;
    Say(source_, {"DEL", "source", "destination"});
    Say(source_, {"RPUSH", "destination", "x"});
    WaitingClient blocked(source_, {"BLMOVE", "source", "destination", "LEFT", "RIGHT", "0"});
    WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "destination", "0", "3600000"});
    target.AwaitConnection();
    EXPECT_EQ(Say(source_, {"RPUSH", "source", "y"}), "1");
    EXPECT_EQ(Say(source_, {"CLIENT", "PAUSE", pause_ms, "WRITE"}), "OK");
    target.Close();
    EXPECT_EQ(migrate.Take()->type, REDIS_REPLY_ERROR);
    if (pause_ms != "300") {  // the other one ends by itself
      EXPECT_EQ(Say(source_, {"LLEN", "destination"}), "1");
      Say(source_, {"CLIENT", "UNPAUSE"});
    }
    EXPECT_STREQ(blocked.Take()->str, "y");
  }
}

TEST_F(MigrateTest, ARequestThatWaitsForItsTurnFencesNothingAndTimesOut) {
  SilentTarget target;
  std::vector<std::unique_ptr<WaitingClient>> running;
  for (int i = 0; i < 8; ++i) {
    const std::string key = "key " + std::to_string(i);
    Say(source_, {"SET", key, "value"});
    running.push_back(
        std::make_unique<WaitingClient>(source_, Words{"MIGRATE", "127.0.0.1", target.port(), key, "0", "3600000"}));
  }
  Say(source_, {"SET", "key", "value"});
  WaitingClient waits(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "500"});
  EXPECT_EQ(Say(source_, {"SET", "key", "new"}), "OK");
  EXPECT_STREQ(waits.Take()->str, "IOERR error or timeout connecting to the client");
  EXPECT_EQ(Say(source_, {"GET", "key"}), "new");
}

TEST_F(MigrateTest, TargetsThatHangDoNotStopOthers) {
  SilentTarget silent;
  const ServerProcess target;
  std::vector<std::unique_ptr<WaitingClient>> hang;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key " + std::to_string(i);
    Say(source_, {"SET", key, "value"});
    hang.push_back(
        std::make_unique<WaitingClient>(source_, Words{"MIGRATE", "127.0.0.1", silent.port(), key, "0", "3600000"}));
  }
  Say(source_, {"SET", "key", "value"});
  EXPECT_EQ(Migrate({"key", "0", "10000"}, target), "OK");
  EXPECT_EQ(Say(target, {"GET", "key"}), "value");
}

TEST_F(MigrateTest, ClientKillEndsARequestWhoseTargetHangs) {
  SilentTarget silent;
  Say(source_, {"SET", "key", "value"});
  WaitingClient hangs(source_, {"MIGRATE", "127.0.0.1", silent.port(), "key", "0", "3600000"});
  silent.AwaitConnection();
  WaitingClient write(source_, {"APPEND", "key", "!"});
  EXPECT_EQ(Say(source_, {"CLIENT", "KILL", "TYPE", "normal", "ID", IdOfClientIn("migrate")}), "1");
  EXPECT_EQ(write.Take()->integer, 6) << "the key is not fenced any more";
}

TEST_F(MigrateTest, AConnectionThatTheTargetHasForgottenIsReplaced) {
  SilentTarget target;
  std::thread answers([&] {
    const int first = target.Accept();
    AnswerRequests(first, 2);  // SELECT, RESTORE
    char byte = 0;
    EXPECT_EQ(::recv(first, &byte, 1, MSG_PEEK), 1);
    ::close(first);  // with the request unread, as a host that has restarted resets the connection
    const int second = target.Accept();
    AnswerRequests(second, 2);
    ::close(second);
  });
  for (const std::string key : {"a", "b"}) {
    Say(source_, {"SET", key, "value"});
    EXPECT_EQ(Say(source_, {"MIGRATE", "127.0.0.1", target.port(), key, "0", "10000"}), "OK");
    EXPECT_EQ(Say(source_, {"EXISTS", key}), "0");
  }
  target.Shutdown();
  answers.join();
}

TEST_F(MigrateTest, APortOrATimeoutOutOfRangeIsNotTakenForAnother) {
  const ServerProcess target;
  Say(source_, {"SET", "key", "value"});
  const std::string port = std::to_string(target.port() + (int64_t{1} << 32));
  EXPECT_EQ(Say(source_, {"MIGRATE", "127.0.0.1", port, "key", "0", "1000"}),
            "IOERR error or timeout connecting to the client");
  EXPECT_EQ(Migrate({"key", "0", "9223372036854775807"}, target), "OK");
  EXPECT_EQ(Say(target, {"GET", "key"}), "value");
}

TEST_F(MigrateTest, KeysStayWhenThisServerHasBecomeAReplica) {
  SilentTarget target;
  const ServerProcess primary;
  Say(source_, {"SET", "key", "value"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "3600000"});
  const int connection = target.Accept();
  AnswerRequests(connection, 1);  // SELECT
  AwaitRequest(connection);
  ASSERT_EQ(Say(source_, {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())}), "OK");
  AnswerRequests(connection, 1);  // RESTORE
  EXPECT_TRUE(std::string(migrate.Take()->str).starts_with("READONLY "));
  ::close(connection);
}

TEST_F(MigrateTest, AValueThatCameFromAnotherPrimaryMeanwhileStays) {
  SilentTarget target;
  const ServerProcess primary;
  Say(source_, {"SET", "key", "old"});
  Say(primary, {"SET", "key", "new"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "3600000"});
  const int connection = target.Accept();
  AnswerRequests(connection, 1);  // SELECT
  AwaitRequest(connection);
  ASSERT_EQ(Say(source_, {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())}), "OK");
  ASSERT_TRUE(Eventually([&] { return Say(source_, {"GET", "key"}) == "new"; }));
  ASSERT_EQ(Say(source_, {"REPLICAOF", "NO", "ONE"}), "OK");
  AnswerRequests(connection, 1);  // RESTORE
  const std::string reply = migrate.Take()->str;
  EXPECT_TRUE(reply.starts_with("ERR This node was a replica meanwhile")) << reply;
  EXPECT_EQ(Say(source_, {"GET", "key"}), "new");
  ::close(connection);
}

TEST_F(MigrateTest, AServerEndsWhileATargetIsSilent) {
  SilentTarget target;
  Say(source_, {"SET", "key", "value"});
  WaitingClient migrate(source_, {"MIGRATE", "127.0.0.1", target.port(), "key", "0", "3600000"});
  target.AwaitConnection();
  source_.Signal(SIGTERM);
  EXPECT_EQ(source_.WaitForEnd(), 0);
}

}  // namespace
}  // namespace ringkv::test
