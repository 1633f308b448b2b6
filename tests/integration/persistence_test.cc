// SPDX-License-Identifier: MIT
// What a user sees of the log and of snapshots: data that is there again, and clear words when it can't be.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

Options In(const TempDir& dir, Options more) {
  Options options = {"--dir", dir.Path("")};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

// What GET answers, without the line that gives the length.
std::string Get(const ServerProcess& server, const std::string& key) {
  const int socket = server.Connect();
  SendAll(socket, "GET " + key + "\r\nQUIT\r\n");
  const std::string reply = ReceiveToEnd(socket);
  ::close(socket);
  if (reply[0] != '$' || reply[1] == '-') return reply.substr(0, reply.find('\r'));
  const size_t start = reply.find('\n') + 1;
  return reply.substr(start, std::stoul(reply.substr(1)));
}

TEST(Persistence, ShutdownSavesIfThereAreSavePoints) {
  const TempDir dir;
  {
    ServerProcess server(In(dir, {"--save", "3600 1000"}));
    EXPECT_EQ(server.Ask("SET key value"), "+OK");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
  }
  {
    ServerProcess server(In(dir, {"--save", ""}));
    EXPECT_EQ(Get(server, "key"), "value");
    EXPECT_EQ(server.Ask("SET key unsaved"), "+OK");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
  }
  ServerProcess server(In(dir, {"--save", ""}));
  EXPECT_EQ(Get(server, "key"), "value");
}

// A value of each type, one that was unpacked, and one in another database.
void WriteAllTypes(const ServerProcess& server) {
  for (const char* command :
       {"SET string value EX 1000", "HSET hash field value", "RPUSH list a b c", "SADD set a b", "ZADD sorted 1 a 2 b",
        "XADD stream 1-1 field value", "XGROUP CREATE stream group 0", "XREADGROUP GROUP group reader STREAMS stream >",
        "PFADD loglog a b c", "GEOADD places 13 38 Palermo", "CONFIG SET hash-max-listpack-entries 2",
        "HSET unpacked a 1 b 2 c 3", "HDEL unpacked a b"}) {
    ASSERT_NE(server.Ask(command)[0], '-') << command;
  }
}

// What waits for the disk is not counted, so it neither evicts keys nor refuses writes.
TEST(Persistence, ABurstThatTheLogHasYetToWriteDoesNotMeetMaxmemory) {
  const TempDir dir;
  const ServerProcess server(In(dir, {"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}));
  const Context context = ConnectTo(server);
  const std::string value(100'000, 'v');
  constexpr int kKeys = 20;
  const auto set_all = [&] {
    for (int i = 0; i < kKeys; ++i) ::redisAppendCommand(context.get(), "SET key:%d %s", i, value.c_str());
    for (int i = 0; i < kKeys; ++i) {
      void* reply = nullptr;
      ASSERT_EQ(::redisGetReply(context.get(), &reply), REDIS_OK);
      EXPECT_STREQ(Reply(static_cast<redisReply*>(reply))->str, "OK");
    }
  };
  set_all();
  // Beside the data there is room for what the client sends at once, and for the work of a snapshot.
  const size_t counted =
      std::stoull(server.Info("used_memory")) - std::stoull(server.Info("mem_not_counted_for_evict"));
  const std::string limit = std::to_string(counted + 2 * kKeys * value.size() + 16'000'000);
  ASSERT_STREQ(Ask(context.get(), {"CONFIG", "SET", "maxmemory", limit})->str, "OK");
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0) Ask(context.get(), {"BGREWRITEAOF"});  // the changes go into the snapshot too
    set_all();
  }
  EXPECT_EQ(server.Info("evicted_keys"), "0");
}

TEST(Persistence, DebugReloadAndLoadaofKeepTheData) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--appendonly", "yes", "--enable-debug-command", "yes"}));
  WriteAllTypes(server);
  const std::string digest = server.Ask("DEBUG DIGEST");
  ASSERT_EQ(server.Ask("OBJECT ENCODING unpacked"), "$9");  // hashtable
  EXPECT_EQ(server.Ask("DEBUG RELOAD"), "+OK");
  EXPECT_EQ(server.Ask("DEBUG DIGEST"), digest);
  EXPECT_EQ(server.Ask("OBJECT ENCODING unpacked"), "$8") << "a loaded collection is packed";
  EXPECT_EQ(server.Info("rdb_changes_since_last_save"), "0");
  EXPECT_EQ(server.Ask("SET after reload"), "+OK");
  const std::string later = server.Ask("DEBUG DIGEST");
  EXPECT_EQ(server.Ask("DEBUG LOADAOF"), "+OK");
  EXPECT_EQ(server.Ask("DEBUG DIGEST"), later);
  EXPECT_EQ(server.Ask("DEBUG RELOAD MERGE NOFLUSH"), "+OK");
  EXPECT_EQ(server.Ask("DEBUG DIGEST"), later);
  server.Signal(SIGKILL);
  server.WaitForEnd();
  EXPECT_EQ(ServerProcess(In(dir, {"--appendonly", "yes", "--enable-debug-command", "yes"})).Ask("DEBUG DIGEST"),
            later);
}

TEST(Persistence, DebugReloadWorksWhileOthersWrite) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--save", "", "--io-threads", "2", "--enable-debug-command", "yes"}));
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    const Context context = ConnectTo(server);
    while (!stop) {
      if (Ask(context.get(), {"INCR", "counter"})->type == REDIS_REPLY_INTEGER) ++written;
    }
  });
  for (int i = 0; i < 3; ++i) {
    const std::string reply = server.Ask("DEBUG RELOAD");
    EXPECT_TRUE(reply == "+OK" || reply.find("changes all the time") != std::string::npos) << reply;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(Get(server, "counter"), std::to_string(written.load()));
  EXPECT_EQ(server.Ask("DEBUG RELOAD"), "+OK");
  EXPECT_EQ(Get(server, "counter"), std::to_string(written.load()));
}

