// SPDX-License-Identifier: MIT
// Commands that take long: other clients are served meanwhile, and everything else about them is as about short ones.
#include <csignal>
#include <string>

#include "tests/support/long_commands_fixture.h"

namespace ringkv::test {
namespace {

TEST_F(LongCommands, OtherClientsOfTheThreadAreServed) {
  EXPECT_TRUE(OthersAreServedBeside({"SUNIONSTORE", "target", "set", "set"}));
  EXPECT_TRUE(OthersAreServedBeside({"ZUNIONSTORE", "sorted", "2", "set", "set"}));
  EXPECT_TRUE(OthersAreServedBeside({"SORT", "set", "ALPHA"}));
  EXPECT_TRUE(OthersAreServedBeside({"SRANDMEMBER", "set", "-300000"}));
}

TEST_F(LongCommands, LateRepliesAreWholeAndInOrder) {
  SendRequest(client_.get(), {"SMEMBERS", "set"});
  SendRequest(client_.get(), {"SUNIONSTORE", "target", "set"});
  SendRequest(client_.get(), {"SCARD", "target"});
  SendRequest(client_.get(), {"ECHO", "last"});
  const Reply members = TakeReply(client_.get());
  ASSERT_NE(members, nullptr);
  EXPECT_EQ(members->elements, size_t{kMembers});
  EXPECT_EQ(IntegerOf(TakeReply(client_.get())), kMembers);
  EXPECT_EQ(IntegerOf(TakeReply(client_.get())), kMembers);
  EXPECT_STREQ(TakeReply(client_.get())->str, "last");
}

TEST_F(LongCommands, ATransactionThatTurnsRepliesOffHasThoseBeforeThat) {
  constexpr int kCommands = 50'000;
  const int socket = server_.Connect();
  SendAll(socket, "MULTI\r\n" + Repeat("INCR n\r\n", kCommands) +
                      "CLIENT REPLY OFF\r\nINCR n\r\nEXEC\r\nINCR n\r\nCLIENT REPLY ON\r\nGET n\r\n");
  std::string expected =
      "+OK\r\n" + Repeat("+QUEUED\r\n", kCommands + 2) + "*" + std::to_string(kCommands + 2) + "\r\n";
  for (int i = 1; i <= kCommands; ++i) expected += ":" + std::to_string(i) + "\r\n";
  expected += "+OK\r\n$5\r\n" + std::to_string(kCommands + 2) + "\r\n";
  EXPECT_TRUE(ReceiveExactly(socket, expected.size()) == expected);
  ::close(socket);
}

TEST_F(LongCommands, ManyRepliesAreAsLongAsTheirCommandsSay) {
  Ask(client_.get(), {"SETRANGE", "zeros", "30000000", "1"});
  Ask(client_.get(), {"SUNIONSTORE", "copy", "set"});
  EXPECT_EQ(Ask(client_.get(), {"SDIFF", "set", "copy"})->elements, 0u);
  EXPECT_EQ(Ask(client_.get(), {"SINTER", "set", "copy"})->elements, size_t{kMembers});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"ZUNIONSTORE", "sorted", "2", "set", "copy"})), kMembers);
  EXPECT_EQ(Ask(client_.get(), {"ZRANGE", "sorted", "0", "-1", "WITHSCORES"})->elements, 2 * size_t{kMembers});
  // Their scores are those of a place near the south pole.
  EXPECT_EQ(Ask(client_.get(), {"GEORADIUS", "sorted", "-180", "-85.05", "9", "km"})->elements, size_t{kMembers});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"SORT", "set", "ALPHA", "STORE", "list"})), kMembers);
  EXPECT_EQ(Ask(client_.get(), {"LRANGE", "list", "0", "-1"})->elements, size_t{kMembers});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"LREM", "list", "0", "nothing"})), 0);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"LINSERT", "list", "AFTER", "member:50000", "x"})), kMembers + 1);
  EXPECT_EQ(Ask(client_.get(), {"SPOP", "copy", "60000"})->elements, 60000u);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"SCARD", "copy"})), kMembers - 60000);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"BITCOUNT", "zeros"})), 3);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"BITPOS", "zeros", "1"})), 240'000'002);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"BITOP", "NOT", "ones", "zeros"})), 30'000'001);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"COPY", "ones", "more"})), 1);
  EXPECT_EQ(Ask(client_.get(), {"GET", "more"})->len, 30'000'001u);
  EXPECT_EQ(Ask(client_.get(), {"KEYS", "*"})->elements, 7u);
}

