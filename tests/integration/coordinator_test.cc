// SPDX-License-Identifier: MIT
// A shard whose primary is elected through three real members of etcd: nodes are killed and stopped, etcd is stopped,
// while clients write. RINGKV_KILLS and RINGKV_OUTAGE_S make it longer.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/etcd_members.h"
#include "tests/support/primary_seeker.h"
#include "tests/support/replicas.h"
#include "tests/support/temp_dir.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

constexpr size_t kNodes = 3;
constexpr auto kTtl = std::chrono::seconds(3);  // the default
#ifdef RINGKV_SANITIZED
constexpr int kSlowness = 10;  // of servers under sanitizers
#else
constexpr int kSlowness = 1;
#endif

int NumberFrom(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

class CoordinatorTest : public testing::Test {
 protected:
  explicit CoordinatorTest(std::vector<std::string> more = {"--repl-ack", "quorum"}) : more_(std::move(more)) {
    for (size_t i = 0; i < kNodes; ++i) Start(i);
    EXPECT_TRUE(Eventually([this] { return Primary() >= 0; }));
    EXPECT_TRUE(Eventually([this] { return AreAllInSync(); }));
  }

  std::vector<std::string> Options(size_t node) const {
    std::vector<std::string> options = {"--coordinator",
                                        "etcd://" + etcd_.addresses() + "/shop",
                                        "--replica-announce-ip",
                                        "127.0.0.1",
                                        "--appendonly",
                                        "yes",
                                        "--appendfsync",
                                        "always",
                                        "--sentinel-master-name",
                                        "shard",
                                        "--io-threads",
                                        "1",
                                        "--dir",
                                        directories_[node].Path("")};
    options.insert(options.end(), more_.begin(), more_.end());
    if (kSlowness > 1) options.insert(options.end(), {"--repl-ack-timeout", std::to_string(1000 * kSlowness)});
    return WithDebug(std::move(options));
  }
  void Start(size_t node) {
    auto started = std::make_unique<ServerProcess>(Options(node));
    const std::lock_guard lock(mutex_);
    ports_[node] = started->port();
    nodes_[node] = std::move(started);
  }
  void Kill(size_t node) { nodes_[node].reset(); }
  std::vector<int> ports() {
    const std::lock_guard lock(mutex_);
    return {ports_.begin(), ports_.end()};
  }
  PrimarySeeker::Ports Ports() {
    return [this] { return ports(); };
  }
  // The node that takes writes; -1: none.
  int Primary() {
    for (size_t i = 0; i < kNodes; ++i) {
      if (nodes_[i] != nullptr && i != stopped_ && Say(*nodes_[i], {"SET", "probe", "1"}) == "OK")
        return static_cast<int>(i);
    }
    return -1;
  }
  // Each of the others acknowledges, and whoever is the primary would wait for it.
  bool AreAllInSync() {
    const int primary = Primary();
    if (primary < 0) return false;
    for (size_t i = 0; i < kNodes; ++i) {
      if (nodes_[i] == nullptr) return false;
      if (static_cast<int>(i) != primary && !HasReached(*nodes_[i], *nodes_[static_cast<size_t>(primary)]))
        return false;
    }
    return InSyncCount() == kNodes;
  }
  // As the record in etcd says.
  size_t InSyncCount() const {
    const std::string record = etcd_.Value("/ringkv/shop/shards/0/record");
    const size_t begin = record.find("\"in-sync\":[");
    if (begin == std::string::npos) return 0;
    const std::string_view ids = std::string_view(record).substr(begin + 10, record.find(']', begin) - begin - 10);
    return static_cast<size_t>(std::count(ids.begin(), ids.end(), '"')) / 2;
  }
  // How long it takes until a write is acknowledged.
  std::chrono::milliseconds UntilAcknowledged(const ShardLoad& load) {
    const auto begun = std::chrono::steady_clock::now();
    const uint64_t before = load.acknowledged();
    EXPECT_TRUE(Eventually([&] { return load.acknowledged() > before; }));
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  }
  void AwaitProgress(const ShardLoad& load, uint64_t more = 100) {
    const uint64_t before = load.acknowledged();
    EXPECT_TRUE(Eventually([&] { return load.acknowledged() > before + more; }));
  }
  void ExpectAllEqual() {
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const auto primary = static_cast<size_t>(Primary());
    for (size_t i = 0; i < kNodes; ++i) {
      if (i != primary) ExpectEqual(*nodes_[i], *nodes_[primary]);
    }
  }

  const std::vector<std::string> more_;  // options of the nodes
  EtcdMembers etcd_;
  std::array<TempDir, kNodes> directories_;
  std::mutex mutex_;
  std::array<int, kNodes> ports_{};
  std::array<std::unique_ptr<ServerProcess>, kNodes> nodes_;
  size_t stopped_ = kNodes;  // that a probe would wait for
};

TEST_F(CoordinatorTest, APrimaryThatIsKilledIsSucceededInTime) {
  ShardLoad load(Ports(), 4);
  std::vector<int64_t> took;
  for (int kills = NumberFrom("RINGKV_KILLS", 3); kills > 0; --kills) {
    AwaitProgress(load);
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const auto primary = static_cast<size_t>(Primary());
    Kill(primary);
    took.push_back(UntilAcknowledged(load).count());
    EXPECT_LE(took.back(), kSlowness * (std::chrono::milliseconds(kTtl).count() + 1500));
    AwaitProgress(load);
    Start(primary);
  }
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
  std::sort(took.begin(), took.end());
  std::cout << "from the kill to the first acknowledged write: median " << took[took.size() / 2] << " ms, worst "
            << took.back() << " ms; " << load.acknowledged() << " writes, " << load.reads() << " reads\n";
}

TEST_F(CoordinatorTest, AnotherNodeAtTheAddressOfADeadPrimaryIsNotFollowed) {
  const auto primary = static_cast<size_t>(Primary());
  EXPECT_EQ(Say(*nodes_[primary], {"SET", "kept", "1"}), "OK");
  const std::string port = std::to_string(ports_[primary]);
  Kill(primary);
  // Within the lease of the dead one it is the primary of another shard.
  const ServerProcess other({"--port", port, "--coordinator", "etcd://" + etcd_.addresses() + "/other", "--repl-ack",
                             "quorum", "--replica-announce-ip", "127.0.0.1"});
  EXPECT_TRUE(Eventually([&] { return Say(other, {"SET", "foreign", "1"}) == "OK"; }));
  EXPECT_TRUE(Eventually([&] { return Primary() >= 0; }));
  const ServerProcess& successor = *nodes_[static_cast<size_t>(Primary())];
  EXPECT_EQ(Say(successor, {"GET", "kept"}), "1");
  EXPECT_EQ(Say(successor, {"EXISTS", "foreign"}), "0");
}

TEST_F(CoordinatorTest, APrimaryThatEndsByItselfGivesItsLeaseBack) {
  ShardLoad load(Ports(), 2);
  AwaitProgress(load);
  const auto primary = static_cast<size_t>(Primary());
  nodes_[primary]->Signal(SIGTERM);
  EXPECT_EQ(nodes_[primary]->WaitForEnd(), 0);
  EXPECT_LT(UntilAcknowledged(load), kSlowness * kTtl);
  Kill(primary);
  Start(primary);
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
}

TEST_F(CoordinatorTest, APrimaryThatWasStoppedForLongerThanItsLeaseServesNothingStale) {
  ShardLoad load(Ports(), 4);
  AwaitProgress(load);
  const auto primary = static_cast<size_t>(Primary());
  stopped_ = primary;
  nodes_[primary]->Signal(SIGSTOP);
  UntilAcknowledged(load);
  AwaitProgress(load);
  // What it finds in its sockets when it wakes up.
  const Context early(::redisConnect("127.0.0.1", ports_[primary]));
  SendRequest(early.get(), {"SET", "late", "1"});
  SendRequest(early.get(), {"MULTI"});
  SendRequest(early.get(), {"ROLE"});
  SendRequest(early.get(), {"GET", "register:0"});
  SendRequest(early.get(), {"EXEC"});
  nodes_[primary]->Signal(SIGCONT);
  stopped_ = kNodes;
  EXPECT_EQ(TakeReply(early.get())->type, REDIS_REPLY_ERROR);
  for (int i = 0; i < 3; ++i) TakeReply(early.get());
  const Reply executed = TakeReply(early.get());
  const bool is_of_primary = executed->type == REDIS_REPLY_ARRAY && executed->element[0]->type == REDIS_REPLY_ARRAY &&
                             std::string_view(executed->element[0]->element[0]->str) == "master";
  EXPECT_FALSE(is_of_primary) << "a read of whoever is no longer the primary";
  AwaitProgress(load);
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
  EXPECT_EQ(RoleOf(*nodes_[primary]), "slave");
  EXPECT_EQ(Say(*nodes_[primary], {"EXISTS", "late"}), "0");
}

TEST_F(CoordinatorTest, WithoutEtcdThePrimaryServesUntilItsLeaseRunsOutAndGoesOnAfterwards) {
  ShardLoad load(Ports(), 2);
  AwaitProgress(load);
  const auto primary = static_cast<size_t>(Primary());
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGSTOP);
  AwaitProgress(load);  // on its lease
  const std::string refusal = "CLUSTERDOWN the lease of this primary has run out";
  EXPECT_TRUE(Eventually([&] { return Say(*nodes_[primary], {"SET", "a", "1"}).starts_with(refusal); }));
  EXPECT_TRUE(Say(*nodes_[primary], {"GET", "a"}).starts_with(refusal));
  EXPECT_TRUE(Say(*nodes_[primary], {"EVAL", "return redis.call('GET', KEYS[1])", "1", "a"}).starts_with(refusal));
  EXPECT_EQ(nodes_[primary]->Info("role"), "master") << "it can be looked at";
  EXPECT_EQ(Say(*nodes_[primary], {"PING"}), "PONG") << "it is not dead";
  EXPECT_EQ(nodes_[primary]->Info("coordinator_fenced"), "1");
  EXPECT_EQ(nodes_[primary]->Info("coordinator_lease_ms"), "0");
  EXPECT_NE(nodes_[primary]->Info("coordinator_failures"), "0");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(NumberFrom("RINGKV_OUTAGE_S", 6));
  const uint64_t acknowledged = load.acknowledged();
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_EQ(Primary(), -1) << "nobody is promoted";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(load.acknowledged(), acknowledged);
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGCONT);
  AwaitProgress(load);
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
}