TEST(Persistence, DebugReloadRefusesToRestoreAnEarlierState) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--save", "", "--enable-debug-command", "yes"}));
  EXPECT_EQ(server.Ask("SET key value"), "+OK");
  EXPECT_EQ(server.Ask("DEBUG RELOAD NOSAVE").substr(0, 31), "-ERR DEBUG RELOAD NOSAVE would ");
  EXPECT_EQ(server.Ask("DEBUG LOADAOF"), "-ERR there is no log (appendonly no)");
  EXPECT_EQ(server.Ask("DEBUG RELOAD nosuch"),
            "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  EXPECT_EQ(Get(server, "key"), "value");
}

TEST(Persistence, SaveWaitsForTheSnapshotThatEnablesTheLog) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--save", ""}));
  for (int i = 0; i < 300; ++i) {
    std::string request = "MSET";
    for (int j = 0; j < 1000; ++j) request += " key:" + std::to_string(1000 * i + j) + " value";
    ASSERT_EQ(server.Ask(request), "+OK");
  }
  EXPECT_EQ(server.Ask("CONFIG SET appendonly yes"), "+OK");
  EXPECT_TRUE(Eventually([&] { return server.Info("aof_rewrite_in_progress") == "1"; }));
  EXPECT_EQ(server.Ask("SAVE"), "+OK");
  EXPECT_EQ(server.Info("aof_rewrite_in_progress"), "0");
}

TEST(Persistence, WhenShutdownHasClosedItsConnectionTheFilesAreComplete) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--appendonly", "yes", "--save", ""}));
  const int socket = server.Connect();
  SendAll(socket, "SET last value\r\nSHUTDOWN NOSAVE\r\nPING\r\n");
  EXPECT_EQ(ReceiveToEnd(socket), "+OK\r\n");
  ::close(socket);
  const int lock = ::open(dir.Path("ringkv.lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(lock, 0);
  EXPECT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0) << "another server could not start yet";
  ::close(lock);
  const std::string log = dir.Read("appendonlydir/00000000000000000001.log");
  EXPECT_NE(log.find("value"), std::string::npos);
  EXPECT_EQ(server.WaitForEnd(), 0);
}

TEST(Persistence, KeysThatFlushallDeletedStayDeletedAfterACrash) {
  const TempDir dir;
  {
    ServerProcess server(In(dir, {"--save", "3600 1"}));
    EXPECT_EQ(server.Ask("SET a 1"), "+OK");
    EXPECT_EQ(server.Ask("SAVE"), "+OK");
    EXPECT_EQ(server.Ask("FLUSHALL"), "+OK");
    EXPECT_TRUE(Eventually([&] { return server.Info("rdb_changes_since_last_save") == "0"; }));
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  ServerProcess server(In(dir, {}));
  EXPECT_EQ(Get(server, "a"), "$-1");
}

TEST(Persistence, APipeInPlaceOfTheSnapshotEndsTheStart) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.Path("dump.rkv").c_str(), 0600), 0);
  ServerProcess server(In(dir, {}));
  EXPECT_EQ(server.WaitForEnd(), 1);
  EXPECT_NE(server.Log().find("dump.rkv': it is not a regular file"), std::string::npos) << server.Log();
}