TEST_F(LongCommands, RangesOfStreamsAreLongByTheirEntries) {
  constexpr int kEntries = 40'000;
  for (int i = 1; i <= kEntries; ++i) SendRequest(client_.get(), {"XADD", "stream", std::to_string(i), "f", "v"});
  for (int i = 1; i <= kEntries; ++i) TakeReply(client_.get());
  EXPECT_EQ(Ask(client_.get(), {"XRANGE", "stream", "-", "+"})->elements, size_t{kEntries});
  EXPECT_EQ(Ask(client_.get(), {"XREVRANGE", "stream", "+", "2"})->elements, size_t{kEntries} - 1);
  EXPECT_EQ(Ask(client_.get(), {"XRANGE", "stream", "-", "+", "COUNT", "3"})->elements, 3u);
  EXPECT_TRUE(OthersAreServedBeside({"XRANGE", "stream", "-", "+"}));
}

TEST_F(LongCommands, ManyArgumentsMakeACommandLong) {
  constexpr int kWords = 20'000;
  Ask(client_.get(), {"SET", "other", "value"});
  Words add{"SADD", "many"};
  Words get{"MGET", "missing"};
  for (int i = 0; i < kWords; ++i) {
    add.push_back(std::to_string(i));
    get.push_back("other");
  }
  EXPECT_EQ(IntegerOf(Ask(client_.get(), add)), kWords);
  EXPECT_TRUE(OthersAreServedBeside(add));
  Ask(client_.get(), {"CONFIG", "RESETSTAT"});
  EXPECT_EQ(Ask(client_.get(), get)->elements, size_t{kWords} + 1);
  EXPECT_EQ(server_.Info("keyspace_misses"), "1");
  EXPECT_EQ(server_.Info("keyspace_hits"), std::to_string(kWords));
}

TEST_F(LongCommands, ReadsOfStreamsGoElsewhereWithoutTheirRightToWait) {
  constexpr int kEntries = 40'000;
  for (int i = 1; i <= kEntries; ++i) SendRequest(client_.get(), {"XADD", "stream", std::to_string(i), "f", "v"});
  for (int i = 1; i <= kEntries; ++i) TakeReply(client_.get());
  Ask(client_.get(), {"XGROUP", "CREATE", "stream", "group", "0"});
  const Context blocked = ConnectTo(server_);
  SendRequest(blocked.get(), {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"});
  ASSERT_TRUE(Eventually([&] { return server_.Info("blocked_clients") == "1"; }));
  EXPECT_FALSE(HasThreadForLongWork(server_));
  EXPECT_EQ(Ask(client_.get(), {"XREAD", "STREAMS", "stream", "3"})->element[0]->element[1]->elements,
            size_t{kEntries} - 3);
  EXPECT_TRUE(HasThreadForLongWork(server_));
  EXPECT_TRUE(OthersAreServedBeside({"XREAD", "BLOCK", "0", "STREAMS", "stream", "0"}));
  const Words deliver{"XREADGROUP", "GROUP", "group", "one", "BLOCK", "0", "STREAMS", "stream", ">"};
  EXPECT_EQ(Ask(client_.get(), deliver)->element[0]->element[1]->elements, size_t{kEntries});
  EXPECT_EQ(Ask(client_.get(), {"XPENDING", "stream", "group"})->element[0]->integer, kEntries);
  const Words history{"XREADGROUP", "GROUP", "group", "one", "STREAMS", "stream", "0"};
  EXPECT_EQ(Ask(client_.get(), history)->element[0]->element[1]->elements, size_t{kEntries});
  EXPECT_EQ(Ask(client_.get(), {"XPENDING", "stream", "group", "-", "+", "100000"})->elements, size_t{kEntries});
  EXPECT_EQ(Ask(client_.get(), {"XINFO", "STREAM", "stream", "FULL", "COUNT", "0"})->elements, 18u);
  const Words claim{"XAUTOCLAIM", "stream", "group", "two", "0", "0", "COUNT", "100000", "JUSTID"};
  EXPECT_EQ(Ask(client_.get(), claim)->element[1]->elements, size_t{kEntries});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"XGROUP", "DELCONSUMER", "stream", "group", "two"})), kEntries);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"XGROUP", "DESTROY", "stream", "group"})), 1);
  Ask(client_.get(), {"XADD", "stream", "*", "f", "v"});
  EXPECT_EQ(TakeReply(blocked.get())->element[0]->element[1]->elements, 1u);
}

