// SPDX-License-Identifier: MIT
// Fields of hashes that expire, on servers that follow each other, end and begin again.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr int kFields = 3000;

// A small hash and a large one, half of whose fields have an expiry far away. Returns their digests.
std::string FillHashes(const ServerProcess& server) {
  const Context client = ConnectTo(server);
  for (const auto& [key, fields] : {std::pair("small", 10), std::pair("large", kFields)}) {
    std::vector<std::string> set{"HSET", key};
    std::vector<std::string> expire{"HPEXPIREAT", key, "4000000000000", "FIELDS", std::to_string(fields / 2)};
    for (int i = 0; i < fields; ++i) {
      set.insert(set.end(), {"field" + std::to_string(i), "value"});
      if (i % 2 == 0) expire.push_back("field" + std::to_string(i));
    }
    EXPECT_EQ(Ask(client.get(), set)->integer, fields);
    EXPECT_EQ(Ask(client.get(), expire)->elements, static_cast<size_t>(fields / 2));
  }
  return server.Ask("DEBUG DIGEST-VALUE small large");
}

int64_t ExpiryOf(const ServerProcess& server, const std::string& key, const std::string& field) {
  const Context client = ConnectTo(server);
  return Ask(client.get(), {"HPEXPIRETIME", key, "FIELDS", "1", field})->element[0]->integer;
}

std::string Subexpiry(const ServerProcess& server) {
  const std::string line = server.Info("db0");
  const size_t at = line.find("subexpiry=");
  return at == std::string::npos ? "" : line.substr(at);
}

TEST(FieldExpiry, SurvivesARestartFromTheLogAndFromASnapshot) {
  for (const bool with_snapshot : {false, true}) {
    const TempDir dir;
    const std::vector<std::string> options = WithDebug({"--dir", dir.Path(""), "--appendonly", "yes"});
    std::string digest;
    {
      ServerProcess server(options);
      digest = FillHashes(server);
      if (with_snapshot) {
        ASSERT_EQ(Say(server, {"SAVE"}), "OK");
      }
      server.Signal(SIGTERM);
      server.WaitForEnd();
    }
    ServerProcess server(options);
    EXPECT_EQ(server.Ask("DEBUG DIGEST-VALUE small large"), digest);
    EXPECT_EQ(Subexpiry(server), "subexpiry=2");
    EXPECT_EQ(ExpiryOf(server, "large", "field0"), 4'000'000'000'000);
    EXPECT_EQ(ExpiryOf(server, "large", "field1"), -1);
  }
}

TEST(FieldExpiry, AReplicaHasItFromItsSyncAndFromTheStreamAndErasesWithItsPrimary) {
  ServerProcess primary(WithDebug({}));
  FillHashes(primary);
  ServerProcess replica(ReplicaOf(primary.port()));
  ExpectEqual(replica, primary);
  const Context client = ConnectTo(primary);
  ASSERT_EQ(Ask(client.get(), {"HSETEX", "streamed", "PX", "1", "FIELDS", "2", "a", "1", "b", "2"})->integer, 1);
  ASSERT_EQ(Ask(client.get(), {"HSET", "streamed", "c", "3"})->integer, 1);
  ASSERT_EQ(Ask(client.get(), {"HPEXPIRE", "large", "1", "FIELDS", "1", "field0"})->elements, 1u);
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"HLEN", "streamed"}) == "1"; }));
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"HLEN", "large"}) == std::to_string(kFields - 1); }));
  ExpectEqual(replica, primary);
  EXPECT_EQ(primary.Info("expired_subkeys"), "3");
}

// While nobody erases, a replica hides by its own clock.
TEST(FieldExpiry, AReplicaHidesWhatItsPrimaryHasNotErased) {
  ServerProcess primary(WithDebug({}));
  ServerProcess replica(ReplicaOf(primary.port()));
  ASSERT_TRUE(Eventually([&] { return IsUp(replica); }));
  ASSERT_EQ(Say(primary, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"}), "OK");
  ASSERT_EQ(Say(primary, {"HSETEX", "h", "PX", "50", "FIELDS", "1", "a", "1"}), "1");
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"HLEN", "h"}) == "1"; }));
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"HEXISTS", "h", "a"}) == "0"; }));
  EXPECT_EQ(Say(replica, {"HLEN", "h"}), "1");
  EXPECT_EQ(Say(primary, {"HLEN", "h"}), "1");
  ASSERT_EQ(Say(primary, {"DEBUG", "SET-ACTIVE-EXPIRE", "1"}), "OK");
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"EXISTS", "h"}) == "0"; }));
}

