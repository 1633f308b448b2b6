// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <thread>

#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

class Hiredis {
 public:
  explicit Hiredis(int port) : context_(redisConnect("127.0.0.1", port), &redisFree) {}

  void Append(const std::vector<std::string>& words) {
    std::vector<const char*> argv;
    std::vector<size_t> lengths;
    for (const std::string& word : words) {
      argv.push_back(word.data());
      lengths.push_back(word.size());
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(argv.size()), argv.data(), lengths.data());
  }
  // Text or number of the next reply; "(nil)" and "(error) ..." for the others.
  std::string Next() {
    void* raw = nullptr;
    if (redisGetReply(context_.get(), &raw) != REDIS_OK) return std::string("(closed) ") + context_->errstr;
    const std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw), &freeReplyObject);
    switch (reply->type) {
      case REDIS_REPLY_INTEGER: return std::to_string(reply->integer);
      case REDIS_REPLY_NIL: return "(nil)";
      case REDIS_REPLY_ERROR: return "(error) " + std::string(reply->str, reply->len);
      default: return std::string(reply->str, reply->len);
    }
  }
  std::string Run(const std::vector<std::string>& words) {
    Append(words);
    return Next();
  }

 private:
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

TEST(Pipelining, RepliesComeInOrderHoweverDeepThePipelineIs) {
  ServerProcess server;
  Hiredis client(server.port());
  for (const int depth : {1, 2, 31, 32, 33, 1000, 100'000}) {
    for (int i = 0; i < depth; ++i) client.Append({"ECHO", std::to_string(i)});
    for (int i = 0; i < depth; ++i) ASSERT_EQ(client.Next(), std::to_string(i)) << "depth " << depth;
  }
}

TEST(Pipelining, AnEmptyRequestIsTheOneThatReplySkipSkips) {
  ServerProcess server;
  const int client = server.Connect();
  SendAll(client,
          "CLIENT REPLY SKIP\r\n\r\nECHO a\r\nCLIENT REPLY SKIP\r\n*0\r\nECHO b\r\nCLIENT REPLY SKIP\r\nECHO "
          "c\r\nQUIT\r\n");
  EXPECT_EQ(ReceiveToEnd(client), "$1\r\na\r\n$1\r\nb\r\n+OK\r\n");
  ::close(client);
}

TEST(Pipelining, ACommandSeesTheEffectsOfThePreviousOne) {
  ServerProcess server;
  Hiredis client(server.port());
  for (int i = 0; i < 1000; ++i) {
    client.Append({"SET", "key", std::to_string(i)});
    client.Append({"GET", "key"});
    client.Append({"SELECT", std::to_string(i % 2)});
    client.Append({"INCR", "counter"});
  }
  for (int i = 0; i < 1000; ++i) {
    client.Next();
    ASSERT_EQ(client.Next(), std::to_string(i));
    client.Next();
    ASSERT_EQ(client.Next(), std::to_string(i / 2 + 1));
  }
}

TEST(Pipelining, SubcommandsAreFoundInAnyOrderOfRequests) {
  ServerProcess server;
  Hiredis client(server.port());
  const std::vector<std::pair<std::vector<std::string>, std::string>> asked = {
      {{"CLIENT", "SETNAME", "me"}, "OK"},
      {{"CLIENT", "GETNAME"}, "me"},
      {{"CLIENT"}, "(error) ERR wrong number of arguments for 'client' command"},
      {{"CLIENT", "GETNAME"}, "me"},
      {{"GET", "key"}, "(nil)"},
      {{"GET"}, "(error) ERR wrong number of arguments for 'get' command"},
      {{"GET", "key"}, "(nil)"},
      {{"get", "key"}, "(nil)"},
      {{"GETS", "key"}, "(error) ERR unknown command 'GETS', with args beginning with: 'key' "},
      {{"GETS", "key"}, "(error) ERR unknown command 'GETS', with args beginning with: 'key' "},
      {{"GET", "key"}, "(nil)"},
  };
  for (const auto& [words, reply] : asked) client.Append(words);
  for (const auto& [words, reply] : asked) ASSERT_EQ(client.Next(), reply) << words[0];
}

TEST(Pipelining, RequestsMayBeSplitAtAnyByte) {
  ServerProcess server;
  const std::string requests = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nx\r\n\r\nget a\r\n";
  for (size_t cut = 1; cut < requests.size(); ++cut) {
    const int socket = server.Connect();
    SendAll(socket, requests.substr(0, cut));
    SendAll(socket, requests.substr(cut));
    EXPECT_EQ(ReceiveExactly(socket, 14), "+OK\r\n$3\r\nx\r\n\r\n") << "cut at " << cut;
    ::close(socket);
  }
}

TEST(Pipelining, ALongValueArrivesWhole) {
  ServerProcess server;
  Hiredis client(server.port());
  std::string value(20 << 20, '\0');
  std::mt19937 random(5);
  for (char& byte : value) byte = static_cast<char>(random());
  ASSERT_EQ(client.Run({"SET", "big", value}), "OK");
  EXPECT_TRUE(client.Run({"GET", "big"}) == value);
}

TEST(Pipelining, SeveralThreadsServeOneStore) {
  ServerProcess server({"--io-threads", "3"});
  constexpr int kClients = 6;
  constexpr int kRounds = 3000;
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&] {
      Hiredis client(server.port());
      for (int i = 0; i < kRounds; ++i) client.Append({"INCR", "counter"});
      for (int i = 0; i < kRounds; ++i) client.Next();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Hiredis(server.port()).Run({"GET", "counter"}), std::to_string(kClients * kRounds));
}