TEST_F(CoordinatorTest, OneMemberOfThreeIsNotEnough) {
  ShardLoad load(Ports(), 2);
  AwaitProgress(load);
  etcd_.Kill(0);
  AwaitProgress(load);
  EXPECT_GE(Primary(), 0);
  etcd_.Kill(1);
  EXPECT_TRUE(Eventually([&] { return Primary() == -1; }));
  etcd_.Start(1);
  AwaitProgress(load);
  etcd_.Start(0);
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
}

// With default options: it leaves the in-sync set before a write that waits for it is given up.
TEST_F(CoordinatorTest, NoWriteIsRefusedWhenAReplicaDies) {
  const auto primary = static_cast<size_t>(Primary());
  const Context writer = ConnectTo(*nodes_[primary]);
  for (int i = 0; i < 2; ++i) {
    const size_t replica = (primary + 1) % kNodes;
    Kill(replica);
    const auto end = std::chrono::steady_clock::now() + kTtl;
    size_t written = 0;
    while (InSyncCount() == kNodes || written < 100) {
      const Reply reply = Ask(writer.get(), {"SET", "register:0", std::to_string(++written)});
      ASSERT_NE(reply, nullptr);
      EXPECT_STREQ(reply->str, "OK");
      ASSERT_TRUE(written < 100 || std::chrono::steady_clock::now() < end + std::chrono::seconds(20));
    }
    Start(replica);
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
  }
}

