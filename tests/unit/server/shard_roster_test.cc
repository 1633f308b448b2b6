// SPDX-License-Identifier: MIT
// Who is in a shard and who is its primary, from what nodes say of themselves; and what is published when that changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/base/text.h"
#include "server/sentinel/node_report.h"
#include "server/sentinel/roster.h"
#include "server/sentinel/shard_events.h"

namespace ringkv::server {
namespace {

constexpr int64_t kDownAfterMs = 1000;
constexpr int64_t kTickMs = 50;

NodeAddress At(int64_t port) { return {"10.0.0.1", port}; }

NodeReport Leading(int64_t port, uint64_t epoch, const std::vector<int64_t>& replicas) {
  NodeReport report{.run_id = "node" + std::to_string(port), .epoch = epoch, .service = "mymaster"};
  for (const int64_t each : replicas) report.replicas.push_back(At(each));
  return report;
}

NodeReport Following(int64_t port, int64_t primary, uint64_t epoch = 1) {
  return {.run_id = "node" + std::to_string(port),
          .is_primary = false,
          .primary = At(primary),
          .is_linked = true,
          .epoch = epoch,
          .service = "mymaster"};
}

class RosterTest : public testing::Test {
 protected:
  RosterTest() { roster_.set_down_after_ms(kDownAfterMs); }

  void BeReplica(int64_t primary, uint64_t epoch = 1) { roster_.NoteSelf(Following(1, primary, epoch), {}, now_); }
  void BePrimary(uint64_t epoch, const std::vector<int64_t>& replicas) {
    roster_.NoteSelf(Leading(1, epoch, replicas), {}, now_);
  }
  // All others are asked; nobody answers for that time.
  void Pass(int64_t ms) {
    for (const NodeAddress& address : roster_.Peers()) roster_.NoteAsked(address, now_);
    for (const int64_t end = now_ + ms; now_ < end;) {
      now_ += kTickMs;
      roster_.Judge(now_);
    }
  }
  bool IsDown(int64_t port) {
    for (const ShardNode& node : roster_.View(now_).answering) {
      if (node.address == At(port)) return node.is_down;
    }
    return false;
  }
  void Answer(int64_t port, NodeReport report) { roster_.NoteAnswer(At(port), std::move(report), now_); }
  // This node, 1, is a replica of 2, which has 3 as well.
  void BecomeOneOfThree() {
    BeReplica(2);
    Answer(2, Leading(2, 1, {1, 3}));
    Answer(1, Following(1, 2));
    Answer(3, Following(3, 2));
  }
  std::vector<int64_t> Replicas() {
    std::vector<int64_t> ports;
    for (const ShardNode& node : roster_.View(now_).replicas) ports.push_back(node.address.port);
    return ports;
  }
  int64_t Primary() { return roster_.View(now_).primary.address.port; }
  std::vector<int64_t> Peers() {
    std::vector<int64_t> ports;
    for (const NodeAddress& address : roster_.Peers()) ports.push_back(address.port);
    return ports;
  }