TEST(Pipelining, RepliesCanBeSwitchedOff) {
  ServerProcess server;
  const int socket = server.Connect();
  SendAll(socket, "CLIENT REPLY OFF\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO end\r\n");
  EXPECT_EQ(ReceiveExactly(socket, 14), "+OK\r\n$3\r\nend\r\n");
  ::close(socket);
}

TEST(Pipelining, ASuppressedReplyIsNotSentAfterAWait) {
  ServerProcess server;
  for (const std::string blocking : {"BLPOP q 0.01", "WAIT 5 10"}) {
    const int socket = server.Connect();
    SendAll(socket, "CLIENT REPLY SKIP\r\n" + blocking + "\r\nPING\r\nCLIENT REPLY OFF\r\n" + blocking +
                        "\r\nPING\r\nCLIENT REPLY ON\r\nQUIT\r\n");
    EXPECT_EQ(ReceiveToEnd(socket), "+PONG\r\n+OK\r\n+OK\r\n") << blocking;
    ::close(socket);
  }
  const int popper = server.Connect();
  SendAll(popper, "CLIENT REPLY SKIP\r\nBLPOP q 0\r\nPING\r\nQUIT\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "1"; }));
  EXPECT_EQ(server.Ask("RPUSH q v"), ":1");
  EXPECT_EQ(ReceiveToEnd(popper), "+PONG\r\n+OK\r\n");
  ::close(popper);
  EXPECT_EQ(server.Ask("LLEN q"), ":0");
}

TEST(Pipelining, AClientWithoutRepliesIsUnblockedWithoutAReply) {
  ServerProcess server;
  for (const std::string mode : {"SKIP", "OFF"}) {
    for (const std::string blocking : {"BLPOP q 0", "WAIT 5 0"}) {
      const int socket = server.Connect();
      SendAll(socket, "CLIENT ID\r\n");
      std::string id = ReceiveExactly(socket, 1);
      for (id.clear(); !id.ends_with("\r\n");) id += ReceiveExactly(socket, 1);
      SendAll(socket, "CLIENT REPLY " + mode + "\r\n" + blocking + "\r\nCLIENT REPLY ON\r\nCLIENT GETNAME\r\nQUIT\r\n");
      const std::string unblock = "CLIENT UNBLOCK " + id.substr(0, id.size() - 2) + " ERROR";
      ASSERT_TRUE(Eventually([&] { return server.Ask(unblock) == ":1"; }));
      EXPECT_EQ(ReceiveToEnd(socket), "+OK\r\n$-1\r\n+OK\r\n") << mode << ' ' << blocking;
      ::close(socket);
    }
  }
}

TEST(Pipelining, AMonitorThatWantsNoRepliesSeesNothing) {
  ServerProcess server({"--io-threads", "1"});
  const int socket = server.Connect();
  SendAll(socket, "PING\r\nCLIENT REPLY OFF\r\nMONITOR\r\n");
  ASSERT_EQ(ReceiveExactly(socket, 7), "+PONG\r\n");
  EXPECT_EQ(server.Ask("PING"), "+PONG");
  SendAll(socket, "CLIENT REPLY ON\r\n");
  EXPECT_EQ(ReceiveExactly(socket, 5), "+OK\r\n");
  ::close(socket);
}

TEST(Pipelining, AMonitorSeesEveryCommand) {
  ServerProcess server({"--io-threads", "2"});
  const int monitor = server.Connect();
  SendAll(monitor, "MONITOR\r\n");
  EXPECT_EQ(ReceiveExactly(monitor, 5), "+OK\r\n");
  server.Ask("SET key \"a b\"");
  std::string seen;
  char byte = 0;
  while (seen.find('\n') == std::string::npos && ::read(monitor, &byte, 1) == 1) seen += byte;
  EXPECT_NE(seen.find("\"SET\" \"key\" \"a b\"\r\n"), std::string::npos) << seen;
  ::close(monitor);
}

TEST(Pipelining, APausedClientResumesWhenThePauseEnds) {
  ServerProcess server;
  const int writer = server.Connect();
  server.Ask("CLIENT PAUSE 100000 WRITE");
  SendAll(writer, "PING\r\nSET a 1\r\nGET a\r\n");
  EXPECT_EQ(ReceiveExactly(writer, 7), "+PONG\r\n");
  EXPECT_EQ(server.Ask("EXISTS a"), ":0");
  server.Ask("CLIENT UNPAUSE");
  EXPECT_EQ(ReceiveExactly(writer, 12), "+OK\r\n$1\r\n1\r\n");
  ::close(writer);
}

TEST(Pipelining, AProtocolErrorComesBehindTheReplyToABlockingCommand) {
  ServerProcess server;
  const int client = server.Connect();
  SendAll(client, "PING\r\n*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n*x\r\n");
  ASSERT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "1"; }));
  EXPECT_EQ(server.Ask("RPUSH q v"), ":1");
  EXPECT_EQ(ReceiveToEnd(client),
            "+PONG\r\n*2\r\n$1\r\nq\r\n$1\r\nv\r\n-ERR Protocol error: invalid multibulk length\r\n");
  ::close(client);
}

TEST(Pipelining, NothingComesBehindTheReplyToQuit) {
  ServerProcess server;
  const int client = server.Connect();
  SendAll(client, "*1\r\n$4\r\nQUIT\r\n*x\r\n");
  EXPECT_EQ(ReceiveToEnd(client), "+OK\r\n");
  ::close(client);
}

TEST(Pipelining, AClientCanBeKilledFromAnotherThread) {
  ServerProcess server({"--io-threads", "2"});
  const int victim = server.Connect();
  SendAll(victim, "CLIENT ID\r\n");
  const std::string id = ReceiveExactly(victim, 4).substr(1, 1);
  EXPECT_EQ(server.Ask("CLIENT KILL ID " + id), ":1");
  EXPECT_EQ(ReceiveToEnd(victim), "");
  ::close(victim);
}

}  // namespace
}  // namespace ringkv::test
