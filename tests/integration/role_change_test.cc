// SPDX-License-Identifier: MIT
// Changes of roles as Sentinel makes them: a transaction of REPLICAOF, CONFIG REWRITE and CLIENT KILL.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/cutting_proxy.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

// The transaction by which Sentinel changes a role. `first`: a command in front of its own.
Reply Reconfigure(const ServerProcess& server, const std::string& host, const std::string& port,
                  const std::vector<std::string>& first = {}) {
  const Context context = ConnectTo(server);
  Ask(context.get(), {"MULTI"});
  if (!first.empty()) Ask(context.get(), first);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"SLAVEOF", host, port},
                                             {"CONFIG", "REWRITE"},
                                             {"CLIENT", "KILL", "TYPE", "normal"},
                                             {"CLIENT", "KILL", "TYPE", "pubsub"}}) {
    EXPECT_STREQ(Ask(context.get(), words)->str, "QUEUED");
  }
  return Ask(context.get(), {"EXEC"});
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A server with a configuration file, in which CONFIG REWRITE keeps the role.
class ConfiguredServer {
 public:
  explicit ConfiguredServer(const std::string& lines) {
    std::ofstream(path_) << lines;
    Start();
  }
  void Start() {
    server_ = std::make_unique<ServerProcess>(
        WithDebug({path_, "--io-threads", "2", "--dir", dir_.Path(""), "--appendfsync", "always"}));
  }
  void Kill() {
    server_->Signal(SIGKILL);
    EXPECT_EQ(server_->WaitForEnd(), 128 + SIGKILL);
  }
  const ServerProcess& operator*() const { return *server_; }
  std::string file() const { return ReadFile(path_); }
  bool HasHistory() const { return ::access(dir_.Path("replication.history").c_str(), F_OK) == 0; }

 private:
  const TempDir dir_;
  const std::string path_ = dir_.Path("ringkv.conf");
  std::unique_ptr<ServerProcess> server_;
};

// Clients that reconnect as soon as they are cut. Each writes then, which fails if the role has not changed yet.
class Reconnecting {
 public:
  explicit Reconnecting(const ServerProcess& server) : server_(server) {
    for (int i = 0; i < kClients; ++i) {
      contexts_.push_back(ConnectTo(server));
      EXPECT_NE(Ask(contexts_.back().get(), {"PING"}), nullptr);
    }
    for (const Context& context : contexts_) threads_.emplace_back([&] { WriteWhenCut(context.get()); });
  }
  ~Reconnecting() { Join(); }
  void Join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int written() const { return written_; }
  static constexpr int kClients = 16;

 private:
  void WriteWhenCut(redisContext* context) {
    void* reply = nullptr;
    EXPECT_EQ(::redisGetReply(context, &reply), REDIS_ERR) << "it has asked nothing";
    if (Say(server_, {"SET", "key", "value"}) == "OK") ++written_;
  }

  const ServerProcess& server_;
  std::vector<Context> contexts_;
  std::vector<std::thread> threads_;
  std::atomic<int> written_{0};
};

TEST(SentinelsTransaction, PromotesThenRewritesThenCutsClients) {
  ServerProcess primary;
  ConfiguredServer replica("# of the replica\nreplicaof 127.0.0.1 " + std::to_string(primary.port()) + "\n");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(*replica, primary); }));
  Reconnecting clients(*replica);
  const Reply reply = Reconfigure(*replica, "NO", "ONE");
  ASSERT_EQ(reply->elements, 4u);
  EXPECT_STREQ(reply->element[0]->str, "OK");
  EXPECT_STREQ(reply->element[1]->str, "OK");
  EXPECT_EQ(reply->element[2]->integer, Reconnecting::kClients);
  clients.Join();
  EXPECT_EQ(clients.written(), Reconnecting::kClients) << "they were cut when this was the primary";
  EXPECT_EQ(replica.file().find("replicaof"), std::string::npos) << replica.file();
  EXPECT_NE(replica.file().find("# of the replica"), std::string::npos);
}

TEST(SentinelsTransaction, CutsClientsAfterThePromotionAlsoWhenItHoldsLocksOfData) {
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port(), {"--io-threads", "2"}));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  Reconnecting clients(replica);
  EXPECT_EQ(Reconfigure(replica, "NO", "ONE", {"GET", "key"})->elements, 5u);
  clients.Join();
  EXPECT_EQ(clients.written(), Reconnecting::kClients);
}