  Roster roster_{"mymaster"};
  int64_t now_ = 1'000'000;
};

TEST(NodeReportTest, ReadsWhatInfoSays) {
  const auto replica = ParseReport(
      "# Server\r\nrun_id:abc\r\n\r\n# Replication\r\nrole:slave\r\nmaster_host:10.0.0.2\r\nmaster_port:6379\r\n"
      "master_link_status:up\r\nslave_repl_offset:77\r\nslave_priority:50\r\nreplica_announced:0\r\n"
      "master_repl_offset:78\r\nrepl_epoch:3\r\n# Sentinel\r\nmaster0:name=mymaster,status=ok,address=h:1\r\n");
  ASSERT_TRUE(replica);
  EXPECT_FALSE(replica->is_primary);
  EXPECT_EQ(replica->run_id, "abc");
  EXPECT_EQ(replica->primary, (NodeAddress{"10.0.0.2", 6379}));
  EXPECT_TRUE(replica->is_linked);
  EXPECT_EQ(replica->offset, 77);
  EXPECT_EQ(replica->priority, 50);
  EXPECT_FALSE(replica->is_announced);
  EXPECT_EQ(replica->epoch, 3u);
  EXPECT_EQ(replica->service, "mymaster");

  const auto primary = ParseReport(
      "role:master\r\nconnected_slaves:2\r\nslave0:ip=::1,port=7001,state=online,offset=5,lag=0\r\n"
      "slave1:ip=h,port=99999,state=online\r\nmaster_repl_offset:78\r\n");
  ASSERT_TRUE(primary);
  EXPECT_TRUE(primary->is_primary);
  EXPECT_EQ(primary->offset, 78);
  EXPECT_EQ(primary->epoch, std::nullopt) << "a redis-server";
  EXPECT_EQ(primary->replicas, (std::vector<NodeAddress>{{"::1", 7001}}));
  EXPECT_EQ(ParseReport("# Server\r\nrun_id:abc\r\n"), std::nullopt);
}

TEST(NodeReportTest, TakesNoAddressThatIsNone) {
  const auto primary_of = [](const std::string& host, const std::string& port) {
    return ParseReport("role:slave\r\nmaster_host:" + host + "\r\nmaster_port:" + port + "\r\n")->primary;
  };
  EXPECT_EQ(primary_of("h", "7000"), (NodeAddress{"h", 7000}));
  for (const char* port : {"0", "-1", "65536", "99999999999999999999", "x", ""}) {
    EXPECT_EQ(primary_of("h", port), NodeAddress()) << port;
  }
  for (const char* host : {"", "a b", "a,b", "a\tb", "\x01", "\xff"}) {
    EXPECT_EQ(primary_of(host, "7000"), NodeAddress()) << host;
  }
  EXPECT_FALSE(IsNodeHost("a\r\nb"));
  EXPECT_FALSE(IsNodeHost(std::string(256, 'a')));
}

TEST(NodeReportTest, AnAddressOfIPv6HasBracketsBeforeAPortOnly) {
  EXPECT_EQ((NodeAddress{"::1", 7000}).Text(), "[::1]:7000");
  EXPECT_EQ((NodeAddress{"10.0.0.1", 7000}).Text(), "10.0.0.1:7000");
  EXPECT_EQ(HostOfAddress("[::1]:7000"), "::1");
  EXPECT_EQ(HostOfAddress("10.0.0.1:7000"), "10.0.0.1");
}

TEST_F(RosterTest, AReplicaFindsItsPrimarySiblingsAndItself) {
  BeReplica(2);
  EXPECT_EQ(Primary(), 2);
  EXPECT_EQ(Peers(), (std::vector<int64_t>{2}));
  Answer(2, Leading(2, 1, {1, 3}));
  EXPECT_EQ(Peers(), (std::vector<int64_t>{1, 2, 3}));
  Answer(1, Following(1, 2));
  EXPECT_EQ(Peers(), (std::vector<int64_t>{2, 3})) << "it has reached itself";
  EXPECT_EQ(roster_.self(), At(1));
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1, 3}));
}

TEST_F(RosterTest, ALonePrimaryIsWhereItWasReached) {
  roster_.NoteSelf(Leading(1, 0, {}), {"", 7000}, now_);
  ShardView view = roster_.View(now_);
  EXPECT_TRUE(view.primary.is_self);
  view.PlaceSelf("192.168.0.9");
  EXPECT_EQ(view.primary.address, (NodeAddress{"192.168.0.9", 7000}));
  EXPECT_TRUE(view.replicas.empty());
}

TEST_F(RosterTest, ItsOwnAddressIsOneThatOthersReach) {
  BePrimary(1, {2});
  Answer(2, Following(2, 1));
  roster_.Introduce(At(9), now_);
  Answer(9, Leading(1, 1, {2}));
  EXPECT_FALSE(roster_.self().is_known()) << "somebody has introduced this node to itself";
  NodeReport near = Following(2, 1);
  near.primary = {"127.0.0.1", 1};
  Answer(2, near);
  roster_.NoteAnswer(near.primary, Leading(1, 1, {2}), now_);
  EXPECT_EQ(roster_.self(), near.primary);
  Answer(2, Following(2, 1));
  Answer(1, Leading(1, 1, {2}));
  EXPECT_EQ(roster_.self(), At(1)) << "others reach no loopback address";
  Answer(2, near);
  EXPECT_EQ(roster_.self(), At(1));
}

TEST_F(RosterTest, AHandOverIsSeenAtASibling) {
  BecomeOneOfThree();
  Answer(2, Following(2, 3));  // the old primary follows the new one, whose answer is still to come
  EXPECT_EQ(Primary(), 2);
  Answer(3, Leading(3, 2, {2}));
  EXPECT_EQ(Primary(), 3);
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1, 2})) << "this node still follows 2";
}