TEST(Persistence, ASnapshotDoesNotReplaceTheDirectoryOfTheLog) {
  const TempDir dir;
  ServerProcess server(In(dir, {"--appendonly", "yes", "--dbfilename", "x", "--appenddirname", "x"}));
  EXPECT_EQ(server.Ask("SET a 1"), "+OK");
  EXPECT_TRUE(server.Ask("SAVE").starts_with("-ERR"));
  server.Signal(SIGKILL);
  server.WaitForEnd();
  EXPECT_TRUE(std::filesystem::is_directory(dir.Path("x")));
}

TEST(Persistence, ASavePointIsKept) {
  const TempDir dir;
  {
    ServerProcess server(In(dir, {"--save", "1 2"}));
    EXPECT_EQ(server.Ask("SET a 1"), "+OK");
    EXPECT_EQ(server.Ask("SET b 2"), "+OK");
    EXPECT_TRUE(Eventually([&] { return server.Info("rdb_saves") == "1"; }));
    EXPECT_EQ(server.Info("rdb_changes_since_last_save"), "0");
  }
  ServerProcess server(In(dir, {}));
  EXPECT_EQ(Get(server, "b"), "2");
}

TEST(Persistence, TheLogCanBeSwitchedOnWhileItRuns) {
  const TempDir dir;
  {
    ServerProcess server(In(dir, {"--save", ""}));
    EXPECT_EQ(server.Ask("SET before 1"), "+OK");
    EXPECT_EQ(server.Ask("CONFIG SET appendonly yes"), "+OK");
    EXPECT_EQ(server.Ask("CONFIG SET appendfsync always"), "+OK");
    EXPECT_TRUE(Eventually([&] { return server.Info("aof_rewrites") == "1"; }));
    EXPECT_EQ(server.Ask("SET after 2"), "+OK");
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  ServerProcess server(In(dir, {"--appendonly", "yes"}));
  EXPECT_EQ(Get(server, "before"), "1");
  EXPECT_EQ(Get(server, "after"), "2");
}

TEST(Persistence, ExpiryTimesAreKept) {
  const TempDir dir;
  const Options options = In(dir, {"--appendonly", "yes", "--appendfsync", "always", "--save", ""});
  {
    ServerProcess server(options);
    EXPECT_EQ(server.Ask("SET soon x PX 1"), "+OK");
    EXPECT_EQ(server.Ask("SET later x EX 100"), "+OK");
    EXPECT_TRUE(Eventually([&] { return server.Ask("DBSIZE") == ":1"; }));
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  ServerProcess server(options);
  EXPECT_EQ(Get(server, "soon"), "$-1");
  const int left = std::stoi(server.Ask("TTL later").substr(1));
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 100);
}

TEST(Persistence, TwoServersCannotUseOneDirectory) {
  const TempDir dir;
  ServerProcess first(In(dir, {"--appendonly", "yes"}));
  ServerProcess second(In(dir, {"--appendonly", "yes"}));
  EXPECT_EQ(second.WaitForEnd(), 1);
  EXPECT_NE(second.Log().find("another server uses this directory"), std::string::npos);
  EXPECT_NE(second.Log().find(std::to_string(first.pid())), std::string::npos);
}

// Everything in a directory: what it is, and when it was last changed.
std::map<std::string, std::string> LookAt(const TempDir& dir) {
  std::map<std::string, std::string> found;
  for (const auto& each : std::filesystem::recursive_directory_iterator(dir.Path(""))) {
    struct stat status {};
    ::lstat(each.path().c_str(), &status);
    found[each.path()] = std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
                         std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
  }
  return found;
}

TEST(Persistence, ASecondServerChangesNothingInALockedDirectory) {
  const TempDir dir;
  const Options options = In(dir, {"--pidfile", dir.Path("pid"), "--logfile", dir.Path("log"), "--unixsocket",
                                   dir.Path("socket"), "--save", "3600 1"});
  ServerProcess first(options, ServerProcess::Wait::kNot);
  ASSERT_TRUE(Eventually([&] { return dir.Read("log").find("is ready") != std::string::npos; }));
  const auto before = LookAt(dir);
  for (const std::string daemonize : {"no", "yes"}) {
    Options again = options;
    again.insert(again.end(), {"--daemonize", daemonize});
    ServerProcess second(again, ServerProcess::Wait::kNot);
    EXPECT_EQ(second.WaitForEnd(), 1);
    EXPECT_NE(second.Log().find("is locked by process " + std::to_string(first.pid())), std::string::npos)
        << second.Log();
  }
  EXPECT_EQ(LookAt(dir), before);
}

TEST(Persistence, CachesShareADirectory) {
  const TempDir dir;
  ServerProcess first(In(dir, {"--save", ""}));
  ServerProcess second(In(dir, {"--save", ""}));
  EXPECT_EQ(second.Ask("PING"), "+PONG");
}

// So much that compressing it at the highest level takes a while.
void Fill(redisContext* server) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) {
    std::string value;
    while (value.size() < 4000) value += std::to_string(random());
    ASSERT_NE(Ask(server, {"SET", "filler:" + std::to_string(i), value}), nullptr);
  }
}

