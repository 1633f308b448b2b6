// SPDX-License-Identifier: MIT
// Options that change what the process gets from the system, and configurations of other servers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

std::string ReadProcFile(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool AnswersOn(int port) {
  const Context client(::redisConnect("127.0.0.1", port));
  const Reply reply = Ask(client.get(), {"PING"});
  return reply != nullptr && reply->type == REDIS_REPLY_STATUS;
}

TEST(OptionsOfOthers, ServersStartWithConfigurationsOfRedisAndValkey) {
  for (const std::string version : {"redis-6.2", "redis-7.2", "redis-7.4", "valkey-8"}) {
    const TempDir dir;
    ServerProcess server(
        {std::string(RINGKV_SOURCE) + "/tests/data/config/" + version + ".txt", "--pidfile", dir.Path("pid")});
    ASSERT_NE(server.port(), 0) << version << ": " << server.Log();
    EXPECT_EQ(server.Ask("PING"), "+PONG") << version;
    EXPECT_NE(server.Log().find("options with nothing to act on here, see docs/configuration.md: "), std::string::npos);
  }
}

TEST(OptionsOfOthers, TheConfigurationOfTheSystemsRedisStarts) {
  const std::string path = "/etc/redis/redis.conf";
  if (::access(path.c_str(), R_OK) != 0) GTEST_SKIP() << "there is none, or not for us";
  const TempDir dir;
  ServerProcess server(
      {path, "--daemonize", "no", "--logfile", "", "--pidfile", dir.Path("pid"), "--dir", dir.Path("")});
  ASSERT_NE(server.port(), 0) << server.Log();
  EXPECT_EQ(server.Ask("PING"), "+PONG");
}

TEST(Listening, MovesToAnotherPortByConfigSet) {
  ServerProcess server({"--io-threads", "2"});
  const int port = FreePorts(1)[0];
  const Context client = ConnectTo(server);
  const Reply moved = Ask(client.get(), {"CONFIG", "SET", "port", std::to_string(port)});
  EXPECT_STREQ(moved->str, "OK");
  EXPECT_TRUE(Eventually([&] { return AnswersOn(port); }));
  EXPECT_TRUE(Eventually([&] { return !AnswersOn(server.port()); }));
  EXPECT_NE(Ask(client.get(), {"PING"}), nullptr) << "a client that is connected stays";
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "GET", "port"})->element[1]->str, std::to_string(port).c_str());
}

TEST(Listening, StaysWhereItIsIfAPortOrAddressCannotBeHad) {
  ServerProcess other;
  ServerProcess server;
  const Context client = ConnectTo(server);
  const std::string taken = std::to_string(other.port());
  const std::string before = std::to_string(server.port());
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "SET", "port", taken})->str,
               "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check "
               "server logs.");
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "SET", "bind", "203.0.113.7"})->str,
               "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.");
  const std::string free_port = std::to_string(FreePorts(1)[0]);
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "SET", "port", free_port, "bind", "203.0.113.7"})->str,
               "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.");
  EXPECT_TRUE(Eventually([&] { return AnswersOn(server.port()); }));
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "GET", "port"})->element[1]->str, before.c_str());
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "GET", "bind"})->element[1]->str, "127.0.0.1");
}

TEST(Listening, GoesBackAtOnceIfAnotherOptionIsRefusedOrMovesBack) {
  ServerProcess server({"--io-threads", "2"});
  const Context client = ConnectTo(server);
  const std::string before = std::to_string(server.port());
  const std::string other = std::to_string(FreePorts(1)[0]);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Ask(client.get(), {"CONFIG", "SET", "port", other, "maxclients", "100000000"})->type, REDIS_REPLY_ERROR);
    EXPECT_TRUE(Eventually([&] { return AnswersOn(server.port()); }));
    EXPECT_FALSE(AnswersOn(std::stoi(other)));
    for (const std::string& port : {other, before}) {
      EXPECT_STREQ(Ask(client.get(), {"CONFIG", "SET", "port", port})->str, "OK");
    }
  }
  EXPECT_TRUE(Eventually([&] { return AnswersOn(server.port()); }));
}

