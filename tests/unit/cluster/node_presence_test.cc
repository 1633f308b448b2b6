// SPDX-License-Identifier: MIT
#include "cluster/failover/node_presence.h"

#include <gtest/gtest.h>

#include <optional>
#include <variant>

namespace ringkv::cluster {
namespace {

using Outcome = EtcdAnswer::Outcome;

EtcdAnswer Lasting(int64_t lease) {
  return {.outcome = Outcome::kDone, .revision = 1, .lease = lease, .ttl_seconds = NodePresence::kTtlSeconds};
}

template <typename Request>
void ExpectAsks(NodePresence& presence, int64_t now) {
  const std::optional<EtcdCall> call = presence.NextCall(now);
  ASSERT_TRUE(call.has_value());
  EXPECT_TRUE(std::holds_alternative<Request>(call->request));
}

// On this lease.
void ExpectPuts(NodePresence& presence, int64_t lease, int64_t now) {
  const std::optional<EtcdCall> call = presence.NextCall(now);
  ASSERT_TRUE(call && std::holds_alternative<CommitKeys>(call->request));
  const auto& puts = std::get<CommitKeys>(call->request).puts;
  ASSERT_EQ(puts.size(), 1u);
  EXPECT_EQ(puts[0].key, "/node");
  EXPECT_EQ(puts[0].value, "here");
  EXPECT_EQ(puts[0].lease, lease);
}

class NodePresenceTest : public testing::Test {
 protected:
  void BePresent() {
    ExpectAsks<GrantLease>(presence_, 0);
    EXPECT_EQ(presence_.NextCall(0), std::nullopt) << "one call at a time";
    presence_.Take(Lasting(7), 10);
    ExpectPuts(presence_, 7, 10);
    presence_.Take({.outcome = Outcome::kDone, .revision = 2}, 20);
  }

  NodePresence presence_{"/node", "here"};
};

TEST_F(NodePresenceTest, PutsItsKeyOnceAndKeepsTheLease) {
  BePresent();
  EXPECT_EQ(presence_.NextCall(20), std::nullopt);
  const int64_t renewal = presence_.wake_at();
  EXPECT_LE(renewal, NodePresence::kTtlSeconds * 1000 / 3);
  ExpectAsks<KeepLease>(presence_, renewal);
  presence_.Take(Lasting(7), renewal + 1);
  EXPECT_EQ(presence_.NextCall(renewal + 1), std::nullopt);
}

TEST_F(NodePresenceTest, PutsItAgainOnAnotherLease) {
  BePresent();
  const int64_t renewal = presence_.wake_at();
  ExpectAsks<KeepLease>(presence_, renewal);
  presence_.Take({.outcome = Outcome::kRefused}, renewal);
  ExpectAsks<GrantLease>(presence_, presence_.wake_at());
  presence_.Take(Lasting(8), renewal + 100);
  ExpectPuts(presence_, 8, renewal + 100);
}

TEST_F(NodePresenceTest, PutsItAgainIfNobodyAnswered) {
  ExpectAsks<GrantLease>(presence_, 0);
  presence_.Take(Lasting(7), 10);
  ExpectPuts(presence_, 7, 10);
  presence_.Take({}, 510);
  EXPECT_EQ(presence_.NextCall(510), std::nullopt) << "not at once";
  ExpectPuts(presence_, 7, presence_.wake_at());
}

TEST_F(NodePresenceTest, GivesTheLeaseBackWhenItLeaves) {
  BePresent();
  presence_.Leave();
  EXPECT_FALSE(presence_.has_left());
  ExpectAsks<RevokeLease>(presence_, 30);
  presence_.Take({.outcome = Outcome::kDone, .revision = 3}, 30);
  EXPECT_TRUE(presence_.has_left());
  EXPECT_EQ(presence_.NextCall(100'000), std::nullopt);
}

}  // namespace
}  // namespace ringkv::cluster
