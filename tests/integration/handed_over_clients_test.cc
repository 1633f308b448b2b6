// SPDX-License-Identifier: MIT
// Clients of a primary that hands its role over: they see no error, and act at the new primary.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/replicas.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

const std::string kReadOnly = "READONLY You can't write against a read only replica.";

// What the reply says: of an array the last element.
std::string TextOf(const Reply& reply) {
  if (reply == nullptr) return "<no reply>";
  const redisReply* said = reply.get();
  if (said->type == REDIS_REPLY_ARRAY && said->elements > 0) said = said->element[said->elements - 1];
  if (said->type == REDIS_REPLY_INTEGER) return std::to_string(said->integer);
  return said->str == nullptr ? "<nothing>" : said->str;
}

std::string Tell(const Context& client, const std::vector<std::string>& words) {
  return TextOf(Ask(client.get(), words));
}

bool IsClosed(const Context& client) {
  void* reply = nullptr;
  return ::redisGetReply(client.get(), &reply) == REDIS_ERR && client->err == REDIS_ERR_EOF;
}

class HandedOverClients : public testing::Test {
 protected:
  explicit HandedOverClients(const std::vector<std::string>& options = {})
      : primary_(WithDebug(options)), replica_(ReplicaOf(primary_.port(), options)) {
    EXPECT_EQ(Say(primary_, {"SET", "a", "0"}), "OK");
    EXPECT_TRUE(Eventually([&] { return HasCaughtUp(replica_, primary_); }));
  }
  // Returns when the role has moved.
  static void HandOver(const ServerProcess& from, const ServerProcess& to) {
    EXPECT_TRUE(Eventually([&] { return Say(from, {"FAILOVER"}) == "OK"; }));
    EXPECT_TRUE(Eventually([&] { return RoleOf(to) == "master" && RoleOf(from) == "slave"; }));
    EXPECT_TRUE(Eventually([&] { return from.Info("master_failover_state") == "no-failover"; }));
    EXPECT_TRUE(Eventually([&] { return HasCaughtUp(from, to); }));
  }

  const ServerProcess primary_;
  const ServerProcess replica_;
};

TEST_F(HandedOverClients, WriteOnWithoutAnError) {
  std::atomic<int> acknowledged{0};
  std::atomic<bool> stops{false};
  std::string error;
  std::thread writer([&] {
    const Context client = ConnectTo(primary_);
    while (!stops) {
      const Reply reply = Ask(client.get(), {"INCR", "n"});
      if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) {
        error = TextOf(reply);
        return;
      }
      acknowledged = static_cast<int>(reply->integer);
    }
  });
  const auto await_progress = [&] {
    const int before = acknowledged;
    EXPECT_TRUE(Eventually([&] { return acknowledged > before + 200; }));
  };
  await_progress();
  for (int round = 0; round < 2; ++round) {
    HandOver(primary_, replica_);
    await_progress();
    HandOver(replica_, primary_);
    await_progress();
  }
  stops = true;
  writer.join();
  EXPECT_EQ(error, "");
  EXPECT_EQ(Say(primary_, {"GET", "n"}), std::to_string(acknowledged)) << "each was executed once";
}

TEST_F(HandedOverClients, AreLetGoWhenTheirTimeIsOver) {
  const Context quiet = ConnectTo(primary_);
  const Context blocked = ConnectTo(primary_);
  EXPECT_EQ(Tell(quiet, {"SET", "a", "1"}), "OK");
  EXPECT_EQ(Tell(blocked, {"PING"}), "PONG");
  EXPECT_EQ(Say(primary_, {"CONFIG", "SET", "failover-forward-time", "1"}), "OK");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(quiet, {"SET", "a", "2"}), "OK");
  EXPECT_EQ(Say(replica_, {"GET", "a"}), "2");
  EXPECT_TRUE(Tell(blocked, {"BLPOP", "never", "0"}).starts_with("UNBLOCKED "));
  EXPECT_TRUE(IsClosed(blocked));
  EXPECT_TRUE(IsClosed(quiet));
}

TEST_F(HandedOverClients, AreServedToTheEndIfTheyCloseTheirHalf) {
  const int client = primary_.Connect();
  SendAll(client, "PING\r\n");
  EXPECT_EQ(ReceiveExactly(client, 7), "+PONG\r\n");
  HandOver(primary_, replica_);
  std::string requests;
  std::string replies;
  for (int i = 1; i <= 1000; ++i) {
    requests += "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n";
    replies += ":" + std::to_string(i) + "\r\n";
  }
  SendAll(client, requests);
  ::shutdown(client, SHUT_WR);
  EXPECT_EQ(ReceiveToEnd(client), replies);
  ::close(client);
  EXPECT_EQ(Say(replica_, {"GET", "n"}), "1000");
}

