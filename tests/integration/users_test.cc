// SPDX-License-Identifier: MIT
// Users where more than one connection, file or node is needed.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/proxy_cluster.h"
#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr std::string_view kDenied = "NOPERM this user has no permissions to ";

Context Login(const ServerProcess& server, const std::string& user, const std::string& password) {
  Context context = ConnectTo(server);
  const Reply reply = Ask(context.get(), {"AUTH", user, password});
  EXPECT_NE(reply, nullptr);
  EXPECT_STREQ(reply->str, "OK");
  return context;
}

std::string TextOf(redisContext* context, const std::vector<std::string>& words) {
  const Reply reply = Ask(context, words);
  if (reply == nullptr) return "<closed>";
  if (reply->type == REDIS_REPLY_ARRAY) return "<" + std::to_string(reply->elements) + ">";
  return reply->str == nullptr ? "" : std::string(reply->str, reply->len);
}

bool IsClosed(redisContext* context) {
  char byte = 0;
  return ::recv(context->fd, &byte, 1, 0) == 0;
}

TEST(Users, ABlockedClientThatMayNotAnyMoreIsNotServed) {
  const ServerProcess server;
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "on", ">p", "~*", "+blpop"}), "OK");
  const Context waiting = Login(server, "u", "p");
  SendRequest(waiting.get(), {"BLPOP", "list", "0"});
  ASSERT_TRUE(Eventually([&] { return server.Info("blocked_clients") == "1"; }));
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "resetkeys", "~other"}), "OK");
  ASSERT_EQ(Say(server, {"RPUSH", "list", "v"}), "1");
  EXPECT_EQ(std::string(TakeReply(waiting.get())->str).substr(0, kDenied.size()), kDenied);
  EXPECT_EQ(Say(server, {"LLEN", "list"}), "1");
}

TEST(Users, WhoLosesAChannelIsCut) {
  const ServerProcess server({"--io-threads", "2"});
  for (const std::string kind : {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"}) {
    ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "reset", "on", ">p", "+@pubsub", "&c1", "&c2"}), "OK");
    const Context first = Login(server, "u", "p");
    const Context second = Login(server, "u", "p");
    EXPECT_EQ(TextOf(first.get(), {kind, "c1"}), "<3>");
    EXPECT_EQ(TextOf(second.get(), {kind, "c2"}), "<3>");
    ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "resetchannels", "&c2", "&c3"}), "OK");
    EXPECT_TRUE(IsClosed(first.get())) << kind;
    EXPECT_EQ(TextOf(second.get(), {kind, "c3"}), "<3>") << kind;
    EXPECT_EQ(TextOf(second.get(), {kind, "c1"}).substr(0, kDenied.size()), kDenied) << kind;
  }
}

TEST(Users, ADeletedUsersConnectionsAreClosed) {
  const ServerProcess server;
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "on", ">p", "~*", "+@all"}), "OK");
  const Context other = Login(server, "u", "p");
  const Context own = Login(server, "u", "p");
  const Reply deleted = Ask(own.get(), {"ACL", "DELUSER", "u"});
  ASSERT_NE(deleted, nullptr) << "the answer still comes";
  EXPECT_EQ(deleted->integer, 1);
  EXPECT_TRUE(IsClosed(own.get()));
  EXPECT_TRUE(IsClosed(other.get()));
  EXPECT_EQ(Say(server, {"AUTH", "u", "p"}).substr(0, 9), "WRONGPASS");
}

TEST(Users, AreShownInTheListOfClientsAndKilledByTheirName) {
  const ServerProcess server;
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "on", ">p", "+client|getname"}), "OK");
  const Context user = Login(server, "u", "p");
  EXPECT_NE(Say(server, {"CLIENT", "LIST"}).find(" user=u "), std::string::npos);
  EXPECT_NE(Say(server, {"CLIENT", "LIST"}).find(" user=default "), std::string::npos);
  EXPECT_EQ(Say(server, {"CLIENT", "KILL", "USER", "nobody"}), "ERR No such user 'nobody'");
  EXPECT_EQ(Say(server, {"CLIENT", "KILL", "USER", "u"}), "1");
  EXPECT_TRUE(IsClosed(user.get()));
}

TEST(Users, AChangeHoldsForTheNextRequestOfEveryConnection) {
  const ServerProcess server({"--io-threads", "2"});
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "on", ">p", "~*", "+get"}), "OK");
  std::vector<Context> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Login(server, "u", "p"));
  for (int i = 0; i < 20; ++i) {
    const bool may = i % 2 == 1;
    ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", may ? "+get" : "-get"}), "OK");
    for (const Context& client : clients) {
      EXPECT_EQ(TextOf(client.get(), {"GET", "k"}).empty(), may);
    }
  }
}

