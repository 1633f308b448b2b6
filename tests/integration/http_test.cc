// SPDX-License-Identifier: MIT
// The HTTP port of a server.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {
namespace {

class HttpTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--http-port", std::to_string(port_)});
    server_ = std::make_unique<ServerProcess>(options);
  }
  HttpReply Ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& head = "") {
    return HttpClient(port_).Ask(method, target, body, head);
  }
  // What comes back for these bytes.
  HttpReply Provoke(const std::string& bytes) {
    HttpClient client(port_);
    client.Send(bytes);
    return client.Receive();
  }

  const int port_ = FreePorts(1)[0];
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(HttpTest, KeysAreTheSameAsThoseOfTheRedisPort) {
  Start();
  EXPECT_EQ(Ask("PUT", "/keys/a%00%2Fb", "bytes\r\n").status, 204);
  EXPECT_EQ(Say(*server_, {"GET", std::string("a\0/b", 4)}), "bytes\r\n");
  Say(*server_, {"SET", "c d", "other"});
  EXPECT_EQ(Ask("GET", "/get/c%20d").body, "other");
  EXPECT_EQ(Ask("HEAD", "/keys/c%20d").head.find("Content-Length: 5\r\n") != std::string::npos, true);
  EXPECT_EQ(Ask("DELETE", "/keys/c%20d").status, 204);
  EXPECT_EQ(Ask("GET", "/keys/c%20d").status, 404);
  EXPECT_EQ(Ask("DELETE", "/keys/c%20d").status, 404);
  EXPECT_EQ(Ask("PUT", "/keys/short?ttl=100", "x").status, 204);
  EXPECT_EQ(Say(*server_, {"TTL", "short"}), "100");
  EXPECT_EQ(Ask("PUT", "/keys/short?keepttl&xx", "y").status, 204);
  EXPECT_EQ(Say(*server_, {"TTL", "short"}), "100");
  EXPECT_EQ(Ask("PUT", "/keys/elsewhere?db=3", "z").status, 204);
  EXPECT_EQ(Ask("GET", "/keys/elsewhere").status, 404);
  EXPECT_EQ(Ask("GET", "/keys/elsewhere?db=3").body, "z");
}

TEST_F(HttpTest, ConditionalWritesAreAtomic) {
  Start();
  const std::string first = Ask("PUT", "/keys/a", "1").head;
  const size_t at = first.find("ETag: ") + 6;
  const std::string tag = first.substr(at, first.find("\r\n", at) - at);
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-None-Match: " + tag + "\r\n").status, 304);
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-None-Match: W/" + tag + "\r\n").status, 304);
  EXPECT_EQ(Ask("PUT", "/keys/a", "2", "If-Match: \"0000000000000000\", " + tag + "\r\n").status, 204);
  EXPECT_EQ(Ask("PUT", "/keys/a", "3", "If-Match: " + tag + "\r\n").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/a", "3", "If-Match: W/" + tag + "\r\n").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/a", "3", "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/a?nx", "3").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/b?xx", "3").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/b", "3", "If-Match: *\r\n").status, 412);
  EXPECT_EQ(Ask("PUT", "/keys/b?nx&xx", "3").status, 400);
  EXPECT_EQ(Ask("PUT", "/keys/b", "3", "If-Match: nonsense\r\n").status, 400);
  EXPECT_EQ(Ask("PUT", "/keys/a", "3", "If-Match:\r\n").status, 400) << "an empty condition is no missing one";
  EXPECT_EQ(Ask("PUT", "/keys/a", "3", "If-None-Match: \r\n").status, 400);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-Match: \r\n").status, 400);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-Match: " + tag + "\r\n").status, 412);
  EXPECT_EQ(Say(*server_, {"GET", "a"}), "2");
}