TEST_F(HandedOverClients, WhatTheyAskBeforeTheyGoIsDone) {
  std::vector<int> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(primary_.Connect());
    SendAll(clients.back(), "PING\r\n");
    EXPECT_EQ(ReceiveExactly(clients.back(), 7), "+PONG\r\n");
  }
  HandOver(primary_, replica_);
  for (const int client : clients) {
    SendAll(client, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n");
    ::close(client);
  }
  EXPECT_TRUE(Eventually([&] { return Say(replica_, {"GET", "n"}) == "20"; }));
}

TEST_F(HandedOverClients, ActHereAgainWhenThisIsThePrimaryAgain) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"SET", "a", "1"}), "OK");
  EXPECT_EQ(Say(primary_, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_TRUE(IsClosed(client)) << "what it wrote would be dropped";
}

TEST_F(HandedOverClients, AdministerNoOtherNode) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
  const std::string refusal = "ERR a former primary passes on what this connection asks";
  EXPECT_TRUE(Tell(client, {"SHUTDOWN", "NOSAVE"}).starts_with(refusal));
  EXPECT_EQ(Tell(client, {"RESET"}), "RESET");
  EXPECT_TRUE(Tell(client, {"CONFIG", "SET", "hz", "20"}).starts_with(refusal));
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
}

TEST_F(HandedOverClients, GetAroundNoPasswordOfTheNewPrimary) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
  HandOver(primary_, replica_);
  EXPECT_EQ(Say(primary_, {"CONFIG", "SET", "masterauth", "secret"}), "OK");
  EXPECT_EQ(Say(replica_, {"CONFIG", "SET", "requirepass", "secret"}), "OK");
  EXPECT_EQ(Tell(client, {"GET", "a"}), kReadOnly);
}

TEST_F(HandedOverClients, WatchAtTheNewPrimary) {
  const auto increment = [](const Context& client) {
    EXPECT_EQ(Tell(client, {"MULTI"}), "OK");
    EXPECT_EQ(Tell(client, {"INCR", "a"}), "QUEUED");
    return Tell(client, {"EXEC"});
  };
  const Context before = ConnectTo(primary_);
  const Context after = ConnectTo(primary_);
  EXPECT_EQ(Tell(before, {"WATCH", "a"}), "OK");
  EXPECT_EQ(Tell(after, {"GET", "a"}), "0");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(after, {"WATCH", "a"}), "OK");
  EXPECT_EQ(increment(after), "1");
  EXPECT_EQ(increment(before), "<nothing>") << "nobody knows whether it was changed";
  EXPECT_EQ(Tell(before, {"WATCH", "a"}), "OK");
  EXPECT_EQ(increment(before), "2");
}

TEST_F(HandedOverClients, ReadWhatTheNewPrimaryHas) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"GET", "a"}), "0");
  HandOver(primary_, replica_);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(Say(replica_, {"SET", "a", std::to_string(i)}), "OK");
    EXPECT_EQ(Tell(client, {"GET", "a"}), std::to_string(i)) << "it is no read from a replica";
  }
}

TEST_F(HandedOverClients, WaitOnForKeys) {
  EXPECT_EQ(Say(primary_, {"XADD", "stream", "1-1", "f", "old"}), "1-1");
  WaitingClient popper(primary_, {"BLPOP", "list", "0"});
  WaitingClient reader(primary_, {"XREAD", "BLOCK", "0", "STREAMS", "stream", "$"});
  HandOver(primary_, replica_);
  EXPECT_EQ(Say(replica_, {"XADD", "stream", "2-1", "f", "new"}), "2-1");
  EXPECT_EQ(Say(replica_, {"RPUSH", "list", "x"}), "1");
  EXPECT_EQ(TextOf(popper.Take()), "x");
  EXPECT_EQ(reader.TakeEntry(), "2-1");
}

TEST_F(HandedOverClients, WaitOnForReplicas) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"SET", "a", "1"}), "OK");
  SendRequest(client.get(), {"WAIT", "2", "4000"});
  HandOver(primary_, replica_);
  EXPECT_EQ(TextOf(TakeReply(client.get())), "1");
  EXPECT_EQ(Tell(client, {"WAIT", "1", "0"}), "1");
}