TEST(SentinelsTransaction, PromotesAndDemotesInOrderAlsoWhenItHoldsLocksOfData) {
  ServerProcess primary;
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
  const Context context = ConnectTo(replica);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"MULTI"},
                                             {"GET", "key"},
                                             {"REPLICAOF", "NO", "ONE"},
                                             {"REPLICAOF", "127.0.0.1", std::to_string(primary.port())}}) {
    Ask(context.get(), words);
  }
  const Reply reply = Ask(context.get(), {"EXEC"});
  ASSERT_EQ(reply->elements, 3u);
  EXPECT_STREQ(reply->element[2]->str, "OK");
  EXPECT_EQ(RoleOf(replica), "slave");
}

TEST(SentinelsTransaction, DemotesAndTheServerComesBackAsAReplica) {
  ServerProcess primary;
  EXPECT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
  ConfiguredServer server("appendonly yes\n");
  EXPECT_EQ(Say(*server, {"SET", "a", "c"}), "OK");
  const std::string port = std::to_string(primary.port());
  EXPECT_STREQ(Reconfigure(*server, "127.0.0.1", port)->element[0]->str, "OK");
  EXPECT_EQ(RoleOf(*server), "slave");
  EXPECT_NE(server.file().find("replicaof 127.0.0.1 " + port + "\n"), std::string::npos) << server.file();
  server.Kill();
  server.Start();
  EXPECT_EQ(RoleOf(*server), "slave");
  EXPECT_TRUE(Eventually([&] { return Say(*server, {"GET", "a"}) == "b"; }));
}

TEST(SentinelsTransaction, APrimaryThatWasReplacedWhileItWasDownResumesAsAReplica) {
  ConfiguredServer old("appendonly yes\n");
  ServerProcess replica(ReplicaOf((*old).port()));
  EXPECT_EQ(Say(*old, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, *old) && old.HasHistory(); }));
  old.Kill();
  Reconfigure(replica, "NO", "ONE");
  EXPECT_EQ(Say(replica, {"SET", "a", "c"}), "OK");
  for (int i = 0; i < 2; ++i) {
    old.Start();
    EXPECT_EQ(RoleOf(*old), "master") << "until Sentinel notices";
    if (i == 0) old.Kill();
  }
  Reconfigure(*old, "127.0.0.1", std::to_string(replica.port()));
  ExpectEqual(*old, replica);
  EXPECT_EQ(replica.Info("sync_full"), "0");
}

TEST(SentinelsTransaction, MovesAReplicaAwayFromAPrimaryThatIsSilentAmidAFullSync) {
  ServerProcess silent(WithDebug({}));
  ServerProcess other(WithDebug({}));
  EXPECT_EQ(Say(other, {"SET", "a", "b"}), "OK");
  Fill(silent, 20000);
  CuttingProxy proxy(silent.port());
  proxy.CutAfter(50'000);
  ServerProcess replica(ReplicaOf(proxy.port()));
  ASSERT_TRUE(Eventually([&] { return Say(replica, {"GET", "a"}).starts_with("LOADING"); }));
  proxy.Hold(true);
  EXPECT_EQ(replica.Info("slave_priority"), "0") << "Sentinel must not promote it";
  EXPECT_EQ(replica.Info("slave_repl_offset"), "0");
  const Reply reply = Reconfigure(replica, "127.0.0.1", std::to_string(other.port()));
  ASSERT_EQ(reply->type, REDIS_REPLY_ARRAY) << reply->str;
  EXPECT_STREQ(reply->element[0]->str, "OK");
  ExpectEqual(replica, other);
  EXPECT_EQ(replica.Info("slave_priority"), "100");
}

TEST(SentinelsTransaction, ReplicasResumeAtTheNewPrimary) {
  ServerProcess primary(WithDebug({}));
  ServerProcess first(ReplicaOf(primary.port()));
  ServerProcess second(ReplicaOf(primary.port()));
  EXPECT_EQ(Say(primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(first, primary) && HasCaughtUp(second, primary); }));
  primary.Signal(SIGSTOP);
  Reconfigure(first, "NO", "ONE");
  EXPECT_EQ(Say(first, {"SET", "a", "c"}), "OK");
  Reconfigure(second, "127.0.0.1", std::to_string(first.port()));
  ExpectEqual(second, first);
  EXPECT_EQ(first.Info("sync_full"), "0");
  EXPECT_EQ(first.Info("sync_partial_ok"), "1");
  primary.Signal(SIGCONT);
  Reconfigure(primary, "127.0.0.1", std::to_string(first.port()));
  ExpectEqual(primary, first);
  EXPECT_EQ(first.Info("sync_full"), "0") << "the old primary has nothing that the new one lacks";
}

