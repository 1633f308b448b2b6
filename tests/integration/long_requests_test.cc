// SPDX-License-Identifier: MIT
// Requests that take long for their arguments, or for a command within them: scripts, transactions, HTTP.
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/long_commands_fixture.h"

namespace ringkv::test {
namespace {

using LongRequests = LongCommands;

// --- within others --------------------------------------------------------------------------------------------------

TEST_F(LongRequests, OneInExecIsNoDifferentFromOthers) {
  const Context other = ConnectTo(server_);
  Ask(client_.get(), {"CONFIG", "RESETSTAT"});
  Ask(client_.get(), {"CONFIG", "SET", "notify-keyspace-events", "KEA"});
  Ask(other.get(), {"SUBSCRIBE", "__keyspace@0__:target"});
  Queue({{"SET", "first", "1"},
         {"SUNIONSTORE", "target", "set", "set"},
         {"SMEMBERS", "target"},
         {"INCR", "first"},
         {"SRANDMEMBER", "target", "-100000"}});
  const Reply replies = Ask(client_.get(), {"EXEC"});
  ASSERT_EQ(replies->elements, 5u);
  EXPECT_STREQ(replies->element[0]->str, "OK");
  EXPECT_EQ(replies->element[1]->integer, kMembers);
  EXPECT_EQ(replies->element[2]->elements, size_t{kMembers});
  EXPECT_EQ(replies->element[3]->integer, 2);
  EXPECT_EQ(replies->element[4]->elements, 100'000u);
  EXPECT_STREQ(TakeReply(other.get())->element[2]->str, "sunionstore");
  EXPECT_EQ(server_.Info("cmdstat_exec").substr(0, 8), "calls=1,");
  EXPECT_EQ(server_.Info("cmdstat_sunionstore").substr(0, 8), "calls=1,");
  EXPECT_EQ(server_.Info("cmdstat_smembers").substr(0, 8), "calls=1,");
  EXPECT_EQ(server_.Info("keyspace_hits"), "4");  // twice the set, and the target by two commands
  EXPECT_EQ(server_.Info("keyspace_misses"), "0");
}

TEST_F(LongRequests, MonitorsSeeExecBehindItsCommands) {
  const Context monitor = ConnectTo(server_);
  Ask(monitor.get(), {"MONITOR"});
  Queue({{"SCARD", "set"}, {"SUNIONSTORE", "target", "set", "set"}, {"SCARD", "target"}});
  Ask(client_.get(), {"Exec"});
  for (const std::string name : {"MULTI", "SCARD", "SUNIONSTORE", "SCARD", "Exec"}) {
    const Reply line = TakeReply(monitor.get());
    ASSERT_NE(line, nullptr);
    EXPECT_NE(std::string(line->str).find('"' + name + '"'), std::string::npos) << line->str;
  }
}

TEST_F(LongRequests, OthersAreServedBesideOneInExec) {
  EXPECT_TRUE(Eventually([&] {
    Queue({{"SUNIONSTORE", "target", "set", "set"}});
    return RepliesBeside({"EXEC"}) > 2;
  }));
  // Also if it is long by all of them together.
  EXPECT_TRUE(Eventually([&] {
    Queue(std::vector<Words>(20, {"SPOP", "set", "1000"}));
    const int replies = RepliesBeside({"EXEC"});
    Fill(client_.get(), "set", 0, kMembers);
    return replies > 2;
  }));
}

TEST_F(LongRequests, ALongCommandOfAScriptIsOne) {
  const Words store{"EVAL", "return redis.call('SUNIONSTORE', KEYS[1], KEYS[2], KEYS[2])", "2", "target", "set"};
  Ask(client_.get(), {"CONFIG", "RESETSTAT"});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), store)), kMembers);
  EXPECT_EQ(server_.Info("cmdstat_sunionstore").substr(0, 8), "calls=1,");
  EXPECT_EQ(server_.Info("keyspace_hits"), "2");
  EXPECT_TRUE(HasThreadForLongWork(server_));
  EXPECT_TRUE(OthersAreServedBeside(store));
  EXPECT_TRUE(Eventually([&] {
    Queue({store, {"SCARD", "target"}});
    return RepliesBeside({"EXEC"}) > 2;
  }));
  Queue({store, {"SCARD", "target"}});
  const Reply replies = Ask(client_.get(), {"EXEC"});
  EXPECT_EQ(replies->element[0]->integer, kMembers);
  EXPECT_EQ(replies->element[1]->integer, kMembers);
}

