// SPDX-License-Identifier: MIT
// How the program starts, ends, and says what is wrong.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

TEST(Process, EndsCleanlyOnSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    ServerProcess server;
    const int client = server.Connect();
    SendAll(client, "PING\r\n");
    ReceiveExactly(client, 7);
    server.Signal(signal);
    EXPECT_EQ(server.WaitForEnd(), 0);
    EXPECT_EQ(ReceiveToEnd(client), "");
    EXPECT_NE(server.Log().find("RingKV ends, bye"), std::string::npos);
    ::close(client);
  }
}

TEST(Process, EndsOnShutdown) {
  ServerProcess server({"--io-threads", "3"});
  EXPECT_EQ(server.Ask("SHUTDOWN NOSAVE"), "");
  EXPECT_EQ(server.WaitForEnd(), 0);
}

TEST(Process, TheReadyLineNamesVersionPortPidAndThreads) {
  ServerProcess server({"--io-threads", "2"});
  const std::string log = server.Log();
  EXPECT_NE(log.find("RingKV 0.1.0 is ready: port " + std::to_string(server.port()) + ", pid " +
                     std::to_string(server.pid()) + ", io-threads 2"),
            std::string::npos)
      << log;
}

struct FailedStart {
  std::vector<std::string> options;
  std::string says;
};

TEST(Process, AFailedStartIsOneClearLineAndExitOne) {
  ServerProcess other;
  const TempDir dir;
  const std::string fifo = dir.Path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::vector<FailedStart> cases = {
      {{"--port", std::to_string(other.port())}, "Address already in use"},
      {{"--bind", "203.0.113.7"}, "cannot listen on 203.0.113.7"},
      {{"--bind", "no.such.host.invalid"}, "cannot listen on no.such.host.invalid"},
      {{"--nosuch", "1"}, "unknown option 'nosuch'"},
      {{"--maxmemory", "lots"}, "argument must be a memory value"},
      {{"--load-file", dir.Path("missing")}, "cannot open load-file"},
      {{"--load-file", dir.Write("bad", "a 1\nnovalue\n")}, "line 2"},
      {{"--dir", dir.Path("missing")}, "cannot use dir"},
      {{"--logfile", "/proc/missing/log"}, "cannot open logfile"},
      {{"--logfile", fifo}, "no process reads this FIFO"},
      {{"--unixsocket", std::string(200, 'x')}, "the path is longer than"},
  };
  for (const FailedStart& each : cases) {
    ServerProcess server(each.options);
    EXPECT_EQ(server.WaitForEnd(), 1) << each.says;
    EXPECT_NE(server.Log().find("ringkv-server: "), std::string::npos);
    EXPECT_NE(server.Log().find(each.says), std::string::npos) << server.Log();
  }
}

TEST(Process, MaxclientsAboveTheLimitOfOpenFilesIsRefused) {
  ServerProcess server;
  // More than anybody may open, whoever runs the test.
  const std::string refused = server.Ask("CONFIG SET maxclients 4000000000");
  EXPECT_NE(refused.find("The operating system is not able to handle the specified number of clients, try with "),
            std::string::npos)
      << refused;
  EXPECT_EQ(server.Ask("CONFIG SET maxclients 77"), "+OK");
}

// Seconds of processor time that the process has used.
double CpuSeconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

TEST(Process, AcceptingPausesWhileNoFileCanBeOpened) {
#ifdef RINGKV_SANITIZED
  GTEST_SKIP() << "a sanitizer's own work counts as processor time of the server, and to check a type it opens a pipe";
#endif
  ServerProcess server;
  const rlimit low{40, 40};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_NOFILE, &low, nullptr), 0);
  const int client = server.Connect();
  std::vector<int> clients;
  const auto warnings = [&] {
    const std::string log = server.Log();
    size_t count = 0;
    for (size_t at = 0; (at = log.find("cannot accept", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  for (int i = 0; i < 60; ++i) clients.push_back(server.Connect());
  ASSERT_TRUE(Eventually([&] { return warnings() > 0; }));
  const double before = CpuSeconds(server.pid());
  for (int i = 0; i < 6; ++i) {  // ticks of a clock that doesn't spin
    SendAll(client, "BLPOP nosuch 0.1\r\n");
    ASSERT_EQ(ReceiveExactly(client, 5), "*-1\r\n");
  }
  EXPECT_LT(CpuSeconds(server.pid()) - before, 0.3) << "half of the time";
  EXPECT_EQ(warnings(), 1u);
  for (const int each : clients) ::close(each);
  EXPECT_EQ(server.Ask("PING"), "+PONG") << "served when others have left";
  ::close(client);
}

TEST(Process, LoadsAFileBeforeItServes) {
  const TempDir dir;
  ServerProcess server({"--load-file", dir.Write("data", "a 1\nb x y\n"), "--read-only", "yes"});
  EXPECT_EQ(server.Ask("STRLEN b"), ":3");
  EXPECT_EQ(server.Ask("SET a 2"), "-READONLY You can't write against a read only replica.");
  EXPECT_NE(server.Log().find("loaded 2 lines"), std::string::npos);
}

TEST(Process, ReopensItsLogFileOnHangup) {
  const TempDir dir;
  ServerProcess server({"--logfile", dir.Path("log"), "--pidfile", dir.Path("pid")}, ServerProcess::Wait::kNot);
  ASSERT_TRUE(Eventually([&] { return dir.Read("log").find("is ready") != std::string::npos; }));
  ASSERT_EQ(::rename(dir.Path("log").c_str(), dir.Path("log.1").c_str()), 0);
  server.Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return dir.Read("log").find("log file reopened") != std::string::npos; }));
  EXPECT_EQ(dir.Read("pid"), std::to_string(server.pid()) + "\n");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForEnd(), 0);
  EXPECT_EQ(dir.Read("pid"), "");
}