TEST(Users, StandInTheConfigurationAndSurviveItsRewriting) {
  const TempDir dir;
  const std::string path = dir.Write("ringkv.conf",
                                     "user alice on >pw ~a:* (+set ~b)\nrequirepass secret\n"
                                     "user default on >own ~* &* +@all\n");
  std::string before;
  {
    const ServerProcess server({path});
    const Context admin = Login(server, "default", "own");
    EXPECT_EQ(TextOf(admin.get(), {"AUTH", "secret"}).substr(0, 9), "WRONGPASS") << "the line comes after requirepass";
    EXPECT_EQ(TextOf(admin.get(), {"ACL", "SETUSER", "bob", "on", ">b", "+get"}), "OK");
    EXPECT_EQ(TextOf(admin.get(), {"ACL", "DELUSER", "nobody"}), "");
    EXPECT_EQ(TextOf(admin.get(), {"CONFIG", "REWRITE"}), "OK");
    EXPECT_EQ(TextOf(Login(server, "alice", "pw").get(), {"SET", "b", "v"}), "OK");
  }
  EXPECT_EQ(dir.Read("ringkv.conf").find(">pw"), std::string::npos) << "only its hash";
  const ServerProcess again({path});
  const Context admin = Login(again, "default", "own");
  EXPECT_EQ(TextOf(admin.get(), {"ACL", "LIST"}), "<3>");
  EXPECT_EQ(TextOf(Login(again, "alice", "pw").get(), {"SET", "b", "v"}), "OK");
  Login(again, "bob", "b");
}

TEST(Users, QuotesInNamesAndPatternsSurviveTheRewriting) {
  const TempDir dir;
  const std::string path = dir.Write("ringkv.conf", "");
  std::string before;
  const auto keys = [](redisContext* admin) {
    const Reply user = Ask(admin, {"ACL", "GETUSER", R"(o'"neil\)"});
    return user->type == REDIS_REPLY_ARRAY ? std::string(user->element[7]->str) : "no such user";
  };
  {
    const ServerProcess server({path});
    const Context admin = ConnectTo(server);
    EXPECT_EQ(TextOf(admin.get(), {"ACL", "SETUSER", R"(o'"neil\)", "on", ">p", R"(~a"b'c\d)", "+get"}), "OK");
    EXPECT_EQ(TextOf(admin.get(), {"CONFIG", "REWRITE"}), "OK");
    before = keys(admin.get());
  }
  const ServerProcess again({path});
  EXPECT_EQ(keys(ConnectTo(again).get()), before);
  EXPECT_EQ(before, R"(~a"b'c\d)");
}

TEST(Users, AFailedSaveLeavesNothingBehind) {
  const TempDir dir;
  const std::string path = dir.Write("users.acl", "user default on nopass ~* &* +@all\n");
  const ServerProcess server({"--aclfile", path});
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(Say(server, {"ACL", "SAVE"}).substr(0, 37), "ERR There was an error trying to save");
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(Users, AnAclFileIsReadAndWritten) {
  const TempDir dir;
  const std::string path = dir.Write("users.acl", "user alice on >pw ~a +get\n");
  const ServerProcess server({"--aclfile", path});
  const Context alice = Login(server, "alice", "pw");
  EXPECT_EQ(Say(server, {"ACL", "SETUSER", "bob", "on", ">b", "+get", "~b"}), "OK");
  EXPECT_EQ(Say(server, {"ACL", "SAVE"}), "OK");
  EXPECT_EQ(dir.Read("users.acl").find(">"), std::string::npos);
  EXPECT_NE(dir.Read("users.acl").find("user bob on #"), std::string::npos);
  const Context bob = Login(server, "bob", "b");
  EXPECT_EQ(Say(server, {"ACL", "LOAD"}), "OK");
  EXPECT_TRUE(IsClosed(alice.get())) << "as in Redis all users are new ones";
  EXPECT_TRUE(IsClosed(bob.get()));
  EXPECT_EQ(TextOf(Login(server, "bob", "b").get(), {"GET", "b"}), "");
  dir.Write("users.acl", "user carol on\nuser dave +nosuch\n");
  EXPECT_NE(Say(server, {"ACL", "LOAD"}).find("no change to the previously active ACL rules"), std::string::npos);
  EXPECT_EQ(TextOf(Login(server, "default", "").get(), {"ACL", "USERS"}), "<3>");
}

TEST(Users, TheAclFileIsWrittenByOneClientAtATime) {
  const TempDir dir;
  dir.Write("users.acl", "user default on nopass ~* &* +@all\n");
  const ServerProcess server({"--io-threads", "3", "--aclfile", dir.Path("users.acl")});
  constexpr int kSaves = 50;
  std::vector<Context> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(ConnectTo(server));
  for (int i = 0; i < kSaves; ++i) {
    for (const Context& client : clients) SendRequest(client.get(), {"ACL", "SAVE"});
  }
  for (const Context& client : clients) {
    for (int i = 0; i < kSaves; ++i) EXPECT_STREQ(TakeReply(client.get())->str, "OK");
  }
  EXPECT_EQ(Say(server, {"ACL", "LOAD"}), "OK");
}

TEST(Users, AConditionOnAValueNeedsTheRightToReadIt) {
  const ServerProcess server;
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "u", "on", ">p", "%W~*", "+@all"}), "OK");
  ASSERT_EQ(Say(server, {"SET", "key", "hidden"}), "OK");
  const Context client = Login(server, "u", "p");
  EXPECT_EQ(TextOf(client.get(), {"SET", "key", "hidden"}), "OK");
  for (const std::string word : {"GET", "IFEQ", "ifne", "IFDEQ", "IFDNE"}) {
    const std::string answer = TextOf(client.get(), {"SET", "key", "x", word, "hidden"});
    EXPECT_EQ(answer.substr(0, 6), "NOPERM") << word;
  }
}

