// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/failover/etcd_json.h"
#include "cluster/failover/in_sync_set.h"
#include "cluster/failover/lease_keeper.h"
#include "cluster/failover/shard_keys.h"
#include "cluster/failover/shard_view.h"

namespace ringkv::cluster {
namespace {

using Outcome = EtcdAnswer::Outcome;
using Ids = std::vector<std::string>;

EtcdAnswer Granted(int64_t lease, int64_t ttl_seconds) {
  return {.outcome = Outcome::kDone, .revision = 1, .lease = lease, .ttl_seconds = ttl_seconds};
}

// --- the lease ------------------------------------------------------------------------------------------------------

TEST(LeaseKeeper, CountsFromTheMomentBeforeItWasSent) {
  LeaseKeeper keeper(3);
  EXPECT_EQ(keeper.Next(100), std::nullopt);
  keeper.Want();
  ASSERT_TRUE(std::holds_alternative<GrantLease>(*keeper.Next(100)));
  EXPECT_EQ(keeper.Next(101), std::nullopt);  // one question at a time
  keeper.Take(Granted(7, 3), 900);
  EXPECT_EQ(keeper.id(), 7);
  EXPECT_EQ(keeper.valid_until(), 100 + 3000 - 300);
  EXPECT_EQ(keeper.wake_at(), 1100);
  ASSERT_TRUE(std::holds_alternative<KeepLease>(*keeper.Next(1100)));
  keeper.Take({}, 1600);  // no answer: what was known holds, and it is asked again soon
  EXPECT_EQ(keeper.valid_until(), 2800);
  EXPECT_EQ(keeper.wake_at(), 1650);
  ASSERT_TRUE(keeper.Next(1650).has_value());
  keeper.Take(Granted(7, 3), 1700);
  EXPECT_EQ(keeper.valid_until(), 1650 + 2700);
}

TEST(LeaseKeeper, TheTtlIsWhatEtcdSays) {
  LeaseKeeper keeper(1);
  keeper.Want();
  ASSERT_TRUE(keeper.Next(0).has_value());
  keeper.Take(Granted(1, 2), 1);
  EXPECT_EQ(keeper.valid_until(), 2000 - 300);
}

TEST(LeaseKeeper, AnExpiredLeaseIsLostAtOnce) {
  LeaseKeeper keeper(3);
  keeper.Want();
  ASSERT_TRUE(keeper.Next(0).has_value());
  keeper.Take(Granted(1, 3), 1);
  ASSERT_TRUE(keeper.Next(1000).has_value());
  keeper.Take({.outcome = Outcome::kRefused}, 1001);
  EXPECT_EQ(keeper.id(), 0);
  EXPECT_EQ(keeper.valid_until(), 0);
  ASSERT_TRUE(std::holds_alternative<GrantLease>(*keeper.Next(1051)));
}

TEST(LeaseKeeper, GivesBackAtOnce) {
  LeaseKeeper keeper(3);
  keeper.Want();
  ASSERT_TRUE(keeper.Next(0).has_value());
  keeper.Take(Granted(9, 3), 1);
  EXPECT_EQ(keeper.Next(2), std::nullopt);
  keeper.Drop();
  EXPECT_EQ(keeper.valid_until(), 0);
  const auto question = keeper.Next(2);
  ASSERT_TRUE(question && std::holds_alternative<RevokeLease>(*question));
}

TEST(LeaseKeeper, GivesBackWhatIsGrantedTooLate) {
  LeaseKeeper keeper(3);
  keeper.Want();
  ASSERT_TRUE(keeper.Next(0).has_value());
  keeper.Drop();
  keeper.Take(Granted(9, 3), 10);
  EXPECT_EQ(keeper.id(), 0);
  const auto question = keeper.Next(10);
  ASSERT_TRUE(question && std::holds_alternative<RevokeLease>(*question));
  EXPECT_EQ(std::get<RevokeLease>(*question).lease, 9);
  keeper.Take({}, 20);
  EXPECT_EQ(keeper.wake_at(), INT64_MAX);
}

// --- the in-sync set ------------------------------------------------------------------------------------------------

TEST(InSyncSet, AMemberIsRequiredBeforeItIsProposedAndHasWhatWasAcknowledgedWithoutIt) {
  InSyncSet set("a", {.patience_ms = 1000, .fewest = 1});
  set.Begin({"a"}, 0);
  EXPECT_EQ(set.Required(), Ids());
  const Ids members{"a", "b"};
  std::vector<MemberAck> acks{{"b", 10}};
  set.Update(acks, 20, members, 0);
  acks[0].last = 20;
  set.Update(acks, 30, members, 100);  // it has reached a mark: it enters
  EXPECT_EQ(set.Required(), Ids{"b"});
  EXPECT_EQ(set.Propose(), std::nullopt);
  acks[0].last = 34;
  set.Update(acks, 35, members, 200);  // up to 35 writes may have been acknowledged without it
  EXPECT_EQ(set.Propose(), std::nullopt);
  acks[0].last = 35;
  set.Update(acks, 50, members, 300);
  EXPECT_EQ(set.Propose(), (Ids{"a", "b"}));
  set.Confirm({"a", "b"});
  EXPECT_EQ(set.Propose(), std::nullopt);
  EXPECT_EQ(set.CountInPace(), 2u);
}

TEST(InSyncSet, AMemberThatLeavesIsRequiredUntilEtcdHasConfirmedIt) {
  InSyncSet set("a", {.patience_ms = 1000, .fewest = 1});
  set.Begin({"a", "b", "c"}, 0);
  const Ids members{"a", "b", "c"};
  const std::vector<MemberAck> acks{{"b", 5}};
  set.Update(acks, 5, members, 900);
  EXPECT_EQ(set.Propose(), std::nullopt);
  set.Update(acks, 5, members, 1001);
  EXPECT_EQ(set.Propose(), (Ids{"a", "b"}));
  EXPECT_EQ(set.Required(), (Ids{"b", "c"}));
  set.Confirm({"a", "b"});
  EXPECT_EQ(set.Required(), (Ids{"b"}));
}

TEST(InSyncSet, IsNotMadeSmallerThanTheLimit) {
  InSyncSet set("a", {.patience_ms = 1000, .fewest = 2});
  set.Begin({"a", "b", "c"}, 0);
  set.Update({}, 5, {"a", "b", "c"}, 2000);
  const auto proposed = set.Propose();
  ASSERT_TRUE(proposed.has_value());
  EXPECT_EQ(proposed->size(), 2u);
  EXPECT_EQ(set.CountInPace(), 1u);
}

// --- the view -------------------------------------------------------------------------------------------------------

TEST(ShardView, TakesChangesInAnyOrderOfWatchAndCommit) {
  const ShardKeys keys("c", "0");
  ShardView view(keys);
  const std::string record = Print(ShardRecord{.epoch = 1, .primary = "a", .in_sync = {"a"}, .members = {"a"}});
  view.Reset({{keys.record(), record, 4}}, 5);
  ASSERT_TRUE(view.record().has_value());
  EXPECT_FALSE(view.lead().has_value());
  const Lead lead{"a", 2, "host", 7};
  view.Apply(CommitKeys{.puts = {{keys.lead(), Print(lead), 3}}}, 7);
  EXPECT_EQ(view.lead(), lead);
  EXPECT_EQ(view.LeaseOf(keys.lead()), 3);
  // What came before it arrives later.
  view.Apply({{.key = keys.lead(), .mod_revision = 6, .is_deleted = true}}, 6);
  EXPECT_EQ(view.lead(), lead);
  view.Apply({{.key = keys.lead(), .mod_revision = 8, .is_deleted = true}}, 8);
  EXPECT_FALSE(view.lead().has_value());
  // The answer to a commit comes after the watch has told of it and of what followed.
  view.Apply(CommitKeys{.puts = {{keys.lead(), Print(lead), 3}}}, 7);
  EXPECT_FALSE(view.lead().has_value());
}

TEST(ShardKeys, ValuesThatAreDamagedAreNone) {
  for (const char* text :
       {"", "{", "[]", "7", "{}", R"({"epoch":"1"})", R"({"id":"a","epoch":-1,"host":"","port":""})"}) {
    EXPECT_FALSE(ParseShardRecord(text).has_value()) << text;
    EXPECT_FALSE(ParseLead(text).has_value()) << text;
    EXPECT_FALSE(ParseCandidate(text).has_value()) << text;
  }
}

// --- the gateway of etcd --------------------------------------------------------------------------------------------

TEST(EtcdJson, ReadsWhatEtcdAnswers) {
  const EtcdRequest keep = KeepLease{77};
  EtcdAnswer answer = DecodeEtcd(keep, 200, R"({"result":{"header":{"revision":"2"},"ID":"77","TTL":"3"}})");
  EXPECT_EQ(answer.outcome, Outcome::kDone);
  EXPECT_EQ(answer.ttl_seconds, 3);
  // An expired lease has no TTL, and the status is 200.
  answer = DecodeEtcd(keep, 200, R"({"result":{"header":{"revision":"2"},"ID":"77"}})");
  EXPECT_EQ(answer.outcome, Outcome::kRefused);

  const EtcdRequest commit = CommitKeys{};
  EXPECT_EQ(DecodeEtcd(commit, 200, R"({"header":{"revision":"9"},"succeeded":true})").revision, 9);
  EXPECT_EQ(DecodeEtcd(commit, 200, R"({"header":{"revision":"9"}})").outcome, Outcome::kRefused);
  EXPECT_EQ(DecodeEtcd(commit, 404, R"({"message":"etcdserver: requested lease not found","code":5})").outcome,
            Outcome::kRefused);
  // It may happen yet.
  for (const int64_t status : {500, 503, 429}) {
    EXPECT_EQ(DecodeEtcd(commit, status, R"({"message":"etcdserver: request timed out"})").outcome, Outcome::kUnknown);
  }
  for (const char* text : {"", "<html>", "[]", "{}", R"({"header":{}})", R"({"header":{"revision":"x"}})"}) {
    EXPECT_EQ(DecodeEtcd(commit, 200, text).outcome, Outcome::kUnknown) << text;
  }

  const EtcdRequest watch = WatchKeys{"a", 1};
  EXPECT_TRUE(SaysNothing(DecodeEtcd(watch, 200, R"({"result":{"header":{"revision":"2"},"created":true}})")));
  answer = DecodeEtcd(watch, 200,
                      R"({"result":{"header":{"revision":"5"},"events":[
                          {"type":"DELETE","kv":{"key":"YQ==","mod_revision":"4"}},
                          {"kv":{"key":"Yg==","value":"Yw==","mod_revision":"5","lease":"8"}}]}})");
  ASSERT_EQ(answer.keys.size(), 2u);
  EXPECT_TRUE(answer.keys[0].is_deleted);
  EXPECT_EQ(answer.keys[1].key, "b");
  EXPECT_EQ(answer.keys[1].value, "c");
  EXPECT_EQ(answer.keys[1].lease, 8);
  EXPECT_EQ(DecodeEtcd(watch, 200, R"({"result":{"header":{"revision":"5"},"canceled":true}})").outcome,
            Outcome::kUnknown);
  EXPECT_EQ(DecodeEtcd(watch, 200, R"({"error":{"message":"etcdserver: no leader"}})").error, "etcdserver: no leader");
}

}  // namespace
}  // namespace ringkv::cluster
