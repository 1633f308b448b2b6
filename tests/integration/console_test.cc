// SPDX-License-Identifier: MIT
// The paths of the console: commands, rights, streams of events.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"

namespace ringkv::test {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--http-port", std::to_string(port_)});
    server_ = std::make_unique<ServerProcess>(options);
  }
  HttpReply Get(const std::string& target, const std::string& head = "") {
    return HttpClient(port_).Ask("GET", target, "", head);
  }
  HttpReply Run(const std::string& commands, const std::string& head = kJson) {
    return HttpClient(port_).Ask("POST", "/console/commands", "{\"commands\":" + commands + "}", head);
  }
  std::string Clients() { return Say(*server_, {"CLIENT", "LIST"}); }

  const int port_ = FreePorts(1)[0];
  std::unique_ptr<ServerProcess> server_;
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(ConsoleTest, IsServedWithAStrictPolicyAndListsEveryPath) {
  Start();
  const HttpReply page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(Has(page.head, "Content-Security-Policy: default-src 'none'")) << page.head;
  EXPECT_FALSE(Has(page.head, "unsafe"));
  EXPECT_TRUE(Has(page.body, "page/console.js"));
  const std::string session = Get("/console/session").body;
  for (const std::string path : {"/keys/{key}", "/search", "/metrics", "/readyz", "/mset", "/console/events"}) {
    EXPECT_TRUE(Has(session, "\"" + path + "\"")) << path;
  }
}

TEST_F(ConsoleTest, RunsCommandsWithTypedReplies) {
  Start();
  EXPECT_EQ(
      Run(R"([["SET","a","1"],["INCR","a"],["GET","missing"],["HGETALL","a"],["NOSUCH"]])").body,
      "{\"replies\":[{\"type\":\"status\",\"value\":\"OK\"},{\"type\":\"integer\",\"value\":\"2\"},"
      "{\"type\":\"null\"},{\"type\":\"error\",\"value\":\"WRONGTYPE Operation against a key holding the wrong kind "
      "of value\"},{\"type\":\"error\",\"value\":\"ERR unknown command 'NOSUCH', with args beginning with: \"}]}\n");
  EXPECT_EQ(Say(*server_, {"SET", "b", std::string("\0\xff", 2)}), "OK");
  EXPECT_EQ(
      Run(R"([["GET","b"],["SET",{"base64":"/w=="},7]])").body,
      "{\"replies\":[{\"type\":\"string\",\"value\":{\"base64\":\"AP8=\"}},{\"type\":\"status\",\"value\":\"OK\"}]}\n");
  EXPECT_EQ(Say(*server_, {"GET", "\xff"}), "7");
  EXPECT_EQ(Run("[]").body, "{\"replies\":[]}\n");
  for (const std::string bad : {"[[]]", "{}", "[[null]]", "[\"GET\"]", "[[\"a\"]", "[[\"GET\",[\"a\"]]]"}) {
    EXPECT_EQ(Run(bad).status, 400) << bad;
  }
  EXPECT_EQ(Run(R"([["PING"]])", "Content-Type: text/plain\r\n").status, 415) << "a form of another page sends this";
  EXPECT_EQ(Run(R"([["PING"]])", std::string(kJson) + "Origin: http://evil.example\r\n").status, 403);
}

// Or the next request of the same connection would find what the last one has left.
TEST_F(ConsoleTest, ARequestLeavesNothingBehind) {
  Start();
  for (const std::string command :
       {R"(["MULTI"])", R"(["SELECT","1"])", R"(["SUBSCRIBE","a"])", R"(["MONITOR"])", R"(["AUTH","x"])",
        R"(["WATCH","a"])", R"(["CLIENT","REPLY","OFF"])", R"(["CLIENT","TRACKING","ON"])", R"(["HELLO","3"])",
        R"(["CLIENT","IMPORT-SOURCE","ON"])", R"(["RESET"])", R"(["QUIT"])", R"(["READONLY"])",
        R"(["REPLCONF","ack","1"])", R"(["client","setname","n"])"}) {
    EXPECT_TRUE(Has(Run("[" + command + "]").body, "each request stands alone")) << command;
  }
  EXPECT_TRUE(Has(Run(R"([["BLPOP","none","0"]])").body, "\"null\"")) << "it can't wait";
}