TEST_F(RosterTest, AHandOverIsSeenAtBothEnds) {
  BePrimary(1, {2, 3});
  Answer(2, Following(2, 1));
  Answer(1, Leading(1, 1, {2, 3}));
  EXPECT_EQ(Primary(), 1);
  BeReplica(2);
  EXPECT_EQ(Primary(), 2) << "whatever it said before";
  Answer(2, Leading(2, 2, {1, 3}));
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1, 3}));
  BePrimary(3, {2});
  EXPECT_EQ(Primary(), 1);
  EXPECT_TRUE(roster_.View(now_).primary.is_self);
}

TEST_F(RosterTest, WhoHandsOverBeforeItKnowsItsAddressTakesItForNobodyElses) {
  BePrimary(1, {2});
  Answer(2, Following(2, 1));
  BeReplica(2);
  EXPECT_EQ(Primary(), 2) << "2 was asked before it was promoted, and 1 is not known to be this node";
  Answer(2, Following(2, 1));
  EXPECT_EQ(Primary(), 2);
  Answer(2, Leading(2, 2, {1}));
  EXPECT_EQ(Primary(), 2);
}

TEST_F(RosterTest, ThePrimaryThatIsDownRemainsThePrimaryUntilAnotherIsPromoted) {
  BecomeOneOfThree();
  Pass(kDownAfterMs);
  Answer(3, Following(3, 2));
  EXPECT_TRUE(roster_.View(now_).primary.is_down);
  EXPECT_EQ(Primary(), 2);
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1, 3}));
  Answer(3, Leading(3, 2, {}));
  EXPECT_EQ(Primary(), 3);
  EXPECT_FALSE(roster_.View(now_).primary.is_down);
}

TEST_F(RosterTest, AnOldPrimaryThatIsBackSeesTheNewOne) {
  BePrimary(1, {});
  EXPECT_TRUE(roster_.View(now_).primary.is_self);
  roster_.Introduce(At(3), now_);
  EXPECT_TRUE(roster_.View(now_).primary.is_self);
  EXPECT_TRUE(Replicas().empty()) << "nobody has said that it is one";
  Answer(3, Leading(3, 2, {}));
  EXPECT_EQ(Primary(), 3);
  EXPECT_TRUE(Replicas().empty()) << "this node is a primary of its own";
}

TEST_F(RosterTest, APrimaryOfAnotherNameOrAnEarlierEpochIsNone) {
  BecomeOneOfThree();
  NodeReport other = Leading(3, 9, {});
  other.service = "theirs";
  Answer(3, other);
  EXPECT_EQ(Primary(), 2);
  Answer(3, Leading(3, 0, {}));
  EXPECT_EQ(Primary(), 2);
}

TEST_F(RosterTest, WhatMayBeThisNodeAndIsAnotherIsNoneOfTheShard) {
  BePrimary(1, {2});
  Answer(2, Following(2, 99));  // it has moved, and is still connected
  Answer(99, Leading(99, 7, {2}));
  EXPECT_EQ(Peers(), (std::vector<int64_t>{2}));
  EXPECT_TRUE(roster_.View(now_).primary.is_self);
}

TEST_F(RosterTest, ANodeThatFollowsSomebodyElseIsForgotten) {
  BecomeOneOfThree();
  Answer(2, Leading(2, 1, {1}));
  Answer(3, Following(3, 99));
  EXPECT_EQ(Peers(), (std::vector<int64_t>{2}));
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1}));
}

TEST_F(RosterTest, WhoIsToldToFollowAnotherShardForgetsItsOwn) {
  BecomeOneOfThree();
  BeReplica(99);
  EXPECT_EQ(Peers(), (std::vector<int64_t>{99}));
  EXPECT_EQ(Primary(), 99);
}