TEST_F(HttpTest, EveryMethodOfAKeyHonoursBothConditions) {
  Start();
  const auto tag_of = [&](const HttpReply& reply) {
    const size_t at = reply.head.find("ETag: ") + 6;
    return reply.head.substr(at, reply.head.find("\r\n", at) - at);
  };
  const std::string tag = tag_of(Ask("PUT", "/keys/a", "1"));
  const std::string other = "\"0000000000000000\"";
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-Match: " + other + "\r\n").status, 412);
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-Match: " + other + ", " + tag + " \r\n").body, "1");
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-Match: *\r\nIf-None-Match: " + tag + "\r\n").status, 304);
  EXPECT_EQ(Ask("HEAD", "/get/a", "", "If-Match: " + other + "\r\n").status, 412);
  EXPECT_EQ(Ask("GET", "/keys/no", "", "If-Match: *\r\n").status, 404);
  EXPECT_EQ(Ask("GET", "/keys/a", "", "If-None-Match: nonsense\r\n").status, 400);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-None-Match: " + tag + "\r\n").status, 412);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-None-Match: nonsense\r\n").status, 400);
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-Match: *\r\nIf-None-Match: " + other + "\r\n").status, 400);
  EXPECT_EQ(Ask("DELETE", "/keys/no", "", "If-None-Match: " + tag + "\r\n").status, 404);
  EXPECT_EQ(Ask("DELETE", "/keys/no", "", "If-None-Match: *\r\n").status, 404);
  for (const std::string& match : {std::string("*"), tag, other + ", " + tag, "W/" + tag}) {
    EXPECT_EQ(Ask("DELETE", "/keys/no", "", "If-Match: " + match + "\r\n").status, 404) << match;
  }
  EXPECT_EQ(Say(*server_, {"GET", "a"}), "1");
  EXPECT_EQ(Ask("DELETE", "/keys/a", "", "If-None-Match: " + other + "\r\n").status, 204);
  EXPECT_EQ(Say(*server_, {"EXISTS", "a"}), "0");
  EXPECT_EQ(Ask("POST", "/set/a", "\"2\"", std::string(kJson) + "If-None-Match: *\r\n").status, 400);
  EXPECT_EQ(Ask("POST", "/mset", R"({"a":"2"})", std::string(kJson) + "If-Match: *\r\n").status, 400);
  EXPECT_EQ(Say(*server_, {"EXISTS", "a"}), "0");
}

TEST_F(HttpTest, NumbersInJsonAreStoredAsTheyWereWritten) {
  Start();
  EXPECT_EQ(Ask("POST", "/mset", R"({"a":1e5,"b":123456789012345678901234567890,"c":1.0,"d":-0})", kJson).status, 200);
  EXPECT_EQ(Ask("POST", "/set/e", "1E+05", kJson).status, 200);
  EXPECT_EQ(Ask("POST", "/set", R"({"key":1.50,"value":2.50})", kJson).status, 200);
  EXPECT_EQ(Ask("POST", "/mget", R"(["a","b","c","d","e",1.50])", kJson).body,
            "{\"values\":[\"1e5\",\"123456789012345678901234567890\",\"1.0\",\"-0\",\"1E+05\",\"2.50\"]}\n");
  EXPECT_EQ(Ask("POST", "/set", R"({"key":"a","key":"b","value":1})", kJson).status, 400);
  EXPECT_EQ(Ask("POST", "/set", "key=a&key=b&value=1", "Content-Type: application/x-www-form-urlencoded\r\n").status,
            400);
  EXPECT_EQ(Ask("PUT", "/keys/a?ttl=5&keepttl", "x").status, 400);
}