// The words of the request stay where they were received.
TEST_F(LongCommands, LongArgumentsOutliveTheirClient) {
  const Reply dump = Ask(client_.get(), {"DUMP", "set"});
  ASSERT_EQ(dump->type, REDIS_REPLY_STRING);
  const std::string payload(dump->str, dump->len);
  SendRequest(client_.get(), {"RESTORE", "restored", "0", payload});
  SendRequest(client_.get(), {"SCARD", "restored"});
  EXPECT_STREQ(TakeReply(client_.get())->str, "OK");
  EXPECT_EQ(IntegerOf(TakeReply(client_.get())), kMembers);
  {
    const Context leaving = ConnectTo(server_);
    SendRequest(leaving.get(), {"RESTORE", "left", "0", payload});
  }
  EXPECT_TRUE(Eventually([&] { return IntegerOf(Ask(client_.get(), {"SCARD", "left"})) == kMembers; }));
}

TEST_F(LongCommands, WhoWaitsForOneIsNotBlocked) {
  const Context waiting = ConnectTo(server_);
  SendRequest(client_.get(), {"SUNIONSTORE", "target", "set", "set", "set"});
  SendRequest(waiting.get(), {"SCARD", "set"});
  while (!HasReply(client_.get())) {
    ASSERT_EQ(server_.Info("blocked_clients"), "0");
    ASSERT_EQ(Say(server_, {"CLIENT", "LIST"}).find("flags=b"), std::string::npos);
  }
  EXPECT_EQ(IntegerOf(TakeReply(client_.get())), kMembers);
  EXPECT_EQ(IntegerOf(TakeReply(waiting.get())), kMembers);
}

TEST_F(LongCommands, ARestoredSetIsWholeOrNothing) {
  const Reply dump = Ask(client_.get(), {"DUMP", "set"});
  std::string payload(dump->str, dump->len);
  EXPECT_STREQ(Ask(client_.get(), {"RESTORE", "restored", "100000", payload})->str, "OK");
  EXPECT_EQ(Ask(client_.get(), {"SDIFF", "set", "restored"})->elements, 0u);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"SCARD", "restored"})), kMembers);
  EXPECT_GT(IntegerOf(Ask(client_.get(), {"PTTL", "restored"})), 0);
  EXPECT_STREQ(Ask(client_.get(), {"RESTORE", "gone", "1", payload, "ABSTTL"})->str, "OK");
  payload[payload.size() / 2] ^= 1;
  EXPECT_EQ(Ask(client_.get(), {"RESTORE", "spoilt", "0", payload})->type, REDIS_REPLY_ERROR);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"EXISTS", "gone", "spoilt"})), 0);
}

TEST_F(LongCommands, TheirChangesServeAndFailOthers) {
  const Context blocked = ConnectTo(server_);
  SendRequest(blocked.get(), {"BLPOP", "list", "0"});
  ASSERT_TRUE(Eventually([&] { return server_.Info("blocked_clients") == "1"; }));
  const Context watching = ConnectTo(server_);
  Ask(watching.get(), {"WATCH", "list"});
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"SORT", "set", "ALPHA", "STORE", "list"})), kMembers);
  EXPECT_STREQ(TakeReply(blocked.get())->element[1]->str, "member:0");
  Ask(watching.get(), {"MULTI"});
  Ask(watching.get(), {"PING"});
  EXPECT_EQ(Ask(watching.get(), {"EXEC"})->type, REDIS_REPLY_NIL);
}