TEST_F(CoordinatorTest, CkquorumSaysWhetherAnybodyCanBeElected) {
  const auto primary = static_cast<size_t>(Primary());
  const auto says = [&](size_t node, const std::string& what) {
    return Eventually([&] {
      return Say(*nodes_[node], {"SENTINEL", "CKQUORUM", "shard"}).find(what) != std::string::npos;
    });
  };
  for (size_t i = 0; i < kNodes; ++i) EXPECT_TRUE(says(i, "replicas that can be elected: 2")) << i;
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGSTOP);
  for (size_t i = 0; i < kNodes; ++i) EXPECT_TRUE(says(i, "etcd does not answer this node")) << i;
  for (size_t i = 0; i < EtcdMembers::kCount; ++i) etcd_.Signal(i, SIGCONT);
  EXPECT_TRUE(says(primary, "replicas that can be elected: 2"));
  ASSERT_TRUE(Eventually([this] { return Primary() >= 0; }));
  const auto leader = static_cast<size_t>(Primary());
  Kill((leader + 1) % kNodes);
  Kill((leader + 2) % kNodes);
  EXPECT_TRUE(says(leader, "No replica is in the in-sync set"));
}

TEST_F(CoordinatorTest, FailoverHandsOverWithoutWaitingForALease) {
  ShardLoad load(Ports(), 4);
  std::vector<int64_t> took;
  for (int handovers = NumberFrom("RINGKV_HANDOVERS", 5); handovers > 0; --handovers) {
    AwaitProgress(load);
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const auto primary = static_cast<size_t>(Primary());
    const size_t heir = (primary + 1) % kNodes;
    EXPECT_EQ(Say(*nodes_[primary], {"FAILOVER", "TO", "127.0.0.1", std::to_string(ports_[heir])}), "OK");
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(Eventually([&] { return Say(*nodes_[heir], {"SET", "probe", "1"}) == "OK"; }));
    took.push_back(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count());
    EXPECT_LT(took.back(), kSlowness * std::chrono::milliseconds(kTtl).count()) << "a lease has run out";
    EXPECT_TRUE(Eventually([&] { return RoleOf(*nodes_[primary]) == "slave"; }));
    EXPECT_EQ(nodes_[primary]->Info("coordinator_in_sync"), "0");
    EXPECT_TRUE(Eventually([&] { return nodes_[heir]->Info("coordinator_in_sync") == std::to_string(kNodes); }));
    EXPECT_TRUE(Eventually([&] { return nodes_[primary]->Info("master_failover_state") == "no-failover"; }));
  }
  load.End();
  load.ReadAll(Ports());
  ExpectAllEqual();
  std::sort(took.begin(), took.end());
  std::cout << "from FAILOVER to the first acknowledged write: median " << took[took.size() / 2] << " ms, worst "
            << took.back() << " ms; longest time without an acknowledged write " << load.longest_gap_ms() << " ms\n";
}