TEST(Listening, TakesFurtherAddressesByConfigSet) {
  ServerProcess server;
  const Context client = ConnectTo(server);
  EXPECT_STREQ(Ask(client.get(), {"CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2"})->str, "OK");
  EXPECT_TRUE(Eventually([&] {
    const Context second(::redisConnect("127.0.0.2", server.port()));
    return Ask(second.get(), {"PING"}) != nullptr;
  }));
  EXPECT_TRUE(AnswersOn(server.port()));
}

TEST(Host, TheTitleOfTheProcessFollowsItsTemplate) {
  ServerProcess server;
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_NE(ReadProcFile(server.pid(), "cmdline").find("ringkv-server " + address), std::string::npos)
      << ReadProcFile(server.pid(), "cmdline");
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "proc-title-template", "mine {port}"}), "OK");
  EXPECT_EQ(ReadProcFile(server.pid(), "cmdline").find("mine " + std::to_string(server.port())), 0u);
  EXPECT_EQ(
      Say(server, {"CONFIG", "SET", "proc-title-template", "{mine}"}),
      "ERR CONFIG SET failed (possibly related to argument 'proc-title-template') - template format is invalid or "
      "contains unknown variables");
}

// The processors that a thread of the server may use, by its name.
std::map<std::string, std::string> ProcessorsOf(pid_t pid) {
  std::map<std::string, std::string> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    std::ifstream status(task.path() / "status");
    const std::string key = "Cpus_allowed_list:\t";
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(key)) found[name] = line.substr(key.size());
    }
  }
  return found;
}

TEST(Host, ThreadsRunOnTheProcessorsOfTheirLists) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "there is one processor only";
  ServerProcess server({"--server_cpulist", "0", "--bio_cpulist", "1", "--appendonly", "yes"});
  const auto has = [&](const std::string& thread, const std::string& processors) {
    return Eventually([&] { return ProcessorsOf(server.pid())[thread] == processors; });
  };
  EXPECT_TRUE(has("io-0", "0"));
  EXPECT_TRUE(has("housekeeping", "0"));
  EXPECT_TRUE(has("log", "1"));
  EXPECT_TRUE(has("worker", "1"));
}

TEST(Host, TheOomScoreFollowsTheOptions) {
  ServerProcess server({"--oom-score-adj", "yes", "--oom-score-adj-values", "10 20 30"});
  int64_t base = 0;
  std::ifstream("/proc/self/oom_score_adj") >> base;
  const auto is = [&](int64_t score) {
    const std::string expected = std::to_string(std::min<int64_t>(base + score, 1000)) + "\n";
    return Eventually([&] { return ReadProcFile(server.pid(), "oom_score_adj") == expected; });
  };
  EXPECT_TRUE(is(10));
  EXPECT_EQ(Say(server, {"CONFIG", "SET", "oom-score-adj-values", "50 60 70"}), "OK");
  EXPECT_TRUE(is(50));
  EXPECT_EQ(Say(server, {"REPLICAOF", "127.0.0.1", "1"}), "OK");
  EXPECT_TRUE(is(60)) << "of a replica";
}

TEST(Host, ACrashIsLoggedUnlessThatIsOff) {
#ifdef RINGKV_SANITIZED
  GTEST_SKIP() << "a sanitizer tells of crashes by itself";
#endif
  for (const bool is_on : {true, false}) {
    ServerProcess server({"--crash-log-enabled", is_on ? "yes" : "no"});
    server.Signal(SIGSEGV);
    server.WaitForEnd();
    EXPECT_EQ(server.Log().find("crashes by SIGSEGV") != std::string::npos, is_on) << server.Log();
  }
}