TEST_F(LongCommands, SaveIsOne) {
  SendRequest(client_.get(), {"SAVE"});
  EXPECT_STREQ(TakeReply(client_.get())->str, "OK");
}

TEST_F(LongCommands, AccountsAreThoseOfOneCall) {
  Ask(client_.get(), {"CONFIG", "RESETSTAT"});
  Ask(client_.get(), {"CONFIG", "SET", "slowlog-log-slower-than", "0"});
  Ask(client_.get(), {"SMEMBERS", "set"});
  EXPECT_EQ(server_.Info("cmdstat_smembers").substr(0, 8), "calls=1,");
  EXPECT_EQ(server_.Info("keyspace_hits"), "1");
  const Reply log = Ask(client_.get(), {"SLOWLOG", "GET", "-1"});
  int entries = 0;
  for (size_t i = 0; i < log->elements; ++i) {
    entries += std::string(log->element[i]->element[3]->element[0]->str) == "SMEMBERS" ? 1 : 0;
  }
  EXPECT_EQ(entries, 1);
  Ask(client_.get(), {"CONFIG", "RESETSTAT"});
  EXPECT_EQ(Ask(client_.get(), {"SPOP", "set", std::to_string(kMembers)})->elements, size_t{kMembers});
  EXPECT_EQ(server_.Info("keyspace_hits"), "1");  // as redis-server's SPOP of all members
}

TEST_F(LongCommands, AReplyAboveTheOutputLimitEndsTheConnection) {
  Ask(client_.get(), {"CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0"});
  const Context greedy = ConnectTo(server_);
  EXPECT_EQ(Ask(greedy.get(), {"SMEMBERS", "set"}), nullptr);
  EXPECT_EQ(IntegerOf(Ask(client_.get(), {"SCARD", "set"})), kMembers);
}

TEST_F(LongCommands, ExecOfManyCommandsIsOneCommand) {
  constexpr int kCommands = 3000;
  const Context other = ConnectTo(server_);
  Ask(client_.get(), {"WATCH", "counter"});
  SendRequest(client_.get(), {"MULTI"});
  for (int i = 0; i < kCommands; ++i) SendRequest(client_.get(), {"INCR", "counter"});
  TakeReply(client_.get());
  for (int i = 0; i < kCommands; ++i) TakeReply(client_.get());
  SendRequest(client_.get(), {"EXEC"});
  while (!HasReply(client_.get())) {
    const Reply seen = Ask(other.get(), {"GET", "counter"});
    ASSERT_NE(seen, nullptr);
    if (seen->type == REDIS_REPLY_NIL) continue;
    EXPECT_EQ(std::string(seen->str), std::to_string(kCommands));
  }
  EXPECT_EQ(TakeReply(client_.get())->elements, size_t{kCommands});
  EXPECT_EQ(server_.Info("cmdstat_exec").substr(0, 8), "calls=1,");
}

TEST_F(LongCommands, ALongExecServesBlockedClients) {
  const Context blocked = ConnectTo(server_);
  SendRequest(blocked.get(), {"BLPOP", "list", "0"});
  ASSERT_TRUE(Eventually([&] { return server_.Info("blocked_clients") == "1"; }));
  Ask(client_.get(), {"MULTI"});
  constexpr int kCommands = 3000;
  for (int i = 0; i < kCommands; ++i) Ask(client_.get(), {"RPUSH", "list", std::to_string(i)});
  EXPECT_EQ(Ask(client_.get(), {"EXEC"})->elements, size_t{kCommands});
  const Reply popped = TakeReply(blocked.get());
  ASSERT_EQ(popped->elements, 2u);
  EXPECT_STREQ(popped->element[1]->str, "0");
}

TEST_F(LongCommands, AnEndOfTheServerWaitsForWhatRuns) {
  const Context transaction = ConnectTo(server_);
  Ask(transaction.get(), {"MULTI"});
  Ask(transaction.get(), {"ZUNIONSTORE", "sorted", "2", "set", "set"});
  SendRequest(transaction.get(), {"EXEC"});
  SendRequest(client_.get(), {"SUNIONSTORE", "target", "set", "set"});
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.WaitForEnd(), 0);
}

}  // namespace
}  // namespace ringkv::test
