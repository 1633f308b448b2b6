// SPDX-License-Identifier: MIT
// MIGRATE inside EXEC and in scripts, which keep their locks until the target has answered.
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/redis_client.h"
#include "tests/support/silent_target.h"

namespace ringkv::test {
namespace {

using Words = std::vector<std::string>;

// Of a target that has closed the connection, at whatever step.
bool IsIoError(const redisReply& reply) { return std::string_view(reply.str).starts_with("IOERR error or timeout "); }

// A client whose last request is not answered at once.
class LateClient {
 public:
  explicit LateClient(const ServerProcess& server) : client_(ConnectTo(server)) {}
  void Send(const Words& words) { SendRequest(client_.get(), words); }
  Reply Take() { return TakeReply(client_.get()); }

 protected:
  const Context client_;
};

// EXEC of these commands.
class Transaction : public LateClient {
 public:
  Transaction(const ServerProcess& server, const std::vector<Words>& commands) : LateClient(server) {
    EXPECT_STREQ(Ask(client_.get(), {"MULTI"})->str, "OK");
    for (const Words& words : commands) EXPECT_STREQ(Ask(client_.get(), words)->str, "QUEUED") << words[0];
  }
  void Send() { LateClient::Send({"EXEC"}); }
  Reply Execute() {
    Send();
    return Take();
  }
};

class MigrateInsideTest : public testing::Test {
 protected:
  static Words Migrate(const std::string& port, const Words& behind_port) {
    Words words{"MIGRATE", "127.0.0.1", port};
    words.insert(words.end(), behind_port.begin(), behind_port.end());
    return words;
  }
  static Words Script(const std::string& text, const std::string& key, const std::string& port) {
    return {"EVAL", text, "1", key, port};
  }

  ServerProcess source_{{"--io-threads", "1"}};
};

TEST_F(MigrateInsideTest, ATransactionSendsWhatItHasWrittenAndSeesThatItIsGone) {
  const ServerProcess target;
  const std::string port = std::to_string(target.port());
  Transaction transaction(source_, {{"SET", "key", "1"},
                                    Migrate(port, {"key", "0", "10000"}),
                                    {"EXISTS", "key"},
                                    Migrate(port, {"key", "0", "10000"}),
                                    {"SET", "key", "2"},
                                    Migrate(port, {"key", "0", "10000", "COPY"}),
                                    Migrate(port, {"key", "0", "10000", "COPY", "REPLACE"}),
                                    {"EXISTS", "key"}});
  const Reply reply = transaction.Execute();
  ASSERT_EQ(reply->elements, 8u);
  EXPECT_STREQ(reply->element[1]->str, "OK");
  EXPECT_EQ(reply->element[2]->integer, 0);
  EXPECT_STREQ(reply->element[3]->str, "NOKEY");
  EXPECT_STREQ(reply->element[5]->str,
               "ERR Target instance replied with error: BUSYKEY Target key name already exists.");
  EXPECT_STREQ(reply->element[6]->str, "OK");
  EXPECT_EQ(reply->element[7]->integer, 1);
  EXPECT_EQ(Say(target, {"GET", "key"}), "2");
}

TEST_F(MigrateInsideTest, MoreThanIsKeptAtATimeIsSent) {
  const ServerProcess target;
  Words words = Migrate(std::to_string(target.port()), {"", "0", "10000", "KEYS"});
  for (int i = 0; i < 100; ++i) {
    words.push_back("key " + std::to_string(i));
    Say(source_, {"SET", words.back(), std::string(50'000, 'v')});
  }
  EXPECT_STREQ(Transaction(source_, {words}).Execute()->element[0]->str, "OK");
  EXPECT_EQ(Say(source_, {"DBSIZE"}), "0");
  EXPECT_EQ(Say(target, {"DBSIZE"}), "100");
}

TEST_F(MigrateInsideTest, OthersAreServedWhileATransactionWaitsForTheTarget) {
  SilentTarget target;
  Say(source_, {"SET", "key", "value"});
  Transaction transaction(source_, {Migrate(target.port(), {"key", "0", "3600000"}), {"GET", "key"}});
  transaction.Send();
  target.AwaitConnection();
  EXPECT_EQ(Say(source_, {"SET", "other", "1"}), "OK");
  target.Close();
  const Reply reply = transaction.Take();
  EXPECT_TRUE(IsIoError(*reply->element[0])) << reply->element[0]->str;
  EXPECT_STREQ(reply->element[1]->str, "value");
  EXPECT_EQ(Say(source_, {"SET", "key", "new"}), "OK");
}

TEST_F(MigrateInsideTest, AScriptSendsAKeyOnceAlthoughItBeganWithoutTheRightToWait) {
  SilentTarget silent;
  const ServerProcess target;
  Say(source_, {"SET", "key", "value"});
  // It has the right to wait, and keeps it.
  Transaction transaction(source_, {Migrate(silent.port(), {"key", "0", "3600000"})});
  transaction.Send();
  silent.AwaitConnection();
  const std::string text =
      "local count = redis.call('INCR', KEYS[1]) "
      "redis.call('MIGRATE', '127.0.0.1', ARGV[1], KEYS[1], '0', '10000') "
      "return {count, redis.call('EXISTS', KEYS[1])}";
  LateClient script(source_);
  script.Send(Script(text, "count", std::to_string(target.port())));
  silent.Close();
  EXPECT_TRUE(IsIoError(*transaction.Take()->element[0]));
  const Reply reply = script.Take();
  ASSERT_EQ(reply->elements, 2u) << reply->str;
  EXPECT_EQ(reply->element[0]->integer, 1);
  EXPECT_EQ(reply->element[1]->integer, 0);
  EXPECT_EQ(Say(target, {"GET", "count"}), "1");
}

TEST_F(MigrateInsideTest, AScriptInATransactionSendsAKey) {
  const ServerProcess target;
  Say(source_, {"SET", "key", "value"});
  const std::string text = "return redis.call('MIGRATE', '127.0.0.1', ARGV[1], KEYS[1], '0', '10000')";
  Transaction transaction(source_, {Script(text, "key", std::to_string(target.port())), {"EXISTS", "key"}});
  const Reply reply = transaction.Execute();
  EXPECT_STREQ(reply->element[0]->str, "OK");
  EXPECT_EQ(reply->element[1]->integer, 0);
  EXPECT_EQ(Say(target, {"GET", "key"}), "value");
}

TEST_F(MigrateInsideTest, AServerEndsWhileATargetIsSilent) {
  SilentTarget silent;
  ServerProcess source({"--appendonly", "no", "--save", "3600 1", "--shutdown-timeout", "0"});
  Say(source, {"SET", "key", "value"});
  Transaction transaction(source, {Migrate(silent.port(), {"key", "0", "3600000"})});
  transaction.Send();
  silent.AwaitConnection();
  source.Signal(SIGTERM);
  EXPECT_EQ(source.WaitForEnd(), 0) << source.Log();
}

}  // namespace
}  // namespace ringkv::test