TEST(Host, LogLinesGoToSyslog) {
  if (::geteuid() != 0 || std::filesystem::exists("/dev/log")) GTEST_SKIP() << "its socket can't be had";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string("/dev/log").copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval patience{10, 0};
  ::setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ServerProcess server({"--syslog-enabled", "yes", "--syslog-ident", "mine", "--syslog-facility", "local3"});
  char line[4096];
  const ssize_t size = ::recv(listener, line, sizeof line, 0);
  const std::string text(line, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  // Local3 is 19, notice is 5: 19 * 8 + 5, or 6 for what spdlog calls information.
  EXPECT_TRUE(text.starts_with("<157>") || text.starts_with("<158>")) << text;
  EXPECT_NE(text.find("mine["), std::string::npos) << text;
  ::close(listener);
  ::unlink("/dev/log");
}

TEST(Host, AReplicaConnectsFromItsSourceAddress) {
  ServerProcess primary;
  ServerProcess replica(
      {"--replicaof", "127.0.0.1 " + std::to_string(primary.port()), "--bind-source-addr", "127.0.0.9"});
  EXPECT_TRUE(Eventually([&] { return primary.Info("slave0").find("ip=127.0.0.9") != std::string::npos; }))
      << primary.Info("slave0");
}

TEST(ShutdownOnSignal, SavesOrNotAsItsOptionSays) {
  for (const std::string& flags : {std::string("save now"), std::string("nosave")}) {
    const TempDir dir;
    ServerProcess server(
        {"--dir", dir.Path(""), "--save", flags == "nosave" ? "3600 1" : "", "--shutdown-on-sigterm", flags});
    EXPECT_EQ(server.Ask("SET k v"), "+OK");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
    EXPECT_EQ(std::filesystem::exists(dir.Path("dump.rkv")), flags != "nosave") << flags;
  }
}

TEST(Logfile, InADirectoryThatIsNotThereStopsTheStart) {
  const TempDir dir;
  ServerProcess fails({"--logfile", dir.Path("missing/ringkv.log")});
  EXPECT_EQ(fails.WaitForEnd(), 1);
  EXPECT_NE(::access(dir.Path("missing").c_str(), F_OK), 0);
}

TEST(Renames, ACommandIsKnownByItsNewNameOnlyOrNotAtAll) {
  const TempDir dir;
  const std::string path = dir.Write("ringkv.conf",
                                     "rename-command CONFIG cfg\nrename-command flushall \"\"\n"
                                     "rename-command GET config\n");
  ServerProcess server({path});
  EXPECT_EQ(Say(server, {"SET", "k", "v"}), "OK");
  EXPECT_EQ(Say(server, {"config", "k"}), "v") << "a name that was given away is free";
  EXPECT_EQ(Say(server, {"GET", "k"}).find("ERR unknown command 'GET'"), 0u);
  EXPECT_EQ(Say(server, {"FLUSHALL"}).find("ERR unknown command 'FLUSHALL'"), 0u);
  EXPECT_EQ(Say(server, {"cfg", "SET", "hz", "20"}), "OK");
  EXPECT_EQ(Say(server, {"cfg", "REWRITE"}), "OK");
  EXPECT_EQ(dir.Read("ringkv.conf").find("rename-command CONFIG cfg\n"), 0u) << dir.Read("ringkv.conf");
  const Context client = ConnectTo(server);
  EXPECT_EQ(Ask(client.get(), {"CFG", "HELP"})->type, REDIS_REPLY_ARRAY);
  const std::pair<std::string, std::string> wrong[] = {
      {"rename-command NOSUCH x", ":1: rename-command: there is no command 'NOSUCH'"},
      {"rename-command GET set", ":1: rename-command: there is a command 'set' already"}};
  for (const auto& [line, says] : wrong) {
    ServerProcess fails({dir.Write("wrong.conf", line + "\n")});
    EXPECT_EQ(fails.WaitForEnd(), 1);
    EXPECT_NE(fails.Log().find(says), std::string::npos) << fails.Log();
  }
}

TEST(LoadTruncated, WithNoATornTailStopsTheStart) {
  const TempDir dir;
  const std::vector<std::string> options = {"--dir", dir.Path(""), "--appendonly", "yes", "--appendfsync", "always"};
  std::vector<std::string> strict = options;
  strict.insert(strict.end(), {"--aof-load-truncated", "no"});
  for (int start = 0; start < 2; ++start) {
    ServerProcess server(strict);
    EXPECT_EQ(server.Ask("SET k v"), "+OK") << "nothing is torn: " << server.Log();
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  std::filesystem::path log;
  for (const auto& file : std::filesystem::directory_iterator(dir.Path("appendonlydir"))) {
    if (file.path().extension() == ".log") log = std::max(log, file.path());
  }
  std::ofstream(log, std::ios::binary | std::ios::app) << "torn";
  ServerProcess refuses(strict);
  EXPECT_EQ(refuses.WaitForEnd(), 1);
  EXPECT_NE(refuses.Log().find("has a torn tail of "), std::string::npos) << refuses.Log();
  ServerProcess cuts(options);
  EXPECT_EQ(cuts.Ask("GET k"), "$1");
}

}  // namespace
}  // namespace ringkv::test