TEST(Process, APidfileThatNobodyReadsDelaysNothing) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.Path("pid").c_str(), 0600), 0);
  ServerProcess server({"--pidfile", dir.Path("pid")});
  EXPECT_EQ(server.Ask("PING"), "+PONG");
  EXPECT_NE(server.Log().find("cannot write pidfile"), std::string::npos);
}

TEST(Process, ServesAUnixSocket) {
  const TempDir dir;
  ServerProcess server({"--unixsocket", dir.Path("sock"), "--unixsocketperm", "700"});
  struct stat status {};
  ASSERT_EQ(::stat(dir.Path("sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(server.port(), 0) << "with port 0, as in Redis";
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  dir.Path("sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  SendAll(socket, "PING\r\n");
  EXPECT_EQ(ReceiveExactly(socket, 7), "+PONG\r\n");
  ::close(socket);
}

TEST(Process, KeysExpireWithoutBeingAskedFor) {
  ServerProcess server;
  for (int i = 0; i < 100; ++i) server.Ask("SET k" + std::to_string(i) + " v PX 50");
  EXPECT_TRUE(Eventually([&] { return server.Ask("DBSIZE") == ":0"; }));
  EXPECT_EQ(server.Info("expired_keys"), "100");
}

TEST(Process, APauseLastsAlsoWhereMemoryIsBounded) {
  ServerProcess server({"--maxmemory", "1gb", "--hz", "500"});
  ASSERT_EQ(server.Ask("CLIENT PAUSE 100000 WRITE"), "+OK");
  const int writer = server.Connect();
  SendAll(writer, "SET a 1\r\n");
  // Housekeeping has been round several times when the clock of its statistics has gone on.
  const std::string begun = server.Info("uptime_in_seconds");
  ASSERT_TRUE(Eventually([&] { return server.Info("uptime_in_seconds") != begun; }));
  EXPECT_EQ(server.Ask("EXISTS a"), ":0");
  EXPECT_EQ(server.Ask("CLIENT UNPAUSE"), "+OK");
  EXPECT_EQ(ReceiveExactly(writer, 5), "+OK\r\n");
  ::close(writer);
}

TEST(Process, EvictsWithoutACommandWhenTheLimitIsLowered) {
  ServerProcess server({"--maxmemory-policy", "allkeys-lru", "--notify-keyspace-events", "Ee"});
  const int listener = server.Connect();
  SendAll(listener, "SUBSCRIBE __keyevent@0__:evicted\r\n");
  const std::string subscribed = "*3\r\n$9\r\nsubscribe\r\n$22\r\n__keyevent@0__:evicted\r\n:1\r\n";
  ASSERT_EQ(ReceiveExactly(listener, subscribed.size()), subscribed);
  constexpr size_t kKeys = 500;
  for (size_t i = 0; i < kKeys; ++i) server.Ask("SET key" + std::to_string(1000 + i) + " v");
  EXPECT_EQ(server.Ask("CONFIG SET maxmemory 1"), "+OK");
  // Nobody asks for anything meanwhile.
  const std::string event = "*3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:evicted\r\n$7\r\nkey1000\r\n";
  EXPECT_EQ(ReceiveExactly(listener, kKeys * event.size()).size(), kKeys * event.size());
  EXPECT_EQ(server.Ask("DBSIZE"), ":0");
  ::close(listener);
}

TEST(Process, EvictionKeepsMemoryCloseToTheLimit) {
  ServerProcess server({"--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"});
  const int client = server.Connect();
  std::string requests;
  for (int i = 0; i < 60'000; ++i) {
    requests += "SET key:" + std::to_string(i) + " " + std::string(1000, 'x') + "\r\n";
  }
  SendAll(client, requests);
  EXPECT_EQ(ReceiveExactly(client, 60'000 * 5).size(), 60'000u * 5);
  EXPECT_LT(std::stoull(server.Info("used_memory")), 24u << 20);
  EXPECT_NE(server.Info("evicted_keys"), "0");
  ::close(client);
}

}  // namespace
}  // namespace ringkv::test
