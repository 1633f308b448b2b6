// SPDX-License-Identifier: MIT
// A start in a directory where a redis-server has been.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/redis_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

using Options = std::vector<std::string>;

class BesideRedis : public testing::Test {
 protected:
  void WriteAof() {
    std::filesystem::create_directory(dir_.Path("appendonlydir"));
    dir_.Write("appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.incr.aof seq 1 type i\n");
    dir_.Write("appendonlydir/appendonly.aof.1.incr.aof", "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
  }
  void WriteRdb() { dir_.Write("dump.rdb", "REDIS0009\xff" + std::string(8, '\0')); }

  Options InIt(Options more) const {
    more.insert(more.end(), {"--dir", dir_.Path("")});
    return more;
  }
  // What a start says that fails; empty if it succeeds.
  std::string Refusal(const Options& more) const {
    ServerProcess server(InIt(more));
    return server.port() == 0 && server.WaitForEnd() == 1 ? server.Log() : "";
  }
  std::string LoadAof() const { return "--load-aof " + dir_.Path("appendonlydir"); }

  const TempDir dir_;
};

TEST_F(BesideRedis, AnAppendOnlyFileOfRedisIsNotPassedOverInSilence) {
  WriteAof();
  for (const std::string appendonly : {"yes", "no"}) {
    const std::string refusal = Refusal({"--appendonly", appendonly});
    EXPECT_NE(refusal.find(LoadAof()), std::string::npos) << refusal;
  }
  WriteRdb();
  // With appendonly off, redis-server would load the RDB file.
  for (const std::string name : {"dump.rkv", "dump.rdb"}) {
    const std::string either = Refusal({"--dbfilename", name, "--appendonly", "no"});
    EXPECT_NE(either.find(LoadAof()), std::string::npos) << either;
    EXPECT_NE(either.find("--load-rdb " + dir_.Path("dump.rdb")), std::string::npos) << either;
  }
  const std::string refusal = Refusal({"--dbfilename", "dump.rdb", "--appendonly", "yes"});
  EXPECT_NE(refusal.find(LoadAof()), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("another name than 'dump.rdb'"), std::string::npos) << refusal;
}

TEST_F(BesideRedis, TheSingleFileOfEarlierVersionsCountsWithAppendOnly) {
  dir_.Write("appendonly.aof", "");
  const std::string refusal = Refusal({"--appendonly", "yes"});
  EXPECT_NE(refusal.find("--load-aof " + dir_.Path("appendonly.aof")), std::string::npos) << refusal;
  EXPECT_EQ(Refusal({"--appendonly", "no"}), "");
}

TEST_F(BesideRedis, AServerWithDataOfItsOwnStartsBesideTheFilesOfRedis) {
  WriteAof();
  {
    ServerProcess server(InIt({"--appendonly", "yes", "--load-aof", dir_.Path("appendonlydir")}));
    EXPECT_EQ(Say(server, {"GET", "key"}), "value");
    EXPECT_NE(server.Log().find("0 keys in RDB form and 1 commands"), std::string::npos) << server.Log();
    EXPECT_EQ(Say(server, {"SET", "other", "value"}), "OK");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
  }
  ServerProcess server(InIt({"--appendonly", "yes"}));
  EXPECT_EQ(Say(server, {"EXISTS", "key", "other"}), "2");
}

TEST_F(BesideRedis, WhatWasThereIsToldBeforeWhatIsLoadedThen) {
  {
    ServerProcess server(InIt({}));
    EXPECT_EQ(Say(server, {"SAVE"}), "OK");
  }
  WriteAof();
  const ServerProcess server(InIt({"--load-aof", dir_.Path("appendonlydir")}));
  const std::string log = server.Log();
  ASSERT_NE(log.find("loaded append-only file"), std::string::npos) << log;
  EXPECT_LT(log.find("loaded 0 keys up to LSN 0"), log.find("loaded append-only file")) << log;
  EXPECT_EQ(Say(server, {"GET", "key"}), "value");
}

TEST_F(BesideRedis, AnOwnSnapshotWithoutKeysIsLoadedAndTheAppendOnlyFileIsTold) {
  {
    ServerProcess server(InIt({}));
    EXPECT_EQ(Say(server, {"SAVE"}), "OK");
  }
  WriteAof();
  const ServerProcess server(InIt({"--appendonly", "no"}));
  EXPECT_EQ(Say(server, {"DBSIZE"}), "0");
  const std::string log = server.Log();
  EXPECT_NE(log.find("appendonlydir' is an append-only file of Redis and is not loaded"), std::string::npos) << log;
}

TEST_F(BesideRedis, AnEmptyStartTellsWhatItDoesNotLoadAndWhatRedisCannotLoad) {
  {
    const ServerProcess server(InIt({"--dbfilename", "dump.rdb", "--save", ""}));
    EXPECT_NE(server.Log().find("in RingKV's own format, which redis-server can't load"), std::string::npos);
  }
  WriteRdb();
  const ServerProcess server(InIt({"--save", ""}));
  EXPECT_NE(server.Log().find("/dump.rdb' is an RDB file of Redis and is not loaded"), std::string::npos);
}

}  // namespace
}  // namespace ringkv::test