// A control byte is six in JSON.
TEST_F(ConsoleTest, AResponseIsNoLongerThanItsLimitInJson) {
  Start({"--http-max-response-size", "4096"});
  Say(*server_, {"SET", "text", std::string(1000, 'x')});
  Say(*server_, {"SET", "controls", std::string(1000, '\1')});
  EXPECT_EQ(Run(R"([["GET","text"]])").status, 200);
  EXPECT_EQ(Run(R"([["GET","controls"]])").status, 413);
  EXPECT_EQ(Run(R"([["GET","text"],["GET","controls"]])").status, 413);
}

TEST_F(ConsoleTest, OffersWhatTheUserMayRun) {
  Start();
  Say(*server_, {"ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+config|get"});
  const std::string as_reader = "Authorization: Basic cmVhZGVyOnB3\r\n";
  const std::string session = Get("/console/session", as_reader).body;
  EXPECT_TRUE(Has(session, R"("commands":{)")) << session;
  EXPECT_TRUE(Has(session, R"("get":"")") && Has(session, R"("config|get":"")")) << session;
  EXPECT_FALSE(Has(session, R"("set":)") || Has(session, R"("config|set":)")) << session;
  EXPECT_TRUE(Has(Run(R"([["SET","a","1"]])", kJson + as_reader).body, "NOPERM"));
  EXPECT_EQ(Get("/console/history", as_reader).status, 403);
  EXPECT_EQ(Get("/console/events?monitor", as_reader).status, 403);
  const std::string all = Get("/console/session").body;
  EXPECT_TRUE(Has(all, R"("flushall":"wd")") && Has(all, R"("set":"w")") && Has(all, R"("info":"")")) << all;
  EXPECT_FALSE(Has(all, R"("multi":)"));
}

TEST_F(ConsoleTest, ReadOnlyItChangesNothing) {
  Start({"--http-console", "readonly", "--databases", "1"});
  Say(*server_, {"SET", "a", "v"});
  for (const std::string command : {R"(["SET","a","1"])",
                                    R"(["DEL","a"])",
                                    R"(["CONFIG","SET","maxclients","9"])",
                                    R"(["SHUTDOWN"])",
                                    R"(["EVAL","return 1","0"])",
                                    R"(["ACL","SETUSER","x"])",
                                    R"(["CLIENT","KILL","ID","1"])",
                                    R"(["PUBLISH","a","b"])",
                                    R"(["SCRIPT","FLUSH"])",
                                    R"(["SLOWLOG","RESET"])",
                                    R"(["LATENCY","RESET"])",
                                    R"(["CONFIG","RESETSTAT"])",
                                    R"(["DEBUG","SLEEP","0"])",
                                    R"(["REPLICAOF","NO","ONE"])",
                                    R"(["BGSAVE"])",
                                    R"(["MEMORY","PURGE"])",
                                    R"(["FUNCTION","FLUSH"])",
                                    R"(["SORT","a","STORE","b"])",
                                    R"(["EVAL_RO","return 1","0"])",
                                    R"(["EVALSHA_RO","abc","0"])",
                                    R"(["FCALL_RO","f","0"])",
                                    R"(["HOTKEYS","STOP"])",
                                    R"(["GETEX","a","EX","1"])"}) {
    EXPECT_TRUE(Has(Run("[" + command + "]").body, "http-console readonly")) << command;
  }
  for (const std::string command :
       {R"(["GET","a"])", R"(["INFO"])", R"(["CONFIG","GET","save"])", R"(["CLIENT","LIST"])", R"(["SLOWLOG","GET"])",
        R"(["SCAN","0"])", R"(["MEMORY","USAGE","a"])", R"(["DBSIZE"])", R"(["ACL","LIST"])",
        R"(["COMMAND","DOCS","get"])", R"(["OBJECT","ENCODING","a"])", R"(["HOTKEYS","HELP"])",
        R"(["HOTKEYS","GET"])"}) {
    EXPECT_FALSE(Has(Run("[" + command + "]").body, "\"error\"")) << command;
  }
  EXPECT_FALSE(Has(Get("/console/session").body, R"("set":)"));
  EXPECT_EQ(Say(*server_, {"CONFIG", "SET", "http-console", "no"}), "OK");
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Run(R"([["PING"]])").status, 404);
  EXPECT_EQ(Get("/healthz").status, 200);
}

// A response without an end.
class Events {
 public:
  Events(int port, const std::string& query) : client_(port) {
    client_.SendRequest("GET", "/console/events?" + query);
    head_ = client_.Receive();
  }
  const HttpReply& head() const { return head_; }
  // Reads until this has come.
  bool WaitFor(const std::string& text) {
    while (!Has(text_, text)) {
      char room[4096];
      const ssize_t received = ::recv(client_.socket(), room, sizeof room, 0);
      if (received <= 0) return false;
      text_.append(room, static_cast<size_t>(received));
    }
    return true;
  }
  bool HasEnded() { return client_.HasEnded(); }
  int socket() const { return client_.socket(); }
  const std::string& text() const { return text_; }