TEST(Users, AStartWithWrongUsersSaysWhere) {
  const TempDir dir;
  const auto error_of = [](const std::vector<std::string>& options) {
    ServerProcess server(options);
    EXPECT_EQ(server.WaitForEnd(), 1);
    return server.Log();
  };
  const std::string path = dir.Write("ringkv.conf", "port 0\nuser alice >secret +nosuch\n");
  const std::string unknown = error_of({path});
  EXPECT_NE(unknown.find(path + ":2: user 'alice': '+nosuch': Unknown command"), std::string::npos) << unknown;
  const std::string file = dir.Write("users.acl", "user bob >secret ~* ~a\n");
  const std::string wrong = error_of({"--aclfile", file});
  EXPECT_NE(wrong.find(file + ":1: Adding a pattern after the * pattern"), std::string::npos) << wrong;
  EXPECT_EQ((unknown + wrong).find("secret"), std::string::npos);
  const std::string both = dir.Write("both.conf", "user alice on\naclfile " + file + "\n");
  EXPECT_NE(error_of({both}).find(both + ":1: users can't be given both"), std::string::npos);
  const std::string none = error_of({"--aclfile", dir.Path("none")});
  const std::string as_redis = "Error loading ACLs, opening file '" + dir.Path("none") + "': No such file or directory";
  EXPECT_NE(none.find(as_redis), std::string::npos) << none;
}

TEST(Users, AReplicaNeedsOnlyItsCommands) {
  const ServerProcess primary;
  ASSERT_EQ(Say(primary, {"ACL", "SETUSER", "replica", "on", ">p", "+psync", "+replconf", "+ping"}), "OK");
  ASSERT_EQ(Say(primary, {"ACL", "SETUSER", "default", "off"}), "OK");
  const std::string place = "127.0.0.1 " + std::to_string(primary.port());
  const ServerProcess replica({"--replicaof", place, "--masteruser", "replica", "--masterauth", "p"});
  EXPECT_TRUE(Eventually([&] { return replica.Info("master_link_status") == "up"; }));
  const ServerProcess stranger({"--replicaof", place, "--masteruser", "replica", "--masterauth", "wrong"});
  EXPECT_TRUE(Eventually([&] { return stranger.Log().find("WRONGPASS") != std::string::npos; }));
}