TEST_F(RosterTest, ANodeWithTwoAddressesIsOne) {
  roster_.NoteSelf({.run_id = "node1", .is_primary = false, .primary = {"redis-2", 2}, .service = "mymaster"}, {},
                   now_);
  roster_.NoteAnswer({"redis-2", 2}, Leading(2, 1, {1, 3}), now_);
  NodeReport sibling = Following(3, 2);
  Answer(3, sibling);
  Answer(1, Following(1, 2));
  roster_.Introduce(At(2), now_);
  Answer(2, Leading(2, 1, {1, 3}));
  EXPECT_EQ(roster_.View(now_).primary.address, (NodeAddress{"redis-2", 2}));
  EXPECT_EQ(Peers(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(Replicas(), (std::vector<int64_t>{1, 3}));
}

TEST_F(RosterTest, HoldsABoundedNumberOfNodes) {
  std::vector<int64_t> replicas;
  for (int64_t port = 1000; port < 3000; ++port) replicas.push_back(port);
  BePrimary(1, replicas);
  EXPECT_EQ(Peers().size(), Roster::kMostNodes);
  Pass(kDownAfterMs);
  roster_.ForgetDown();
  EXPECT_TRUE(Peers().empty());
}

TEST_F(RosterTest, IsDownWhoLeavesAQuestionUnanswered) {
  BecomeOneOfThree();
  now_ += 10 * kDownAfterMs;  // nobody was asked
  roster_.Judge(now_);
  EXPECT_FALSE(IsDown(2));
  Pass(kDownAfterMs - kTickMs);
  EXPECT_FALSE(IsDown(2));
  Pass(kTickMs);
  EXPECT_TRUE(IsDown(2));
  EXPECT_TRUE(IsDown(3));
  Answer(3, Following(3, 2));
  EXPECT_FALSE(IsDown(3));
  EXPECT_TRUE(IsDown(2));
}

TEST_F(RosterTest, NobodyIsDownBecauseThisNodeHasStalled) {
  BecomeOneOfThree();
  for (const NodeAddress& address : roster_.Peers()) roster_.NoteAsked(address, now_);
  now_ += 7 * kDownAfterMs;
  roster_.Judge(now_);
  EXPECT_FALSE(IsDown(2)) << "the answer may lie in the connection";
  Answer(2, Leading(2, 1, {1, 3}));
  Pass(kDownAfterMs / 2);
  EXPECT_FALSE(IsDown(2));
  EXPECT_TRUE(IsDown(3));
}

TEST_F(RosterTest, APrimaryThatIsDownIsForgottenByWhoDoesNotFollowIt) {
  BePrimary(1, {});
  roster_.Introduce(At(3), now_);
  Answer(3, Leading(3, 999, {}));
  EXPECT_EQ(Primary(), 3);
  Pass(kDownAfterMs);
  EXPECT_EQ(Primary(), 3);
  roster_.ForgetDown();
  EXPECT_TRUE(roster_.View(now_).primary.is_self);

  BeReplica(2);
  Answer(2, Leading(2, 1, {1}));
  Pass(kDownAfterMs);
  roster_.ForgetDown();
  EXPECT_EQ(Primary(), 2) << "this node follows it";
  EXPECT_TRUE(roster_.View(now_).primary.is_down);
  roster_.Introduce(At(3), now_);
  Answer(3, Leading(3, 999, {}));
  EXPECT_EQ(Primary(), 3);
  Pass(kDownAfterMs);
  roster_.ForgetDown();
  EXPECT_EQ(Primary(), 2);
}

TEST_F(RosterTest, WhoFollowsItselfKnowsNoPrimary) {
  BePrimary(1, {2});
  Answer(2, Following(2, 1));
  Answer(1, Leading(1, 1, {2}));
  EXPECT_TRUE(roster_.View(now_).is_primary_known);
  BeReplica(1);
  EXPECT_FALSE(roster_.View(now_).is_primary_known) << "there is nobody to be asked";
}

TEST_F(RosterTest, AReplicaIsKnownToItsPrimaryByTheAddressOfItsFeed) {
  roster_.NoteSelf(Leading(1, 1, {3}), {}, now_);
  Answer(3, Following(3, 1));
  NodeReport own = Leading(1, 1, {});
  own.replicas = {{"replica-3", 3}};
  roster_.NoteSelf(own, {}, now_);
  roster_.NoteAnswer({"replica-3", 3}, Following(3, 1), now_);
  const ShardView view = roster_.View(now_);
  ASSERT_EQ(view.replicas.size(), 1u);
  EXPECT_EQ(view.replicas[0].address, At(3));
  EXPECT_EQ(view.replicas[0].served_at, (NodeAddress{"replica-3", 3}));
}

TEST_F(RosterTest, AReplicaFindsItselfInTheListOfItsPrimary) {
  BecomeOneOfThree();
  const ShardView view = roster_.View(now_);
  ASSERT_EQ(view.replicas.size(), 2u);
  EXPECT_TRUE(view.replicas[0].is_self);
  EXPECT_EQ(view.replicas[0].served_at, At(1));
  EXPECT_EQ(view.replicas[1].served_at, At(3));
}

// --- what is published ----------------------------------------------------------------------------------------------

class ShardEventsTest : public RosterTest {
 protected:
  std::vector<std::string> Events() {
    const ShardView view = roster_.View(now_);
    std::vector<std::string> texts;
    for (const ShardEvent& event : EventsBetween(told_, view)) {
      texts.push_back(std::string(event.channel) + " " + event.message);
    }
    told_ = view;
    return texts;
  }

  ShardView told_;
};

TEST_F(ShardEventsTest, ASwitchIsToldInSentinelsWords) {
  BecomeOneOfThree();
  Events();
  Answer(2, Following(2, 3));
  Answer(3, Leading(3, 2, {2}));
  EXPECT_EQ(Events(), (std::vector<std::string>{
                          "+switch-master mymaster 10.0.0.1 2 10.0.0.1 3",
                          "+slave slave 10.0.0.1:1 10.0.0.1 1 @ mymaster 10.0.0.1 3",
                          "+slave slave 10.0.0.1:2 10.0.0.1 2 @ mymaster 10.0.0.1 3",
                      }));
  EXPECT_TRUE(Events().empty());
}

TEST_F(ShardEventsTest, ALonePrimaryThatIsReachedElsewhereIsTheSame) {
  BePrimary(0, {});
  told_ = roster_.View(now_);
  told_.PlaceSelf("127.0.0.1");
  ShardView view = roster_.View(now_);
  view.PlaceSelf("10.0.0.9");
  EXPECT_TRUE(EventsBetween(told_, view).empty());
  told_ = view;
  roster_.Introduce(At(3), now_);
  Answer(3, Leading(3, 2, {}));
  EXPECT_EQ(Events()[1], "+switch-master mymaster 10.0.0.9 0 10.0.0.1 3");
}

TEST_F(ShardEventsTest, ThePromotedNodeAndTheOneBeforeSayMore) {
  BecomeOneOfThree();
  Events();
  BePrimary(2, {});
  const std::vector<std::string> promoted = Events();
  EXPECT_EQ(promoted[0], "+promoted-slave slave 10.0.0.1:1 10.0.0.1 1 @ mymaster 10.0.0.1 2");
  EXPECT_EQ(promoted[1], "+switch-master mymaster 10.0.0.1 2 10.0.0.1 1");
  BeReplica(3, 2);  // which still says that it follows 2, and 2 is down and was a primary when it last said something
  const std::vector<std::string> handed_over = Events();
  EXPECT_EQ(handed_over[0], "+failover-end master mymaster 10.0.0.1 1");
  EXPECT_EQ(handed_over[1], "+switch-master mymaster 10.0.0.1 1 10.0.0.1 3");
}

TEST_F(ShardEventsTest, NodesComeGoAndComeBack) {
  BeReplica(2);
  Events();
  Answer(2, Leading(2, 1, {1, 3}));
  Answer(1, Following(1, 2));
  Answer(3, Following(3, 2));
  const std::vector<std::string> found = Events();
  EXPECT_NE(std::find(found.begin(), found.end(), "+slave slave 10.0.0.1:3 10.0.0.1 3 @ mymaster 10.0.0.1 2"),
            found.end());
  EXPECT_NE(std::find(found.begin(), found.end(), "+sentinel sentinel node3 10.0.0.1 3 @ mymaster 10.0.0.1 2"),
            found.end());
  Pass(kDownAfterMs);
  Answer(3, Following(3, 2));
  EXPECT_EQ(Events(), (std::vector<std::string>{"+sdown master mymaster 10.0.0.1 2",
                                                "+sdown sentinel node2 10.0.0.1 2 @ mymaster 10.0.0.1 2"}));
  Answer(2, Leading(2, 1, {1, 3}));
  EXPECT_EQ(Events(), (std::vector<std::string>{"-sdown master mymaster 10.0.0.1 2",
                                                "-sdown sentinel node2 10.0.0.1 2 @ mymaster 10.0.0.1 2"}));
}

}  // namespace
}  // namespace ringkv::server
