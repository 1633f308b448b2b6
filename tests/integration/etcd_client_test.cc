// SPDX-License-Identifier: MIT
// The client and the state machine's calls against real members of etcd.
#include "etcd/etcd_client.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "cluster/failover/etcd.h"
#include "tests/support/etcd_members.h"

namespace ringkv::test {
namespace {

using cluster::EtcdAnswer;
using Outcome = cluster::EtcdAnswer::Outcome;
using cluster::ParseCoordinator;
using etcd::EtcdClient;

class EtcdClientTest : public testing::Test {
 protected:
  static constexpr int64_t kDeadlineMs = 1000;

  // Asks, and waits for the answer.
  EtcdAnswer Ask(cluster::EtcdRequest request) {
    const uint64_t number = Begin(std::move(request));
    WaitFor([&] { return !answers_[number].empty(); });
    return answers_[number].empty() ? EtcdAnswer{} : answers_[number].back();
  }
  // While members elect a leader there is no answer.
  EtcdAnswer AskUntilDone(const cluster::EtcdRequest& request) {
    EtcdAnswer answer;
    WaitFor([&] { return (answer = Ask(request)).outcome == Outcome::kDone; });
    return answer;
  }
  uint64_t Begin(cluster::EtcdRequest request) {
    client_.Begin({++last_, std::move(request)});
    return last_;
  }
  template <typename Condition>
  bool WaitFor(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      if (condition()) return true;
      if (std::chrono::steady_clock::now() >= end) return false;
      client_.Work(20);
    }
  }

  EtcdMembers etcd_;
  std::map<uint64_t, std::vector<EtcdAnswer>> answers_;
  uint64_t last_ = 0;
  EtcdClient client_{*ParseCoordinator("etcd://" + etcd_.addresses() + "/test"),
                     {},
                     kDeadlineMs,
                     [this](uint64_t number, const EtcdAnswer& answer) { answers_[number].push_back(answer); }};
};

TEST_F(EtcdClientTest, LeasesCommitsAndReads) {
  const EtcdAnswer lease = Ask(cluster::GrantLease{1});
  ASSERT_EQ(lease.outcome, Outcome::kDone) << lease.error;
  EXPECT_EQ(lease.ttl_seconds, 2);
  EXPECT_EQ(Ask(cluster::KeepLease{lease.lease}).ttl_seconds, 2);
  EXPECT_EQ(Ask(cluster::KeepLease{12345}).outcome, Outcome::kRefused);

  const cluster::CommitKeys put{.conditions = {{"/t/a", 0}}, .puts = {{"/t/a", std::string("\0\xff", 2), lease.lease}}};
  const EtcdAnswer committed = Ask(put);
  ASSERT_EQ(committed.outcome, Outcome::kDone) << committed.error;
  EXPECT_EQ(Ask(put).outcome, Outcome::kRefused);
  EXPECT_EQ(Ask(cluster::CommitKeys{.puts = {{"/t/b", "x", 12345}}}).outcome, Outcome::kRefused);

  EtcdAnswer read = Ask(cluster::ReadKeys{"/t/"});
  ASSERT_EQ(read.keys.size(), 1u);
  EXPECT_EQ(read.keys[0].key, "/t/a");
  EXPECT_EQ(read.keys[0].value, std::string("\0\xff", 2));
  EXPECT_EQ(read.keys[0].mod_revision, committed.revision);
  EXPECT_EQ(read.keys[0].lease, lease.lease);
  EXPECT_EQ(Ask(cluster::RevokeLease{lease.lease}).outcome, Outcome::kDone);
  EXPECT_TRUE(Ask(cluster::ReadKeys{"/t/"}).keys.empty());
}

TEST_F(EtcdClientTest, AWatchTellsOfChangesAndOfALeaseThatEnds) {
  const EtcdAnswer lease = Ask(cluster::GrantLease{2});
  const EtcdAnswer begin = Ask(cluster::ReadKeys{"/t/"});
  const uint64_t watch = Begin(cluster::WatchKeys{"/t/", begin.revision + 1});
  ASSERT_EQ(Ask(cluster::CommitKeys{.puts = {{"/t/a", "1", lease.lease}}}).outcome, Outcome::kDone);
  ASSERT_TRUE(WaitFor([&] { return !answers_[watch].empty(); }));
  EXPECT_EQ(answers_[watch][0].keys.at(0).value, "1");
  ASSERT_TRUE(WaitFor([&] { return answers_[watch].size() == 2; }));
  EXPECT_TRUE(answers_[watch][1].keys.at(0).is_deleted);
  // Another watch replaces it.
  const uint64_t next = Begin(cluster::WatchKeys{"/t/", answers_[watch][1].revision + 1});
  ASSERT_EQ(Ask(cluster::CommitKeys{.puts = {{"/t/a", "2"}}}).outcome, Outcome::kDone);
  ASSERT_TRUE(WaitFor([&] { return !answers_[next].empty(); }));
  EXPECT_EQ(answers_[watch].size(), 2u);
}

TEST_F(EtcdClientTest, GoesOnWithTheNextMember) {
  ASSERT_EQ(AskUntilDone(cluster::ReadKeys{"/t/"}).outcome, Outcome::kDone);
  etcd_.Kill(0);
  EXPECT_EQ(AskUntilDone(cluster::ReadKeys{"/t/"}).outcome, Outcome::kDone);
  // A member that stands still costs a deadline.
  etcd_.Signal(1, SIGSTOP);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask(cluster::GrantLease{3}).outcome, Outcome::kUnknown);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(10 * kDeadlineMs));
  etcd_.Signal(1, SIGCONT);
  EXPECT_EQ(AskUntilDone(cluster::GrantLease{3}).outcome, Outcome::kDone);
  etcd_.Start(0);
}

TEST_F(EtcdClientTest, AWatchOfAMemberWithoutALeaderEnds) {
  const EtcdAnswer begin = Ask(cluster::ReadKeys{"/t/"});
  const uint64_t watch = Begin(cluster::WatchKeys{"/t/", begin.revision + 1});
  ASSERT_EQ(Ask(cluster::CommitKeys{.puts = {{"/t/a", "1"}}}).outcome, Outcome::kDone);
  ASSERT_TRUE(WaitFor([&] { return !answers_[watch].empty(); }));
  etcd_.Kill(1);
  etcd_.Kill(2);
  EXPECT_TRUE(WaitFor([&] { return answers_[watch].back().outcome == Outcome::kUnknown; }));
}

TEST(CoordinatorAddress, IsCheckedWordByWord) {
  const auto address = ParseCoordinator("etcds://a:1,[::1]:2379/shop");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address->members, (std::vector<std::string>{"https://a:1", "https://[::1]:2379"}));
  EXPECT_EQ(address->cluster, "shop");
  for (const char* bad : {"", "etcd://", "etcd://a/x", "etcd://a:1", "etcd://a:1/", "etcd://a:1,/x", "http://a:1/x",
                          "etcd://a:1/x/y", "etcd://a b:1/x", "etcd://a:x/y", "etcd://:1/y", "etcd://a:1/\n"}) {
    EXPECT_FALSE(ParseCoordinator(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace ringkv::test