// --- arguments ------------------------------------------------------------------------------------------------------

TEST(LongArguments, GoOnElsewhereWhereverTheyAreWritten) {
  const std::string large(4 << 20, 'x');
  const Words commands[] = {{"SET", "key", large},
                            {"SETEX", "key", "1000", large},
                            {"GETSET", "key", large},
                            {"MSET", "key", large, "other", "x"},
                            {"APPEND", "key", large},
                            {"SETRANGE", "key", "0", large},
                            {"HSET", "key", "field", large},
                            {"RPUSH", "key", large},
                            {"SADD", "key", large},
                            {"ZADD", "key", "1", large},
                            {"XADD", "key", "*", "field", large}};
  for (const Words& command : commands) {
    const ServerProcess server({"--io-threads", "1"});
    const Context client = ConnectTo(server);
    Ask(client.get(), {"SET", "small", "value"});
    ASSERT_FALSE(HasThreadForLongWork(server)) << command[0];
    const Reply reply = Ask(client.get(), command);
    ASSERT_NE(reply, nullptr) << command[0];
    EXPECT_NE(reply->type, REDIS_REPLY_ERROR) << command[0];
    EXPECT_TRUE(HasThreadForLongWork(server)) << command[0];
    EXPECT_EQ(IntegerOf(Ask(client.get(), {"EXISTS", "key"})), 1) << command[0];
  }
}

TEST(LongArguments, AreRepeatedElsewhere) {
  const std::string large(4 << 20, 'x');
  for (const std::string name : {"ECHO", "PING"}) {
    const ServerProcess server({"--io-threads", "1"});
    const Context client = ConnectTo(server);
    EXPECT_STREQ(Ask(client.get(), {name, "short"})->str, "short");
    EXPECT_FALSE(HasThreadForLongWork(server)) << name;
    const Reply reply = Ask(client.get(), {name, large});
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(std::string(reply->str, reply->len), large);
    EXPECT_TRUE(HasThreadForLongWork(server)) << name;
    Ask(client.get(), {"SUBSCRIBE", "channel"});
    SendRequest(client.get(), {"PING", large});
    const Reply pong = TakeReply(client.get());
    ASSERT_EQ(pong->elements, 2u);
    EXPECT_EQ(pong->element[1]->len, large.size());
  }
}