// A redis-server 7.0 would do the same: it has the field until it is told that the field has gone.
TEST(FieldExpiry, ARedisReplicaIsToldThatAFieldHasGone) {
  ServerProcess primary;
  ASSERT_EQ(Say(primary, {"HSETEX", "before", "PX", "1500", "FIELDS", "1", "a", "1"}), "1");
  ASSERT_EQ(Say(primary, {"HSET", "before", "b", "2"}), "1");
  ServerProcess replica({"--migrate-from", "127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(Eventually([&] { return replica.Info("migrate_link_status") == "up"; }));
  ASSERT_EQ(Say(primary, {"HSETEX", "after", "PX", "1500", "FIELDS", "1", "a", "1"}), "1");
  ASSERT_EQ(Say(primary, {"HSET", "after", "b", "2"}), "1");
  EXPECT_TRUE(Eventually([&] { return Say(replica, {"HLEN", "after"}) == "2"; }));
  EXPECT_EQ(ExpiryOf(replica, "after", "a"), -1);
  EXPECT_TRUE(Eventually([&] {
    return Say(replica, {"HLEN", "after"}) == "1" && Say(replica, {"HLEN", "before"}) == "1";
  }));
  EXPECT_EQ(replica.Info("migrate_commands_left_out"), "0");
}

TEST(FieldExpiry, DumpAndRestoreKeepIt) {
  ServerProcess server(WithDebug({}));
  const std::string digest = FillHashes(server);
  const Context client = ConnectTo(server);
  for (const std::string key : {"small", "large"}) {
    const auto dumped = Ask(client.get(), {"DUMP", key});
    const std::string payload(dumped->str, dumped->len);
    ASSERT_STREQ(Ask(client.get(), {"RESTORE", key, "0", payload, "REPLACE"})->str, "OK");
  }
  EXPECT_EQ(server.Ask("DEBUG DIGEST-VALUE small large"), digest);
}

TEST(FieldExpiry, SubscribersAreToldWhatHappens) {
  ServerProcess server({"--notify-keyspace-events", "Kgh"});
  const Context subscriber = ConnectTo(server);
  ASSERT_EQ(Ask(subscriber.get(), {"SUBSCRIBE", "__keyspace@0__:h"})->elements, 3u);
  const Context client = ConnectTo(server);
  const auto expect = [&](const std::vector<std::string>& command, const std::vector<std::string>& events) {
    if (!command.empty()) Ask(client.get(), command);
    for (const std::string& event : events) {
      const Reply reply = TakeReply(subscriber.get());
      ASSERT_EQ(reply->elements, 3u);
      EXPECT_STREQ(reply->element[2]->str, event.c_str());
    }
  };
  expect({"HSET", "h", "a", "1", "b", "2", "c", "3"}, {"hset"});
  expect({"HEXPIRE", "h", "100", "FIELDS", "2", "a", "b"}, {"hexpire"});
  expect({"HPERSIST", "h", "FIELDS", "2", "a", "b"}, {"hpersist"});
  expect({"HGETEX", "h", "EX", "100", "FIELDS", "1", "a"}, {"hexpire"});
  expect({"HGETEX", "h", "PERSIST", "FIELDS", "1", "a"}, {"hpersist"});
  expect({"HEXPIREAT", "h", "1", "FIELDS", "1", "c"}, {"hdel"});
  expect({"HSETEX", "h", "PX", "1", "FIELDS", "1", "d", "4"}, {"hset", "hexpire"});
  expect({}, {"hexpired"});
  expect({"HGETDEL", "h", "FIELDS", "1", "b"}, {"hdel"});
  expect({"HPEXPIRE", "h", "1", "FIELDS", "1", "a"}, {"hexpire"});
  expect({}, {"hexpired", "del"});
}

// Everybody else is served meanwhile.
TEST(FieldExpiry, ManyFieldsThatExpireAtOnceHoldNobodyUp) {
  ServerProcess server;
  const Context client = ConnectTo(server);
  constexpr int kBatches = 100;
  for (int batch = 0; batch < kBatches; ++batch) {
    std::vector<std::string> set{"HSETEX", "h", "PX", "3000", "FIELDS", "1000"};
    for (int i = 0; i < 1000; ++i) set.insert(set.end(), {std::to_string(batch * 1000 + i), "value"});
    ASSERT_EQ(Ask(client.get(), set)->integer, 1);
  }
  EXPECT_EQ(Subexpiry(server), "subexpiry=1");
  EXPECT_TRUE(Eventually([&] {
    Ask(client.get(), {"HGET", "h", "1"});
    Ask(client.get(), {"HRANDFIELD", "h"});
    return Ask(client.get(), {"EXISTS", "h"})->integer == 0;
  }));
  EXPECT_EQ(server.Info("expired_subkeys"), std::to_string(kBatches * 1000));
}

}  // namespace
}  // namespace ringkv::test
