// SPDX-License-Identifier: MIT
// The parts of a server: options act on them, and two servers share none.
#include <filesystem>

#include "server/data/data_keeper.h"
#include "server/observe/command_log.h"
#include "server/options/command_line.h"
#include "storage/base/once_a_second.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class ServerPartsTest : public SessionFixture {
 protected:
  void Set(const std::string& name, const std::string& value) {
    ASSERT_EQ(Run("config set " + name + " " + value), "+OK\r\n") << name;
  }
};

TEST_F(ServerPartsTest, AnOptionActsOnItsPartByConfigSet) {
  Set("set-max-intset-entries", "3");
  EXPECT_EQ(server_.store().type_limits().set_integers, 3);
  Set("stream-node-max-bytes", "777");
  EXPECT_EQ(server_.store().type_limits().stream_block_bytes, 777);
  Set("lfu-decay-time", "5");
  EXPECT_EQ(server_.store().access_options().lfu_decay_minutes, 5u);
  Set("maxmemory-policy", "allkeys-lfu");
  EXPECT_EQ(server_.store().access_options().mode, storage::AccessMode::kLeastFrequent);
  Set("appendfsync", "always");
  EXPECT_EQ(server_.durability().log().policy(), storage::SyncPolicy::kAlways);
  Set("notify-keyspace-events", "KEA");
  EXPECT_TRUE(server_.key_events().is_on());
  Set("slowlog-log-slower-than", "0");
  Run("get a");
  Set("slowlog-max-len", "1");
  Set("slowlog-max-len", "0");
  EXPECT_EQ(Run("slowlog len"), ":0\r\n");
}

TEST_F(ServerPartsTest, ATransactionClosesTheLogWhenItsLocksAreReleased) {
  options_.appendonly = 1;
  server_.BeginLoading();
  ASSERT_TRUE(server_.data().Open([] { return storage::Status(); }));
  server_.EndLoading();
  ASSERT_TRUE(server_.durability().log().is_open());
  for (const std::string command : {"multi", "set a 1", "config set appendonly no", "info persistence"}) Run(command);
  EXPECT_NE(Run("exec").find("aof_enabled:1\r\n"), std::string::npos);
  EXPECT_FALSE(server_.durability().log().is_open());
  ASSERT_TRUE(server_.Stop());
}

TEST_F(ServerPartsTest, NeedsFollowTheOptionsThatTheyComeFrom) {
  const auto is_unmet = [&](uint32_t need) { return (server_.needs().Get() & need) != 0; };
  EXPECT_FALSE(is_unmet(kNeedsWritable | kNeedsReplicas | kNeedsMemoryChecked));
  Set("read-only", "yes");
  EXPECT_TRUE(is_unmet(kNeedsWritable));
  Set("read-only", "no");
  Set("min-replicas-to-write", "1");
  Set("maxmemory", "1gb");
  EXPECT_FALSE(is_unmet(kNeedsWritable));
  EXPECT_TRUE(is_unmet(kNeedsReplicas));
  EXPECT_TRUE(is_unmet(kNeedsMemoryChecked));
  Set("min-replicas-max-lag", "0");
  EXPECT_FALSE(is_unmet(kNeedsReplicas)) << "as in Redis";
}

// The same rows act at the start: a server that was started with an option is as one that was told by CONFIG SET.
TEST_F(ServerPartsTest, AnOptionActsAtTheStartAsByConfigSet) {
  Options0 options;
  ASSERT_TRUE(ReadCommandLine({"--set-max-intset-entries", "3", "--maxmemory-policy", "allkeys-lfu", "--appendfsync",
                               "always", "--notify-keyspace-events", "KEA", "--maxmemory", "1gb"},
                              options));
  const test::TempDir dir;
  storage::PosixFileSystem files(dir.Path(""));
  Server started(options, {clock_, files, chance_}, AllCommands(), {}, "", 42);
  EXPECT_EQ(started.store().type_limits().set_integers, 3);
  EXPECT_EQ(started.store().access_options().mode, storage::AccessMode::kLeastFrequent);
  EXPECT_EQ(started.durability().log().policy(), storage::SyncPolicy::kAlways);
  EXPECT_TRUE(started.key_events().is_on());
  EXPECT_NE(started.needs().Get() & kNeedsMemoryChecked, 0u);
}

TEST_F(ServerPartsTest, IdsComeFromTheChanceThatWasHandedIn) {
  test::SeededChance again(42);
  const Server same(options_, {clock_, files_, again}, AllCommands(), {}, "", 42);
  EXPECT_EQ(same.run_id(), server_.run_id());
}

TEST_F(ServerPartsTest, ErrorsOfTheFileSystemNameTheDirectory) {
  const test::TempDir dir;
  storage::PosixFileSystem files(dir.Path("missing"));
  const std::string path = dir.Path("missing") + "/file";
  const auto opened = files.Open("file", storage::OpenMode::kRead);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text.find("'" + path + "'"), std::string::npos) << opened.error().text;
  for (const storage::Status& failed : {files.Remove("file"), files.Rename("file", "other")}) {
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().text.find("'" + path + "'"), std::string::npos) << failed.error().text;
  }
}

// The first line of progress comes a second after the beginning, the second one a second after that.
TEST_F(ServerPartsTest, ProgressIsDueOnceASecondOfTheGivenClock) {
  storage::ManualClock clock(0);
  storage::OnceASecond once_a_second(clock);
  clock.Advance(999);
  EXPECT_FALSE(once_a_second.IsDue());
  clock.Advance(1);
  EXPECT_TRUE(once_a_second.IsDue());
  EXPECT_FALSE(once_a_second.IsDue());
}

TEST_F(ServerPartsTest, TwoServersInOneProcessShareNothing) {
  Options0 options;
  const test::TempDir dir;
  storage::PosixFileSystem files(dir.Path(""));
  Server other(options, {clock_, files, chance_}, AllCommands(), {}, "", 43);
  other.Start(no_links_);
  for (Server* server : {&server_, &other}) {
    server->BeginLoading();
    ASSERT_TRUE(server->data().Open([] { return storage::Status(); }));
    server->EndLoading();
  }
  Run("config set read-only yes");
  EXPECT_EQ(other.options().read_only, 0);
  EXPECT_EQ(other.needs().Get() & kNeedsWritable, 0u);
  ASSERT_TRUE(other.durability().Save());
  EXPECT_TRUE(std::filesystem::exists(dir.Path("dump.rkv")));
  EXPECT_FALSE(std::filesystem::exists(dir_.Path("dump.rkv")));
  ASSERT_TRUE(other.Stop());
  ASSERT_TRUE(server_.Stop());
}

}  // namespace
}  // namespace ringkv::server