TEST(LongArguments, OfScriptsAreTakenOverElsewhere) {
  const ServerProcess server({"--io-threads", "1"});
  const Context client = ConnectTo(server);
  const std::string large(8 << 20, 'x');
  Ask(client.get(), {"CONFIG", "SET", "slowlog-log-slower-than", "0"});
  EXPECT_EQ(IntegerOf(Ask(client.get(), {"EVAL", "return #ARGV[1] + #KEYS[1]", "1", "key", large})), (8 << 20) + 3);
  EXPECT_NE(Ask(client.get(), {"SLOWLOG", "GET", "1"})->element[0]->element[3]->element[4]->len, large.size());
  const std::string text = "return KEYS[1] .. ARGV[1] --" + large;
  const Reply sha1 = Ask(client.get(), {"SCRIPT", "LOAD", text});
  ASSERT_EQ(sha1->len, 40u);
  EXPECT_STREQ(Ask(client.get(), {"EVAL", text, "1", "a", "b"})->str, "ab");
  EXPECT_STREQ(Ask(client.get(), {"EVALSHA", sha1->str, "1", "a", "b"})->str, "ab");
  EXPECT_EQ(server.Info("number_of_cached_scripts"), "2");
  EXPECT_EQ(IntegerOf(Ask(client.get(), {"EVAL", "return 1 --other" + large, "0"})), 1);
  EXPECT_EQ(server.Info("number_of_cached_scripts"), "3");
  EXPECT_EQ(Ask(client.get(), {"EVAL", "return ) --" + large, "0"})->type, REDIS_REPLY_ERROR);
  EXPECT_EQ(Ask(client.get(), {"SCRIPT", "LOAD", "return ) --" + large})->type, REDIS_REPLY_ERROR);
  EXPECT_EQ(Ask(client.get(), {"EVAL", "#!python\nreturn 1 --" + large, "0"})->type, REDIS_REPLY_ERROR);
  const std::string writes = "#!lua flags=no-writes\nreturn redis.call('SET', 'a', 'b') --" + large;
  EXPECT_EQ(Ask(client.get(), {"EVAL", writes, "0"})->type, REDIS_REPLY_ERROR);
  EXPECT_EQ(server.Info("number_of_cached_scripts"), "4");
}

TEST(LongArguments, OfPublishReachSubscribers) {
  const ServerProcess server({"--io-threads", "1"});
  const Context client = ConnectTo(server);
  const Context subscriber = ConnectTo(server);
  Ask(subscriber.get(), {"PSUBSCRIBE", "chan*"});
  const std::string large(4 << 20, 'x');
  EXPECT_EQ(IntegerOf(Ask(client.get(), {"PUBLISH", "channel", "short"})), 1);
  EXPECT_FALSE(HasThreadForLongWork(server));
  EXPECT_EQ(IntegerOf(Ask(client.get(), {"PUBLISH", "channel", large})), 1);
  EXPECT_EQ(IntegerOf(Ask(client.get(), {"SPUBLISH", "channel", large})), 0);
  EXPECT_TRUE(HasThreadForLongWork(server));
  EXPECT_STREQ(TakeReply(subscriber.get())->element[3]->str, "short");
  EXPECT_EQ(TakeReply(subscriber.get())->element[3]->len, large.size());
}

// --- over HTTP ------------------------------------------------------------------------------------------------------

TEST(LongOverHttp, ValuesGoOnElsewhereAndOthersAreServed) {
  const std::string large(30'000'000, 'x');
  const int port = FreePorts(1)[0];
  const ServerProcess server({"--io-threads", "1", "--http-port", std::to_string(port)});
  const Context other = ConnectTo(server);
  HttpClient client(port);
  EXPECT_EQ(client.Ask("PUT", "/keys/short", "x").status, 204);
  EXPECT_FALSE(HasThreadForLongWork(server));
  EXPECT_EQ(client.Ask("PUT", "/keys/long", large).status, 204);
  EXPECT_TRUE(HasThreadForLongWork(server));
  EXPECT_EQ(client.Ask("GET", "/keys/long").body, large);
  EXPECT_EQ(client.Ask("HEAD", "/keys/long").status, 200);
  EXPECT_EQ(IntegerOf(Ask(other.get(), {"STRLEN", "long"})), 30'000'000);
  EXPECT_EQ(client.Ask("POST", "/mset", R"({"a":")" + std::string(3'000'000, 'y') + R"(","b":"2"})", kJson).status,
            200);
  EXPECT_EQ(IntegerOf(Ask(other.get(), {"STRLEN", "a"})), 3'000'000);
  Ask(other.get(), {"SADD", "set", "member"});
  EXPECT_EQ(client.Ask("GET", "/keys/set").status, 409);
  {
    HttpClient leaving(port);
    leaving.SendRequest("PUT", "/keys/left", large);
  }
  EXPECT_TRUE(Eventually([&] { return IntegerOf(Ask(other.get(), {"STRLEN", "left"})) == 30'000'000; }));
}

}  // namespace
}  // namespace ringkv::test