// Sentinel promotes the replica with the highest offset.
TEST(ReplicaOffset, IsThatOfTheDataAlsoAfterARestartWithoutThePrimary) {
  const TempDir dir;
  auto primary = std::make_unique<ServerProcess>(WithDebug({}));
  CuttingProxy proxy(primary->port());
  ServerProcess behind(ReplicaOf(proxy.port()));
  const std::vector<std::string> options =
      ReplicaOf(primary->port(), {"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"});
  auto ahead = std::make_unique<ServerProcess>(options);
  ASSERT_TRUE(Eventually([&] {
    return HasCaughtUp(behind, *primary) && HasCaughtUp(*ahead, *primary) &&
           ::access(dir.Path("replication.history").c_str(), F_OK) == 0;
  }));
  proxy.Hold(true);
  EXPECT_EQ(Say(*primary, {"SET", "a", "b"}), "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(*ahead, *primary); }));
  const std::string offset = ahead->Info("slave_repl_offset");
  EXPECT_GT(std::stoull(offset), std::stoull(behind.Info("slave_repl_offset")));
  const Context context = ConnectTo(*primary);
  Ask(context.get(), {"SET", "a", "c"});
  EXPECT_EQ(Ask(context.get(), {"WAIT", "1", "0"})->integer, 1) << "it has synced the group before";
  primary.reset();
  ahead->Signal(SIGKILL);
  ahead->WaitForEnd();
  ahead = std::make_unique<ServerProcess>(options);
  EXPECT_GE(std::stoull(ahead->Info("slave_repl_offset")), std::stoull(offset) + 1);
}

// The names of files in the directory that begin so.
std::vector<std::string> FilesIn(const TempDir& dir, const std::string& beginning) {
  std::vector<std::string> found;
  for (const auto& each : std::filesystem::directory_iterator(dir.Path(""))) {
    if (each.path().filename().string().starts_with(beginning)) found.push_back(each.path().string());
  }
  return found;
}

TEST(FormerPrimary, KeepsInAFileWhatItsSuccessorLacks) {
  for (const std::string log : {"yes", "no"}) {
    const TempDir dir;
    ServerProcess primary(WithDebug({"--dir", dir.Path(""), "--appendonly", log}));
    CuttingProxy proxy(primary.port());
    ServerProcess replica(ReplicaOf(proxy.port()));
    EXPECT_EQ(Say(primary, {"SET", "kept", "1"}), "OK");
    ASSERT_TRUE(Eventually([&] { return HasCaughtUp(replica, primary); }));
    const std::string common = replica.Info("slave_repl_offset");
    proxy.Hold(true);
    for (const std::string value : {"one", "two", "three"}) {
      EXPECT_EQ(Say(primary, {"SET", "lost", "only here: " + value}), "OK");
    }
    const std::string last = primary.Info("master_repl_offset");
    EXPECT_EQ(Say(replica, {"REPLICAOF", "NO", "ONE"}), "OK");
    EXPECT_EQ(Say(replica, {"SET", "kept", "2"}), "OK");
    Reconfigure(primary, "127.0.0.1", std::to_string(replica.port()));
    ExpectEqual(primary, replica);
    EXPECT_EQ(Say(primary, {"EXISTS", "lost"}), "0");
    const std::vector<std::string> files = FilesIn(dir, "dropped-");
    ASSERT_EQ(files.size(), 1u) << primary.Log();
    EXPECT_NE(ReadFile(files[0]).find("only here: three"), std::string::npos);
    const std::string what =
        "groups " + std::to_string(std::stoull(common) + 1) + " to " + last + ", which this node had";
    EXPECT_NE(primary.Log().find(what), std::string::npos) << primary.Log();
  }
}

// Right after a full sync no file is of the data here, so none could name its history yet.
TEST(Promotion, IsInItsFileBeforeAReplyDependsOnIt) {
  ServerProcess primary;
  Fill(primary, 1000);
  const TempDir dir;
  ServerProcess replica(
      ReplicaOf(primary.port(), {"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"}));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  ASSERT_EQ(Say(replica, {"REPLICAOF", "NO", "ONE"}), "OK");
  ASSERT_EQ(Say(replica, {"SET", "after", "1"}), "OK");
  const std::string named = ReadFile(dir.Path("replication.history"));
  EXPECT_NE(named.find(replica.Info("master_replid")), std::string::npos) << named;
}

}  // namespace
}  // namespace ringkv::test