TEST_F(HandedOverClients, ExecuteTheirTransactions) {
  const Context client = ConnectTo(primary_);
  const Context watcher = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"MULTI"}), "OK");
  EXPECT_EQ(Tell(client, {"SET", "a", "1"}), "QUEUED");
  EXPECT_EQ(Tell(watcher, {"WATCH", "a"}), "OK");
  EXPECT_EQ(Tell(watcher, {"MULTI"}), "OK");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"INCR", "a"}), "QUEUED");
  EXPECT_EQ(Tell(client, {"EXEC"}), "2");
  EXPECT_EQ(Say(replica_, {"GET", "a"}), "2");
  EXPECT_EQ(Tell(watcher, {"SET", "a", "3"}), "QUEUED");
  EXPECT_EQ(Ask(watcher.get(), {"EXEC"})->type, REDIS_REPLY_NIL) << "the key may have been changed, and it was";
  EXPECT_EQ(Tell(watcher, {"SET", "a", "4"}), "OK");
  EXPECT_EQ(Say(replica_, {"GET", "a"}), "4");
}

TEST_F(HandedOverClients, StayWhoTheyAre) {
  for (const ServerProcess* node : {&primary_, &replica_}) {
    EXPECT_EQ(Say(*node, {"ACL", "SETUSER", "ann", "on", ">secret", "+@all", "~ann:*"}), "OK");
  }
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"AUTH", "ann", "secret"}), "OK");
  EXPECT_EQ(Tell(client, {"SELECT", "3"}), "OK");
  EXPECT_EQ(Tell(client, {"CLIENT", "SETNAME", "anns"}), "OK");
  EXPECT_EQ(Tell(client, {"CLIENT", "SETINFO", "LIB-NAME", "tests"}), "OK");
  EXPECT_EQ(Tell(client, {"CLIENT", "NO-EVICT", "ON"}), "OK");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"SET", "ann:1", "x"}), "OK");
  EXPECT_EQ(Tell(client, {"SET", "b", "x"}),
            "NOPERM this user has no permissions to access one of the keys used as arguments");
  EXPECT_EQ(Tell(client, {"ACL", "WHOAMI"}), "ann");
  EXPECT_EQ(Tell(client, {"CLIENT", "GETNAME"}), "anns");
  const std::string shown = Tell(client, {"CLIENT", "INFO"});
  EXPECT_NE(shown.find(" flags=e "), std::string::npos) << shown;
  EXPECT_NE(shown.find(" lib-name=tests "), std::string::npos) << shown;
  const Context there = ConnectTo(replica_);
  EXPECT_EQ(Tell(there, {"SELECT", "3"}), "OK");
  EXPECT_EQ(Tell(there, {"GET", "ann:1"}), "x");
}

TEST_F(HandedOverClients, GetTheRepliesToWhatTheyHaveSentAtOnceInOrder) {
  constexpr int kRequests = 2000;
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"SET", "n", "0"}), "OK");
  HandOver(primary_, replica_);
  for (int i = 0; i < kRequests; ++i) ::redisAppendCommand(client.get(), "INCR n");
  for (int i = 1; i <= kRequests; ++i) ASSERT_EQ(TextOf(TakeReply(client.get())), std::to_string(i));
}

TEST_F(HandedOverClients, WhoComeLaterAreRefused) {
  HandOver(primary_, replica_);
  EXPECT_EQ(Say(primary_, {"SET", "a", "1"}), kReadOnly);
}

TEST_F(HandedOverClients, OfAUserWhoMayNotActForOthersAreRefused) {
  EXPECT_EQ(Say(replica_, {"ACL", "SETUSER", "node", "on", ">secret", "-@all", "+psync", "+replconf", "+ping"}), "OK");
  EXPECT_EQ(Say(primary_, {"CONFIG", "SET", "masteruser", "node", "masterauth", "secret"}), "OK");
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"PING"}), "PONG");
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"SET", "a", "1"}), kReadOnly);
  EXPECT_TRUE(IsClosed(client));
  EXPECT_NE(primary_.Log().find("only a user who may do everything passes on requests"), std::string::npos);
}

class RefusedClients : public HandedOverClients {
 protected:
  RefusedClients() : HandedOverClients({"--failover-forward-time", "0"}) {}
};

TEST_F(RefusedClients, AsRedisDoes) {
  const Context client = ConnectTo(primary_);
  EXPECT_EQ(Tell(client, {"PING"}), "PONG");
  WaitingClient blocked(primary_, {"BLPOP", "list", "0"});
  HandOver(primary_, replica_);
  EXPECT_EQ(Tell(client, {"SET", "a", "1"}), kReadOnly);
  EXPECT_EQ(TextOf(blocked.Take()),
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
}

}  // namespace
}  // namespace ringkv::test