// Has the server make a snapshot by `begin`, ends it meanwhile by `end`, and looks whether that did end it, with the
// data saved.
void ExpectEndDuringASnapshot(const Options& options, const std::string& begin, const std::string& end) {
  SCOPED_TRACE(begin + ", " + end);
  const TempDir dir;
  Options all = In(dir, {"--io-threads", "2", "--snapshot-compression-level", "19"});
  all.insert(all.end(), options.begin(), options.end());
  {
    ServerProcess server(all);
    // Two connections in a row are on two threads, of which SAVE takes one.
    const Context observer = ConnectTo(server);
    const int saver = server.Connect();
    Fill(observer.get());
    ASSERT_NE(Ask(observer.get(), {"SET", "key", "value"}), nullptr);
    SendAll(saver, begin + "\r\n");
    ASSERT_TRUE(Eventually([&] {
      const Reply info = Ask(observer.get(), {"INFO", "persistence"});
      const std::string text(info->str, info->len);
      return text.find("_in_progress:1") != std::string::npos;
    }));
    ASSERT_NE(Ask(observer.get(), {"CONFIG", "SET", "snapshot-compression-level", "0"}), nullptr);  // for the last one
    if (end == "SIGTERM") {
      server.Signal(SIGTERM);
    } else {
      int is_sent = 0;
      ::redisAppendCommand(observer.get(), end.c_str());
      while (is_sent == 0) ::redisBufferWrite(observer.get(), &is_sent);
    }
    EXPECT_EQ(server.WaitForEnd(), 0) << server.Log();
    ::close(saver);
  }
  ServerProcess server(In(dir, {"--save", ""}));
  EXPECT_EQ(Get(server, "key"), "value");
}

TEST(Persistence, AStopEndsTheServerWhileASnapshotIsMade) {
  const Options with_save_points = {"--save", "3600 1000"};
  ExpectEndDuringASnapshot(with_save_points, "SAVE", "SIGTERM");
  ExpectEndDuringASnapshot(with_save_points, "SAVE", "SHUTDOWN");
  ExpectEndDuringASnapshot(with_save_points, "BGSAVE", "SIGTERM");
  ExpectEndDuringASnapshot(with_save_points, "BGREWRITEAOF", "SHUTDOWN");
  // Without the snapshot under way these changes would be in no file.
  ExpectEndDuringASnapshot({"--save", ""}, "CONFIG SET appendonly yes", "SIGTERM");
  ExpectEndDuringASnapshot({"--save", ""}, "CONFIG SET appendonly yes", "SHUTDOWN NOSAVE");
}