 private:
  HttpClient client_;
  HttpReply head_;
  std::string text_;
};

TEST_F(ConsoleTest, ShowsKeysAsATree) {
  Start();
  for (const std::string key : {"a:1", "a:2:x", "a:2:y", "b", "a*:1"}) Say(*server_, {"SET", key, "v"});
  Say(*server_, {"HSET", "h\xff", "f", "v"});
  const std::string root = Get("/console/keys?separator=:").body;
  EXPECT_TRUE(Has(root, R"({"name":"a:","keys":3,"bytes":)")) << root;
  EXPECT_TRUE(Has(root, R"({"name":"a*:","keys":1,"bytes":)")) << root;
  EXPECT_TRUE(Has(root, R"({"key":"b","type":"string","bytes":)")) << root;
  EXPECT_TRUE(Has(root, R"({"key":{"base64":"aP8="},"type":"hash","bytes":)")) << root;
  EXPECT_TRUE(Has(root, R"("visited":6,"cursor":"0"})")) << root;
  const std::string below = Get("/console/keys?separator=:&prefix=a:").body;
  EXPECT_TRUE(Has(below, R"({"name":"a:2:","keys":2,"bytes":)")) << below;
  EXPECT_TRUE(Has(below, R"({"key":"a:1",)") && !Has(below, "\"b\"")) << below;
  EXPECT_TRUE(Has(Get("/console/keys?prefix=a*").body, R"("visited":1,)")) << "a star is a star";
  EXPECT_TRUE(Has(Get("/console/keys?pattern=*:[xy]").body, R"("visited":2,)"));
  Say(*server_, {"SET", "t", "v", "EX", "100"});
  EXPECT_TRUE(Has(Get("/console/keys?pattern=t").body, "\"ttl\":"));
  EXPECT_EQ(Get("/console/keys?prefix=a&pattern=b").status, 400);
  EXPECT_EQ(Get("/console/keys?cursor=x").status, 400);
  EXPECT_EQ(Get("/console/keys?prefix=" + std::string(5000, 'a')).status, 400);
}

// Of what the user may not ask, the tree tells as little as the commands.
TEST_F(ConsoleTest, ATreeTellsOfKeysWhatTheirReaderMayAsk) {
  Start();
  Say(*server_, {"ACL", "SETUSER", "reader", "on", ">pw", "~mine*", "+scan", "+type", "+pttl", "+memory|usage"});
  for (const std::string key : {"mine", "other", "other:1"}) Say(*server_, {"SET", key, "v", "EX", "1000"});
  const std::string tree = Get("/console/keys?separator=:", "Authorization: Basic cmVhZGVyOnB3\r\n").body;
  EXPECT_TRUE(Has(tree, R"({"key":"mine","type":"string","bytes":)")) << tree;
  EXPECT_TRUE(Has(tree, "\"ttl\":")) << tree;
  EXPECT_TRUE(Has(tree, R"({"key":"other"})")) << tree;
  EXPECT_TRUE(Has(tree, R"({"name":"other:","keys":1,"bytes":0})")) << tree;
}

// Neither does a part become long by long names, nor does any key get lost.
TEST_F(ConsoleTest, ATreeOfLongNamesComesInShortParts) {
  Start();
  const Context client = ConnectTo(*server_);
  for (int i = 0; i < 1000; ++i) Ask(client.get(), {"SET", std::to_string(i) + std::string(8000, 'n'), "v"});
  int keys = 0;
  std::string cursor = "0";
  do {
    const std::string body = Get("/console/keys?separator=:&cursor=" + cursor).body;
    EXPECT_LT(body.size(), 3u << 20);
    for (size_t at = 0; (at = body.find("\"length\":80", at)) != std::string::npos; ++at) ++keys;
    const size_t at = body.find("\"cursor\":\"") + 10;
    cursor = body.substr(at, body.find('"', at) - at);
  } while (cursor != "0" && !HasFailure());
  EXPECT_EQ(keys, 1000);
}