// Each of several writers adds one by GET and PUT If-Match, again and again: no step is lost.
TEST_F(HttpTest, IfMatchLosesNoUpdateOfManyWriters) {
  Start({"--io-threads", "2"});
  Ask("PUT", "/keys/counter", "0");
  constexpr int kWriters = 4;
  constexpr int kSteps = 50;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([this] {
      HttpClient client(port_);
      for (int step = 0; step < kSteps;) {
        const HttpReply now = client.Ask("GET", "/keys/counter");
        const size_t at = now.head.find("ETag: ") + 6;
        const std::string match = "If-Match: " + now.head.substr(at, now.head.find("\r\n", at) - at) + "\r\n";
        const std::string next = std::to_string(std::atoi(now.body.c_str()) + 1);
        if (client.Ask("PUT", "/keys/counter", next, match).status == 204) ++step;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Ask("GET", "/keys/counter").body, std::to_string(kWriters * kSteps));
}

TEST_F(HttpTest, JsonAndFormsStoreAndFetch) {
  Start();
  EXPECT_EQ(Ask("POST", "/set", R"({"key":"a","value":"1","ttl":50})", kJson).status, 200);
  EXPECT_EQ(Say(*server_, {"TTL", "a"}), "50");
  EXPECT_EQ(Ask("POST", "/set", R"({"key":{"base64":"/wA="},"value":2.5})", kJson).status, 200);
  EXPECT_EQ(Say(*server_, {"GET", std::string("\xff\0", 2)}), "2.5");
  EXPECT_EQ(
      Ask("POST", "/set", "key=f%201&value=x+y&ttl=", "Content-Type: application/x-www-form-urlencoded\r\n").status,
      200);
  EXPECT_EQ(Say(*server_, {"GET", "f 1"}), "x y");
  EXPECT_EQ(Ask("POST", "/set", "key=f&value=z", "Content-Type: Application/X-WWW-Form-URLEncoded\r\n").status, 200);
  EXPECT_EQ(Ask("POST", "/set/b?ttl=9", R"("text")", kJson).status, 200);
  EXPECT_EQ(Ask("POST", "/mset", R"({"m1":"x","m2":7})", kJson).body, "{\"stored\":2}\n");
  EXPECT_EQ(Ask("POST", "/mset", R"([{"key":"m3","value":"z"}])", kJson).body, "{\"stored\":1}\n");
  EXPECT_EQ(Ask("POST", "/mget", R"({"keys":["b","m1","m2","m3","no",{"base64":"/wA="}]})", kJson).body,
            "{\"values\":[\"text\",\"x\",\"7\",\"z\",null,\"2.5\"]}\n");
  for (const std::string bad :
       {R"({"key":"a"})", R"({"key":"a","value":[]})", R"({"key":"a","value":"b","x":1})", R"({"key":"a",)", "[]", "",
        R"({"key":"a","value":"b","ttl":0})", R"({"key":"a","value":"b","ttl":"soon"})"}) {
    EXPECT_EQ(Ask("POST", "/set", bad, kJson).status, 400) << bad;
  }
  EXPECT_EQ(Ask("POST", "/mset", R"([{"key":"a","value":"b","ttl":1}])", kJson).status, 400);
  EXPECT_EQ(Ask("POST", "/mset", "{}", kJson).body, "{\"stored\":0}\n");
  EXPECT_EQ(Ask("POST", "/mget", "[]", kJson).body, "{\"values\":[]}\n");
  EXPECT_EQ(Ask("POST", "/mget", "{}", kJson).status, 400);
  EXPECT_EQ(Ask("POST", "/set", std::string(100'000, '['), kJson).status, 400) << "depth is bounded";
}

TEST_F(HttpTest, SearchFindsEachKeyOnce) {
  Start();
  std::multiset<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "user:" + std::to_string(i) + (i % 2 == 0 ? ":even" : ":odd*");
    Say(*server_, {"SET", key, std::to_string(i)});
    if (i % 2 != 0) expected.insert(key);
  }
  std::multiset<std::string> found;
  std::string cursor = "0";
  do {
    const std::string body = Ask("GET", "/search?prefix=user:&suffix=:odd*&limit=37&values=1&cursor=" + cursor).body;
    const size_t end = body.find(']');
    for (size_t at = body.find('[') + 1; at < end;) {
      const size_t close = body.find('"', at + 1);
      if (close > end) break;
      found.insert(body.substr(at + 1, close - at - 1));
      at = close + 2;
    }
    cursor = body.substr(body.rfind(':') + 1);
    cursor.resize(cursor.find('}'));
  } while (cursor != "0");
  EXPECT_EQ(found, expected);
  EXPECT_EQ(Ask("GET", "/search?prefix=nothing").body, "{\"keys\":[],\"cursor\":0}\n");
  EXPECT_EQ(Ask("GET", "/search?prefix=user:7:&values=1").body,
            "{\"keys\":[\"user:7:odd*\"],\"values\":[\"7\"],\"cursor\":0}\n");
  for (const std::string bad : {"limit=0", "limit=x", "limit=999999", "cursor=-1", "values=2"}) {
    EXPECT_EQ(Ask("GET", "/search?" + bad).status, 400) << bad;
  }
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  std::string bytes;
  constexpr int kRequests = 300;
  for (int i = 0; i < kRequests; ++i) {
    const std::string value = std::to_string(i);
    bytes += "PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(value.size()) + "\r\n\r\n" +
             value;
    bytes += "GET /keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  HttpClient client(port_);
  client.Send(bytes);
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_EQ(client.Receive().status, 204);
    EXPECT_EQ(client.Receive().body, std::to_string(i));
  }
}

TEST_F(HttpTest, LargeValuesAndSlowReadersAreServed) {
  Start();
  std::string value(20'000'000, 'v');
  EXPECT_EQ(Ask("PUT", "/keys/large", value).status, 204);
  HttpClient client(port_);
  constexpr int kRequests = 30;
  for (int i = 0; i < kRequests; ++i) client.Send("GET /keys/large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(Say(*server_, {"PING"}), "PONG");
  for (int i = 0; i < kRequests; ++i) EXPECT_TRUE(client.Receive().body == value);
  EXPECT_LT(std::atoll(server_->Info("used_memory_peak").c_str()), 200'000'000)
      << "the responses are not all there at once";
  // The memory of the responses is freed.
  EXPECT_TRUE(Eventually([&] { return std::atoll(server_->Info("used_memory").c_str()) < 50'000'000; }));
}

TEST_F(HttpTest, ThePasswordIsAskedFor) {
  Start({"--requirepass", "secret"});
  EXPECT_EQ(Ask("GET", "/keys/a").status, 401);
  EXPECT_EQ(Ask("GET", "/metrics").status, 401);
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  for (const std::string target : {"/keys/a?nosuch=1", "/keys/%zz", "/keys/a?db=x", "/keys/a?db=1&db=1"}) {
    EXPECT_EQ(Ask("GET", target).status, 401) << target;
  }
  EXPECT_EQ(Ask("PUT", "/keys/a", "1", "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(Ask("PUT", "/keys/a", "1", "Authorization: Bearer secret\r\n").status, 204);
  EXPECT_EQ(Ask("GET", "/keys/a", "", "Authorization: Basic ZGVmYXVsdDpzZWNyZXQ=\r\n").body, "1");
  // Who has given it once has to give it again.
  HttpClient client(port_);
  EXPECT_EQ(client.Ask("GET", "/keys/a", "", "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(client.Ask("GET", "/keys/a").status, 401);
}

TEST_F(HttpTest, AnInterimResponseIsForHttp11) {
  Start();
  const std::string head = "Host: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
  for (const bool is_1_0 : {false, true}) {
    HttpClient client(port_);
    SendAll(client.socket(), std::string("PUT /keys/a HTTP/1.") + (is_1_0 ? "0" : "1") + "\r\n" + head);
    if (!is_1_0) {
      EXPECT_EQ(ReceiveExactly(client.socket(), 25), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    SendAll(client.socket(), "1");
    EXPECT_EQ(client.Receive().status, 204);
  }
}

TEST_F(HttpTest, HostileRequestsGetAnErrorAndAClose) {
  Start({"--http-max-body-size", "2000"});
  EXPECT_EQ(Provoke("GET /" + std::string(100'000, 'a')).status, 414);
  EXPECT_EQ(Provoke("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100'000, 'a')).status, 431);
  EXPECT_EQ(Provoke("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n").status, 413);
  EXPECT_EQ(Provoke("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n").status,
            400);
  EXPECT_EQ(Provoke("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n").status, 400);
  EXPECT_EQ(Provoke("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n" +
                    std::string(4000, 'x'))
                .status,
            413);
  EXPECT_EQ(Provoke("*1\r\n$4\r\nPING\r\n").status, 501);
  EXPECT_EQ(Provoke("GET / HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(Provoke("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
  EXPECT_EQ(Provoke("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").status, 501);
  EXPECT_EQ(Provoke("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
  EXPECT_EQ(Ask("POST", "/keys/a", "x", "Origin: http://elsewhere\r\n").status, 405);
  EXPECT_EQ(Ask("PUT", "/keys/a", "x", "Origin: http://elsewhere\r\n").status, 403);
  HttpClient client(port_);
  client.Send("nonsense\r\n\r\n");
  client.Receive();
  EXPECT_TRUE(client.HasEnded());
  EXPECT_EQ(Say(*server_, {"DBSIZE"}), "0");
}

TEST_F(HttpTest, RandomBytesDontHurt) {
  Start();
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> words = {"GET ",
                                          "PUT ",
                                          "/keys/a",
                                          " HTTP/1.1\r\n",
                                          "Host: localhost\r\n",
                                          "\r\n",
                                          "Content-Length: 5\r\n",
                                          "hello",
                                          "%00",
                                          "?ttl=1",
                                          "Transfer-Encoding: chunked\r\n",
                                          "5\r\n",
                                          "POST /mget",
                                          "\xff"};
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    while (random() % 20 != 0) bytes += words[random() % words.size()];
    HttpClient client(port_);
    client.Send(bytes);
  }
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_TRUE(Eventually([&] { return server_->Info("connected_clients") == "1"; }));
}

TEST_F(HttpTest, SlowRequestsAndIdleConnectionsEnd) {
  Start({"--http-timeout", "1", "--http-keepalive-timeout", "1"});
  HttpClient slow_head(port_);
  HttpClient slow_body(port_);
  HttpClient idle(port_);
  slow_head.Send("GET / HTTP/1.1\r\nHost:");
  slow_body.Send("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello");
  EXPECT_EQ(idle.Ask("GET", "/healthz").status, 200);
  EXPECT_EQ(slow_head.Receive().status, 408);
  EXPECT_EQ(slow_body.Receive().status, 408);
  EXPECT_TRUE(idle.HasEnded());
}

TEST_F(HttpTest, AnswersExpect100Continue) {
  Start();
  HttpClient client(port_);
  client.Send("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("hello");
  EXPECT_EQ(client.Receive().status, 204);
  HttpClient other(port_);
  other.Send("PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(other.Receive().status, 413);
}

TEST_F(HttpTest, WritesWaitForTheSyncAndForAPause) {
  Start({"--appendonly", "yes", "--appendfsync", "always"});
  EXPECT_EQ(Ask("PUT", "/keys/a", "1").status, 204);
  EXPECT_EQ(server_->Info("log_lsn_durable"), server_->Info("log_lsn_appended"));
  Say(*server_, {"CLIENT", "PAUSE", "300", "WRITE"});
  HttpClient client(port_);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.Ask("PUT", "/keys/a", "2").status, 204);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(200));
}

TEST_F(HttpTest, ErrorsOfCommandsBecomeStatuses) {
  Start({"--maxmemory", "1"});
  EXPECT_EQ(Ask("PUT", "/keys/a", "1").status, 507);
  Say(*server_, {"CONFIG", "SET", "maxmemory", "0"});
  Say(*server_, {"CONFIG", "SET", "min-replicas-to-write", "1"});
  EXPECT_TRUE(Eventually([&] { return Ask("PUT", "/keys/a", "1").status == 503; }));
  Say(*server_, {"CONFIG", "SET", "min-replicas-to-write", "0"});
  Say(*server_, {"CONFIG", "SET", "read-only", "yes"});
  EXPECT_TRUE(Eventually([&] { return Ask("PUT", "/keys/a", "1").status == 403; }));
}

TEST_F(HttpTest, AReplicaIsReadyWhenItHasCaughtUp) {
  ServerProcess primary;
  Start({"--replicaof", "127.0.0.1 " + std::to_string(primary.port()), "--ready-max-lag", "300"});
  ASSERT_TRUE(Eventually([&] { return server_->Info("master_link_status") == "up"; }));
  EXPECT_TRUE(Eventually([&] { return Ask("GET", "/readyz").status == 200; }));
  EXPECT_EQ(Ask("GET", "/readyz?role=replica").status, 200);
  EXPECT_EQ(Ask("GET", "/readyz?role=primary").status, 503);
  EXPECT_EQ(Ask("GET", "/readyz?role=other").status, 400);
  primary.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Ask("GET", "/readyz").status == 503; }));
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_EQ(Ask("PUT", "/keys/a", "1").status, 403);
}

TEST_F(HttpTest, AReplicaThatHasNeverReachedItsPrimaryIsNotReady) {
  Start({"--replicaof", "127.0.0.1 1", "--ready-max-lag", "60000"});  // nobody listens there
  const HttpReply reply = Ask("GET", "/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.body.find("not reached its primary"), std::string::npos) << reply.body;
}

TEST_F(HttpTest, AServerThatFollowsRedisIsNotReadyAsAPrimary) {
  Start({"--migrate-from", "127.0.0.1 1"});
  const HttpReply reply = Ask("GET", "/readyz?role=primary");
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.body.find("takes no writes"), std::string::npos) << reply.body;
  EXPECT_EQ(Say(*server_, {"REPLICAOF", "NO", "ONE"}), "OK");
  EXPECT_EQ(Ask("GET", "/readyz?role=primary").status, 200);
}

TEST_F(HttpTest, ServesRequestsWhileDrainingAndAnnouncesIt) {
  Start({"--shutdown-drain", "2"});
  HttpClient client(port_);
  EXPECT_EQ(client.Ask("PUT", "/keys/a", "1").status, 204);
  server_->Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return Ask("GET", "/readyz").status == 503; }));
  EXPECT_EQ(server_->Info("draining"), "1");
  const HttpReply last = client.Ask("GET", "/keys/a");
  EXPECT_EQ(last.body, "1");
  EXPECT_NE(last.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.HasEnded());
  EXPECT_EQ(Ask("GET", "/keys/a").status, 200);
  EXPECT_EQ(server_->WaitForEnd(), 0);
}

TEST_F(HttpTest, MetricsCountRequests) {
  Start({"--metrics-prefix", "user: session:"});
  Say(*server_, {"SET", "user:1", "12345"});
  Say(*server_, {"GET", "user:1"});
  Say(*server_, {"GET", "user:2"});
  Say(*server_, {"SET", "other", "1"});
  Ask("GET", "/keys/user:1");
  Ask("GET", "/keys/none");
  const std::string page = Ask("GET", "/metrics").body;
  for (const std::string line :
       {"ringkv_commands_total{command=\"get\"} 4", "ringkv_command_duration_seconds_count{command=\"set\"} 2",
        "ringkv_http_requests_total{endpoint=\"/keys/{key}\",code=\"200\"} 1",
        "ringkv_http_requests_total{endpoint=\"/keys/{key}\",code=\"404\"} 1", "ringkv_keys{db=\"0\"} 2",
        "ringkv_keyspace_hits_total 2", "ringkv_keyspace_misses_total 2", "ringkv_prefix_keys{prefix=\"user:\"} 1",
        "ringkv_prefix_reads_total{prefix=\"user:\"} 3", "ringkv_prefix_hits_total{prefix=\"user:\"} 2",
        "ringkv_prefix_writes_total{prefix=\"user:\"} 1", "ringkv_prefix_keys{prefix=\"session:\"} 0",
        "ringkv_ready 1"}) {
    EXPECT_NE(page.find(line + "\n"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace ringkv::test