// A client that knows one node only, and goes on there.
class LoyalWriter {
 public:
  LoyalWriter(const ServerProcess& node, std::string key)
      : context_(ConnectTo(node)), key_(std::move(key)), thread_([this] { Run(); }) {}
  ~LoyalWriter() {
    stops_ = true;
    thread_.join();
    EXPECT_EQ(error_, "");
  }
  int acknowledged() const { return acknowledged_; }
  int64_t longest_ms() const { return longest_ms_; }

 private:
  void Run() {
    while (!stops_ && error_.empty()) {
      const auto begun = std::chrono::steady_clock::now();
      const Reply reply = Ask(context_.get(), {"INCR", key_});
      const auto took = std::chrono::steady_clock::now() - begun;
      if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER || reply->integer != acknowledged_ + 1) {
        error_ = reply == nullptr ? "the connection was closed" : reply->str == nullptr ? "another value" : reply->str;
        return;
      }
      acknowledged_ = static_cast<int>(reply->integer);
      longest_ms_ = std::max<int64_t>(longest_ms_, std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    }
  }

  const Context context_;
  const std::string key_;
  std::atomic<int> acknowledged_{0};
  std::atomic<int64_t> longest_ms_{0};
  std::atomic<bool> stops_{false};
  std::string error_;
  std::thread thread_;
};