TEST(Users, OverHttpAPathNeedsWhatItsCommandNeeds) {
  const int port = FreePorts(1)[0];
  const ServerProcess server({"--http-port", std::to_string(port)});
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& head) {
    return HttpClient(port).Ask(method, path, method == "PUT" ? "v" : "", head);
  };
  const std::string alice = "Authorization: Basic YWxpY2U6cHc=\r\n";
  const std::string wrong = "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n";
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "alice", "on", ">pw", "~a*", "+get"}), "OK");
  EXPECT_EQ(ask("PUT", "/keys/a", "").status, 204) << "default may do everything, without a password";
  EXPECT_EQ(ask("GET", "/keys/a", alice).status, 200);
  EXPECT_EQ(ask("GET", "/keys/b", alice).status, 403) << "not 404";
  EXPECT_EQ(ask("PUT", "/keys/a", alice).status, 403);
  EXPECT_EQ(ask("GET", "/search?prefix=a", alice).status, 403);
  EXPECT_EQ(ask("GET", "/metrics", alice).status, 403);
  EXPECT_EQ(ask("GET", "/console/history", alice).status, 403);
  EXPECT_EQ(ask("GET", "/keys/a", wrong).status, 401);
  EXPECT_EQ(ask("GET", "/healthz", wrong).status, 200) << "that is open";
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "default", "-get"}), "OK");
  const HttpReply login = ask("GET", "/keys/a", "");
  EXPECT_EQ(login.status, 401) << "who logs in may have it";
  EXPECT_NE(login.head.find("WWW-Authenticate: Basic"), std::string::npos);
  EXPECT_EQ(ask("GET", "/keys/a", alice).body, "v");
  ASSERT_EQ(Say(server, {"ACL", "SETUSER", "default", "+get", "+info"}), "OK");
  ASSERT_EQ(Say(server, {"CONFIG", "SET", "requirepass", "secret", "http-open-paths", "/metrics"}), "OK");
  EXPECT_EQ(ask("GET", "/metrics", "").status, 200);
  EXPECT_EQ(ask("GET", "/healthz", "").status, 401);
  EXPECT_EQ(ask("GET", "/console/history", "").status, 401);
  EXPECT_EQ(ask("GET", "/console/history", "Authorization: Bearer secret\r\n").status, 200);
  const Context admin = Login(server, "default", "secret");
  const Reply log = Ask(admin.get(), {"ACL", "LOG", "1"});
  ASSERT_EQ(log->elements, 1u);
  EXPECT_EQ(TextOf(admin.get(), {"ACL", "SETUSER", "alice", "+info", "+ping", "+scan"}), "OK");
  EXPECT_EQ(ask("GET", "/console/history", alice).status, 200);
  EXPECT_EQ(ask("GET", "/healthz", alice).status, 200);
}

TEST_F(ProxyTest, APassedOnRequestHasTheRightsOfItsSender) {
  const std::string key = KeyAt(1);
  for (const auto& node : nodes_) {
    ASSERT_EQ(Say(*node, {"ACL", "SETUSER", "u", "on", ">p", "~" + key, "+@all"}), "OK");
  }
  const std::string other = "x{" + key + "}";
  const Context client = Login(Node(0), "u", "p");
  EXPECT_EQ(TextOf(client.get(), {"SET", key, "v"}), "OK");
  EXPECT_EQ(TextOf(client.get(), {"SET", other, "v"}).substr(0, kDenied.size()), kDenied);
  EXPECT_EQ(TextOf(client.get(), {"MGET", key, KeyAt(2)}).substr(0, kDenied.size()), kDenied);
  const std::string script = "return redis.call('GET', KEYS[1])";
  EXPECT_EQ(TextOf(client.get(), {"EVAL", script, "1", key}).substr(0, 6), "MOVED ") << "it might call anything there";
  EXPECT_EQ(TextOf(client.get(), {"MULTI"}), "OK");
  EXPECT_EQ(TextOf(client.get(), {"EVAL", script, "1", key}).substr(0, 6), "MOVED ");
  EXPECT_EQ(TextOf(client.get(), {"EXEC"}).substr(0, 9), "EXECABORT");
  EXPECT_EQ(TextOf(client.get(), {"MULTI"}), "OK");
  EXPECT_EQ(TextOf(client.get(), {"SET", key, "w"}), "QUEUED");
  EXPECT_EQ(TextOf(client.get(), {"EXEC"}), "<1>");
  EXPECT_EQ(TextOf(client.get(), {"MULTI"}), "OK");
  EXPECT_EQ(TextOf(client.get(), {"SET", key, "z"}), "QUEUED");
  ASSERT_EQ(Say(Node(0), {"ACL", "SETUSER", "u", "-set"}), "OK");
  EXPECT_EQ(TextOf(client.get(), {"EXEC"}).substr(0, 9), "EXECABORT");
  EXPECT_EQ(Say(Node(0), {"GET", key}), "w");
}

}  // namespace
}  // namespace ringkv::test