TEST(Persistence, DamageStopsTheStartWithOneClearLine) {
  const TempDir dir;
  {
    ServerProcess server(In(dir, {}));
    EXPECT_EQ(server.Ask("SET key value"), "+OK");
    EXPECT_EQ(server.Ask("SAVE"), "+OK");
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  std::string bytes = dir.Read("dump.rkv");
  bytes[bytes.size() / 2] ^= 1;
  dir.Write("dump.rkv", bytes);
  {
    ServerProcess server(In(dir, {}));
    EXPECT_EQ(server.WaitForEnd(), 1);
    EXPECT_NE(server.Log().find("snapshot 'dump.rkv' is damaged at offset"), std::string::npos);
  }
  ServerProcess server(In(dir, {"--recover-up-to-damage", "yes"}));
  EXPECT_EQ(server.Ask("PING"), "+PONG");
  EXPECT_TRUE(std::filesystem::exists(dir.Path("dump.rkv.damaged")));
}

TEST(Persistence, SnapshotsAndSyncsGoOnUnderLoadOfTwoThreads) {
  const TempDir dir;
  constexpr int kClients = 4;
  constexpr int kEach = 1000;
  const Options options = In(dir, {"--io-threads", "2", "--appendonly", "yes", "--appendfsync", "always",
                                   "--snapshot-threads", "2", "--log-file-size", "16kb", "--save", ""});
  {
    ServerProcess server(options);
    std::vector<std::thread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&server, c] {
        const int socket = server.Connect();
        for (int i = 0; i < kEach; i += 10) {
          for (int j = 0; j < 10; ++j)
            SendAll(socket, "SET k" + std::to_string(c) + ":" + std::to_string(i + j) + " v\r\n");
          EXPECT_EQ(ReceiveExactly(socket, 50).size(), 50u);
        }
        ::close(socket);
      });
    }
    for (int i = 0; i < 5; ++i) server.Ask("BGSAVE");
    for (std::thread& client : clients) client.join();
    EXPECT_TRUE(Eventually([&] { return server.Info("rdb_bgsave_in_progress") == "0"; }));
    EXPECT_EQ(server.Info("rdb_last_bgsave_status"), "ok");
    server.Signal(SIGKILL);
    server.WaitForEnd();
  }
  ServerProcess server(options);
  EXPECT_EQ(server.Ask("DBSIZE"), ":" + std::to_string(kClients * kEach));
}

// A file system of its own, of a few megabytes; where the machine allows that.
class SmallDisk {
 public:
  SmallDisk() : path_(dir_.Path("disk")) {
    std::filesystem::create_directory(path_);
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=8m") == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return is_mounted_; }
  const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
  bool is_mounted_ = false;
};

TEST(Persistence, AFullDiskRefusesWritesServesReadsAndHeals) {
  const SmallDisk disk;
  if (!disk.is_mounted()) GTEST_SKIP() << "this machine does not let the test mount a small tmpfs";
  const Options options = {"--dir",
                           disk.path(),
                           "--appendonly",
                           "yes",
                           "--appendfsync",
                           "always",
                           "--save",
                           "",
                           "--auto-aof-rewrite-percentage",
                           "0"};
  int acknowledged = 0;
  {
    ServerProcess server(options);
    const std::string ballast = disk.path() + "/ballast";
    std::ofstream(ballast) << std::string(5 << 20, 'b');
    // One after the other: the last one is not acknowledged until there is room again.
    const int socket = server.Connect();
    const std::string value(10'000, 'v');
    std::thread writer([&] {
      while (true) {
        SendAll(socket, "SET key:" + std::to_string(acknowledged) + " " + value + "\r\n");
        if (ReceiveExactly(socket, 5) != "+OK\r\n") return;
        ++acknowledged;
      }
    });
    EXPECT_TRUE(Eventually([&] { return server.Info("aof_last_write_status") == "err"; }));
    EXPECT_EQ(Get(server, "key:0"), value);
    EXPECT_EQ(server.Ask("SET other x").substr(0, 46), "-MISCONF Errors writing to the AOF file: canno");
    EXPECT_NE(server.Info("log_failure").find("No space left on device"), std::string::npos);
    std::filesystem::remove(ballast);
    EXPECT_TRUE(Eventually([&] { return server.Info("aof_last_write_status") == "ok"; }));
    EXPECT_TRUE(Eventually([&] { return server.Ask("SET other x") == "+OK"; }));
    server.Signal(SIGKILL);
    writer.join();
    server.WaitForEnd();
    ::close(socket);
  }
  ServerProcess server(options);
  EXPECT_EQ(Get(server, "other"), "x");
  for (int i = 0; i < acknowledged; ++i) ASSERT_EQ(Get(server, "key:" + std::to_string(i)).size(), 10'000u) << i;
}

}  // namespace
}  // namespace ringkv::test