TEST_F(CoordinatorTest, NoClientNoticesAFailover) {
  std::vector<int64_t> took;
  for (int handovers = NumberFrom("RINGKV_HANDOVERS", 5); handovers > 0; --handovers) {
    ASSERT_TRUE(Eventually([this] { return AreAllInSync(); }));
    const auto primary = static_cast<size_t>(Primary());
    const size_t heir = (primary + 1) % kNodes;
    std::vector<std::unique_ptr<LoyalWriter>> writers;
    for (int i = 0; i < 4; ++i) {
      const std::string key = "loyal:" + std::to_string(handovers) + ":" + std::to_string(i);
      writers.push_back(std::make_unique<LoyalWriter>(*nodes_[primary], key));
    }
    const auto progress = [&](int more) {
      for (const auto& writer : writers) {
        const int before = writer->acknowledged();
        EXPECT_TRUE(Eventually([&] { return writer->acknowledged() > before + more; }));
      }
    };
    progress(50);
    WaitingClient popper(*nodes_[primary], {"BLPOP", "list", "0"});
    EXPECT_EQ(Say(*nodes_[primary], {"FAILOVER", "TO", "127.0.0.1", std::to_string(ports_[heir])}), "OK");
    EXPECT_TRUE(Eventually([&] { return RoleOf(*nodes_[heir]) == "master"; }));
    progress(50);
    EXPECT_EQ(RoleOf(*nodes_[primary]), "slave");
    EXPECT_EQ(Say(*nodes_[heir], {"RPUSH", "list", "x"}), "1");
    EXPECT_EQ(popper.Take()->type, REDIS_REPLY_ARRAY);
    for (const auto& writer : writers) took.push_back(writer->longest_ms());
  }
  std::sort(took.begin(), took.end());
  std::cout << "longest time of a write through a failover: median " << took[took.size() / 2] << " ms, worst "
            << took.back() << " ms\n";
}

TEST_F(CoordinatorTest, FailoverToAMemberThatDoesNotAnswerIsGivenUp) {
  const auto primary = static_cast<size_t>(Primary());
  stopped_ = (primary + 1) % kNodes;
  nodes_[stopped_]->Signal(SIGSTOP);
  const std::vector<std::string> failover = {"FAILOVER", "TO",      "127.0.0.1", std::to_string(ports_[stopped_]),
                                             "FORCE",    "TIMEOUT", "1"};
  EXPECT_EQ(Say(*nodes_[primary], failover), "OK");
  EXPECT_TRUE(Eventually([&] { return nodes_[primary]->Info("master_failover_state") == "no-failover"; }));
  EXPECT_TRUE(Eventually([&] { return Primary() == static_cast<int>(primary); })) << "it takes writes again";
  nodes_[stopped_]->Signal(SIGCONT);
  stopped_ = kNodes;
  ExpectAllEqual();
}

TEST_F(CoordinatorTest, NobodyElseDecidesTheRole) {
  const std::string refusal = "ERR not while a coordinator decides which node is the primary";
  const auto primary = static_cast<size_t>(Primary());
  for (const auto& node : nodes_) {
    EXPECT_EQ(Say(*node, {"REPLICAOF", "NO", "ONE"}), refusal);
    EXPECT_EQ(Say(*node, {"REPLICAOF", "127.0.0.1", "1"}), refusal);
    EXPECT_NE(Say(*node, {"CONFIG", "SET", "repl-ack", "none"}).find("coordinator needs repl-ack quorum"),
              std::string::npos);
  }
  EXPECT_EQ(Primary(), static_cast<int>(primary));
}

// Writes are acknowledged at once, and a replica that is too far behind can't be elected.
class BoundedLossTest : public CoordinatorTest {
 protected:
  BoundedLossTest() : CoordinatorTest({"--repl-ack", "none", "--repl-max-lag", std::to_string(500 * kSlowness)}) {}
};

TEST_F(BoundedLossTest, AReplicaThatIsBehindIsLeftOutAndTheOthersSucceed) {
  const auto primary = static_cast<size_t>(Primary());
  const size_t slow = (primary + 1) % kNodes;
  const size_t other = (primary + 2) % kNodes;
  stopped_ = slow;
  nodes_[slow]->Signal(SIGSTOP);
  const Context writer = ConnectTo(*nodes_[primary]);
  int written = 0;
  while (InSyncCount() == kNodes) ASSERT_STREQ(Ask(writer.get(), {"SET", "n", std::to_string(++written)})->str, "OK");
  ASSERT_STREQ(Ask(writer.get(), {"SET", "n", "last"})->str, "OK");
  ASSERT_TRUE(Eventually([&] { return HasCaughtUp(*nodes_[other], *nodes_[primary]); }));
  Kill(primary);
  nodes_[slow]->Signal(SIGCONT);
  stopped_ = kNodes;
  ASSERT_TRUE(Eventually([&] { return Primary() >= 0; }));
  EXPECT_EQ(Primary(), static_cast<int>(other));
  EXPECT_EQ(Say(*nodes_[other], {"GET", "n"}), "last");
  Start(primary);
  ExpectAllEqual();
}

}  // namespace
}  // namespace ringkv::test