// The parts of a walk add up, and none of them is long.
TEST_F(ConsoleTest, ATreeOfManyKeysComesInParts) {
  Start();
  std::vector<std::string> words{"MSET"};
  for (int i = 0; i < 10'000; ++i) words.insert(words.end(), {"k:" + std::to_string(i), "v"});
  ASSERT_EQ(Say(*server_, words), "OK");
  int parts = 0;
  int keys = 0;
  std::string cursor = "0";
  do {
    const std::string body = Get("/console/keys?separator=:&cursor=" + cursor).body;
    const size_t found = body.find("\"keys\":");
    keys += found == std::string::npos ? 0 : std::atoi(body.c_str() + found + 7);
    const size_t at = body.find("\"cursor\":\"") + 10;
    cursor = body.substr(at, body.find('"', at) - at);
    ++parts;
  } while (cursor != "0" && parts < 1000);
  EXPECT_EQ(keys, 10'000);
  EXPECT_GE(parts, 5);
}

TEST_F(ConsoleTest, StreamsSamples) {
  Start();
  Events events(port_, "samples");
  EXPECT_EQ(events.head().status, 200);
  EXPECT_TRUE(Has(events.head().head, "Content-Type: text/event-stream"));
  EXPECT_FALSE(Has(events.head().head, "Content-Length"));
  EXPECT_TRUE(events.WaitFor("\"commands\":")) << events.text();
}

TEST_F(ConsoleTest, StreamsMessagesUntilTheClientLeaves) {
  Start({"--notify-keyspace-events", "KEA"});
  {
    Events events(port_, "pattern=__key*__:*&channel=news");
    ASSERT_TRUE(Eventually([&] { return Say(*server_, {"PUBSUB", "NUMPAT"}) == "1"; }));
    Say(*server_, {"SET", "a", "1"});
    Say(*server_, {"PUBLISH", "news", "line\nbreak"});
    EXPECT_TRUE(events.WaitFor(R"({"channel":"__keyevent@0__:set","message":"a"})")) << events.text();
    EXPECT_TRUE(events.WaitFor(R"({"channel":"news","message":"line\nbreak"})")) << events.text();
    Say(*server_, {"PUBLISH", "news", std::string(100'000, 'x')});
    EXPECT_TRUE(events.WaitFor("\"bytes\":100000")) << "cut, and its length said";
    std::string letters = "x";
    for (int i = 0; i < 10'000; ++i) letters += "\u00e9";
    Say(*server_, {"PUBLISH", "news", letters});
    EXPECT_TRUE(events.WaitFor("\u00e9\",\"bytes\":20001")) << "cut between two letters";
  }
  EXPECT_TRUE(Eventually([&] { return Say(*server_, {"PUBSUB", "NUMPAT"}) == "0"; }));
}

TEST_F(ConsoleTest, MonitorEndsAtItsLimit) {
  Start();
  Events events(port_, "monitor&limit=3");
  ASSERT_TRUE(Eventually([&] { return Has(Clients(), "flags=O"); }));
  for (int i = 0; i < 4; ++i) Say(*server_, {"GET", "key" + std::to_string(i)});
  EXPECT_TRUE(events.WaitFor("event: end")) << events.text();
  EXPECT_TRUE(events.HasEnded());
  EXPECT_TRUE(Eventually([&] { return !Has(Clients(), "flags=O"); }));
  EXPECT_EQ(Get("/console/events?monitor&limit=0").status, 400);
  EXPECT_EQ(Get("/console/events").status, 400);
}

// It costs the server a bounded buffer, and the client some events.
TEST_F(ConsoleTest, AStreamThatNobodyReadsDropsEvents) {
  Start();
  Events events(port_, "channel=flood");
  ASSERT_TRUE(Eventually([&] { return Has(Clients(), "sub=1"); }));
  const std::string message(10'000, 'x');
  const Context publisher = ConnectTo(*server_);
  for (int i = 0; i < 3000; ++i) Ask(publisher.get(), {"PUBLISH", "flood", message});
  EXPECT_TRUE(Has(Clients(), "sub=1")) << "it was not closed";
  const auto publish = [&] {
    Ask(publisher.get(), {"PUBLISH", "flood", "last"});
    return true;
  };
  // The next event after some were read says how many were not sent.
  std::string read;
  char room[64 * 1024];
  while (!Has(read, "event: dropped")) {
    publish();
    const ssize_t received = ::recv(events.socket(), room, sizeof room, 0);
    ASSERT_GT(received, 0);
    read = read.substr(read.size() - std::min<size_t>(read.size(), 100)) +
           std::string(room, static_cast<size_t>(received));
  }
}

}  // namespace
}  // namespace ringkv::test
