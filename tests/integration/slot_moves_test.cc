// SPDX-License-Identifier: MIT
// Slots change owners while clients write and read: nobody reads what is stale, nothing acknowledged is lost, whoever
// is killed in the middle.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "tests/support/free_ports.h"
#include "tests/support/redis_client.h"
#include "tests/support/registers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/waiting_client.h"

namespace ringkv::test {
namespace {

constexpr size_t kNodes = 4;

// Nodes n0, n1, ... each a shard s0, s1, ... of its own.
class SlotMovesTest : public testing::Test {
 protected:
  SlotMovesTest() : ports_(FreePorts(kNodes)) {
    for (size_t i = 0; i < kNodes; ++i) dirs_.push_back(std::make_unique<TempDir>());
    nodes_.resize(kNodes);
    for (size_t i = 0; i < 3; ++i) {
      WriteConfig(i, Config(1, {1, 1, 1}));
      Start(i);
    }
    WriteConfig(3, Config(2, {1, 1, 1, 1}));
  }

  // With so many shards, of these weights.
  std::string Config(int epoch, const std::vector<double>& weights) const {
    std::string text = "epoch " + std::to_string(epoch) + "\n";
    for (size_t i = 0; i < weights.size(); ++i) {
      text += "shard s" + std::to_string(i) + " weight " + std::to_string(weights[i]) + "\n";
    }
    for (size_t i = 0; i < weights.size(); ++i) {
      text += "node n" + std::to_string(i) + " shard s" + std::to_string(i) + " host 127.0.0.1 port " +
              std::to_string(ports_[i]) + " role primary\n";
    }
    return text;
  }
  void WriteConfig(size_t node, const std::string& text) { dirs_[node]->Write("cluster.conf", text); }
  void Start(size_t node) {
    nodes_[node].reset();
    nodes_[node] = std::make_unique<ServerProcess>(std::vector<std::string>{
        "--port", std::to_string(ports_[node]), "--dir", dirs_[node]->Path(""), "--cluster-enabled", "yes",
        "--cluster-config", dirs_[node]->Path("cluster.conf"), "--appendonly", "yes", "--appendfsync", "always"});
  }
  void Kill(size_t node) {
    nodes_[node]->Signal(SIGKILL);
    nodes_[node]->WaitForEnd();
  }
  // To each node that runs.
  void Apply(const std::string& config) {
    for (const auto& node : nodes_) {
      if (node != nullptr) {
        const std::string answer = Say(*node, {"CLUSTER", "RELOAD", config});
        EXPECT_TRUE(answer == "OK" || answer.find("needs a higher one") != std::string::npos) << answer;
      }
    }
  }
  size_t SlotsOf(size_t node, size_t seen_from) {
    const std::string nodes = Say(*nodes_[seen_from], {"CLUSTER", "NODES"});
    const std::string own = nodes.substr(nodes.find(":" + std::to_string(ports_[node]) + "@"));
    size_t count = 0;
    const std::string line = own.substr(0, own.find('\n'));
    for (size_t at = line.find("connected"); (at = line.find(' ', at)) != std::string::npos; ++at) {
      const std::string range = line.substr(at + 1, line.find(' ', at + 1) - at - 1);
      const size_t dash = range.find('-');
      count += dash == std::string::npos ? 1 : std::stoul(range.substr(dash + 1)) - std::stoul(range) + 1;
    }
    return count;
  }
  bool AllSettled() {
    for (const auto& node : nodes_) {
      if (node == nullptr) continue;
      const Context context = ConnectTo(*node);
      const Reply moves = context->err != 0 ? nullptr : Ask(context.get(), {"CLUSTER", "MOVES"});
      if (moves == nullptr || moves->type != REDIS_REPLY_ARRAY || moves->elements > 0) return false;
    }
    return true;
  }
  // Why the node waits for slots whose owner it does not know.
  std::string WhatIsMissing(size_t node) {
    const Context context = ConnectTo(*nodes_[node]);
    const Reply moves = Ask(context.get(), {"CLUSTER", "MOVES"});
    for (size_t i = 0; i < moves->elements; ++i) {
      const redisReply* move = moves->element[i];
      if (move->element[1]->len == 0) return move->element[move->elements - 1]->str;
    }
    return "nothing";
  }
  // All is as the topology says, soon.
  void WaitUntilSettled() {
    if (Eventually([&] { return AllSettled(); })) return;
    std::string state;
    for (size_t i = 0; i < kNodes; ++i) {
      state += "--- n" + std::to_string(i) + "\n" + dirs_[i]->Read("cluster.slots");
      if (nodes_[i] != nullptr) state += nodes_[i]->Log();
    }
    FAIL() << state;
  }
  bool LedgerHas(size_t node, const std::string& text) const {
    return dirs_[node]->Read("cluster.slots").find(text) != std::string::npos;
  }

  const std::vector<int> ports_;
  std::vector<std::unique_ptr<TempDir>> dirs_;
  std::vector<std::unique_ptr<ServerProcess>> nodes_;
};

TEST_F(SlotMovesTest, ANodeJoinsAndLeavesWhileClientsNoticeNothing) {
  Registers registers(ports_);
  registers.Begin(4);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 2000; }));
  Start(3);
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  for (size_t seen_from = 0; seen_from < kNodes; ++seen_from) {
    EXPECT_GT(SlotsOf(3, seen_from), 16384u / 5);
    EXPECT_LT(SlotsOf(3, seen_from), 16384u * 3 / 10);
  }
  Apply(Config(3, {1, 1, 1, 0}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  EXPECT_EQ(SlotsOf(3, 0), 0u);
  registers.End();
  registers.ReadAll();
  EXPECT_TRUE(Eventually([&] { return Say(*nodes_[3], {"DBSIZE"}) == "0"; }));
  nodes_[3].reset();
  Apply(Config(4, {1, 1, 1}));
  EXPECT_EQ(Say(*nodes_[0], {"CLUSTER", "INFO"}).find("cluster_known_nodes:4"), std::string::npos);
  registers.ReadAll();
}

TEST_F(SlotMovesTest, ClientsOfAProxySeeNothingOfAMove) {
  Start(3);
  for (const auto& node : nodes_) EXPECT_EQ(Say(*node, {"CONFIG", "SET", "cluster-redirect", "proxy"}), "OK");
  Registers registers(ports_);
  registers.Begin(4);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 2000; }));
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  Apply(Config(3, {1, 1, 1, 0}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  registers.End();
  EXPECT_EQ(registers.redirections(), 0u);
  registers.ReadAll();
}

TEST_F(SlotMovesTest, ScriptsAndFunctionsNoticeNothing) {
  Start(3);
  for (const auto& node : nodes_) {
    EXPECT_EQ(Say(*node, {"FUNCTION", "LOAD", kFunctionsLibrary}), "registers");
    EXPECT_EQ(Say(*node, {"CONFIG", "SET", "busy-reply-threshold", "0"}), "OK") << "a slow machine is no error";
  }
  Registers registers(ports_, {kScripts, kFunctions});
  registers.Begin(12);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 200; }));
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  Apply(Config(3, {1, 1, 1, 0}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  registers.End();
  registers.ReadAll();
}

TEST_F(SlotMovesTest, AScriptThatRunsForLongKeepsNoClientWaiting) {
  Start(3);
  EXPECT_EQ(Say(*nodes_[0], {"CONFIG", "SET", "busy-reply-threshold", "0"}), "OK");
  const Context running = ConnectTo(*nodes_[0]);
  SendRequest(running.get(), {"EVAL", "redis.log(redis.LOG_WARNING, 'it has begun') while true do end", "0"});
  ASSERT_TRUE(Eventually([&] { return nodes_[0]->Log().find("it has begun") != std::string::npos; }));
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_TRUE(Eventually([&] { return LedgerHas(0, "offer"); })) << "slots are ready for their hand-over";
  const Context client = ConnectTo(*nodes_[0]);
  ::redisSetTimeout(client.get(), {10, 0});
  constexpr int kRounds = 20;
  constexpr int kKeys = 100;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kKeys; ++i) ::redisAppendCommand(client.get(), "INCR key:%d", i);
    for (int i = 0; i < kKeys; ++i) {
      void* reply = nullptr;
      ASSERT_EQ(::redisGetReply(client.get(), &reply), REDIS_OK) << client->errstr;
      ::freeReplyObject(reply);
    }
  }
  EXPECT_EQ(Say(*nodes_[0], {"SCRIPT", "KILL"}), "OK");
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
}

TEST_F(SlotMovesTest, BlockedClientsAreRedirectedWhenTheirSlotMoves) {
  std::vector<std::pair<std::string, std::unique_ptr<WaitingClient>>> clients;
  for (int i = 0; clients.size() < 24; ++i) {
    const std::string key = "key:" + std::to_string(i);
    if (Say(*nodes_[0], {"EXISTS", key}) != "0") continue;
    clients.emplace_back(key, std::make_unique<WaitingClient>(*nodes_[0], std::vector<std::string>{"BLPOP", key, "0"}));
  }
  Start(3);
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  size_t stayed = 0;
  for (const auto& [key, client] : clients) {
    const std::string moved = Say(*nodes_[0], {"EXISTS", key});
    if (moved == "0") {
      ++stayed;
      EXPECT_EQ(Say(*nodes_[0], {"RPUSH", key, "x"}), "1");
      EXPECT_EQ(client->Take()->elements, 2u);
    } else {
      EXPECT_EQ(client->Take()->str, moved);
    }
  }
  EXPECT_GT(stayed, 0u);
  EXPECT_LT(stayed, clients.size());
  EXPECT_EQ(nodes_[0]->Info("blocked_clients"), "0");
}

TEST_F(SlotMovesTest, AKeyIsCountedAndListedOnceAtEveryMoment) {
  Follower client(ports_);
  const std::atomic<bool> go_on{false};
  constexpr int kMany = 5000;
  for (int i = 0; i < kMany; ++i) ASSERT_NE(client.Ask({"SET", "key:" + std::to_string(i), "v"}, go_on), nullptr);
  Start(3);
  Apply(Config(2, {1, 1, 1, 1}));
  bool is_settled = false;
  do {
    is_settled = AllSettled();
    int most = 0;
    for (const auto& node : nodes_) most += std::stoi(Say(*node, {"DBSIZE"}));
    // Each node is asked in turn: what moves from a later to an earlier one in between is missed or seen twice.
    EXPECT_LE(most, 2 * kMany);
  } while (!is_settled);
  int sum = 0;
  for (const auto& node : nodes_) sum += std::stoi(Say(*node, {"DBSIZE"}));
  EXPECT_EQ(sum, kMany);
}

TEST_F(SlotMovesTest, ASlotThatReturnsDuringErasureKeepsItsKeys) {
  constexpr int kMany = 120'000;
  constexpr int kAtOnce = 1000;
  std::array<Context, 3> clients;
  for (size_t i = 0; i < 3; ++i) clients[i] = ConnectTo(*nodes_[i]);
  // Each node is asked to take every key: one of them does.
  for (int first = 0; first < kMany; first += kAtOnce) {
    for (const Context& client : clients) {
      for (int i = first; i < first + kAtOnce; ++i) ::redisAppendCommand(client.get(), "SET key:%d v", i);
      for (int i = 0; i < kAtOnce; ++i) {
        void* reply = nullptr;
        ASSERT_EQ(::redisGetReply(client.get(), &reply), REDIS_OK);
        ::freeReplyObject(reply);
      }
    }
  }
  const auto count = [&] {
    int sum = 0;
    for (size_t i = 0; i < 3; ++i) sum += std::stoi(Say(*nodes_[i], {"DBSIZE"}));
    return sum;
  };
  // All that the first one has goes, and comes back while it is being erased there. On a slow machine the erasure may
  // have ended before the test sees it: then once more.
  bool was_erasing = false;
  for (int round = 0; round < 3 && !was_erasing; ++round) {
    const size_t before = std::stoull(nodes_[0]->Info("used_memory"));
    Apply(Config(2 + 2 * round, {0, 1, 1}));
    ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
    ASSERT_EQ(count(), kMany);
    ASSERT_TRUE(Eventually([&] { return std::stoull(nodes_[0]->Info("used_memory")) + 500'000 < before; }));
    was_erasing = LedgerHas(0, "stray");
    Apply(Config(3 + 2 * round, {1, 1, 1}));
    ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
    EXPECT_EQ(count(), kMany);
  }
}

TEST_F(SlotMovesTest, AShardThatHasLeftIsNotWhatANodeWaitsFor) {
  for (const size_t gone : {1u, 2u}) {
    Kill(gone);
    nodes_[gone].reset();
  }
  Start(3);
  EXPECT_TRUE(Eventually([&] { return WhatIsMissing(3).starts_with("shard 's1' can't be asked"); }));
  std::string without = Config(3, {1, 1, 1, 1});
  for (const std::string line : {"shard s1 ", "node n1 "}) {
    const size_t begin = without.find(line);
    without.erase(begin, without.find('\n', begin) + 1 - begin);
  }
  ASSERT_EQ(Say(*nodes_[3], {"CLUSTER", "RELOAD", without}), "OK");
  EXPECT_TRUE(Eventually([&] { return WhatIsMissing(3).starts_with("shard 's2' can't be asked"); }))
      << WhatIsMissing(3);
}

TEST_F(SlotMovesTest, AnAnswerThatIsNoneIsTold) {
  Kill(1);
  dirs_[1] = std::make_unique<TempDir>();
  std::string other = Config(1, {1, 1, 1});
  for (size_t at = 0; (at = other.find("s1", at)) != std::string::npos;) other.replace(at, 2, "sx");
  WriteConfig(1, other);
  Start(1);
  Start(3);
  const std::string reason = "shard 's1' can't be asked which slots it owns: it takes itself for a node of 'sx'";
  EXPECT_TRUE(Eventually([&] { return WhatIsMissing(3) == reason; })) << WhatIsMissing(3);
}

TEST_F(SlotMovesTest, ANodeWithoutTheNewTopologyServesItsSlots) {
  Start(3);
  EXPECT_EQ(Say(*nodes_[0], {"CLUSTER", "RELOAD", Config(2, {1, 1, 1, 1})}), "OK");
  // s1 and s2 know nothing yet: their slots stay with them, and the new node names them as owners.
  EXPECT_TRUE(Eventually([&] { return SlotsOf(0, 0) < 16384u * 3 / 10; }));
  EXPECT_GT(SlotsOf(1, 3), 16384u * 3 / 10);
  EXPECT_GT(SlotsOf(2, 3), 16384u * 3 / 10);
  Registers registers(ports_);
  registers.Begin(2);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 500; }));
  Apply(Config(2, {1, 1, 1, 1}));
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  registers.End();
  registers.ReadAll();
}

TEST_F(SlotMovesTest, AFlushOfTheTargetRestartsTheMigration) {
  Registers registers(ports_);
  registers.Begin(2);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 1000; }));
  registers.End();
  Start(3);
  std::atomic<bool> is_over{false};
  std::thread flusher([&] {
    const Context context = ConnectTo(*nodes_[3]);
    // Each makes a batch begin anew; they come while nothing is owned there.
    constexpr int kFlushes = 5;
    for (int i = 0; i < kFlushes && !is_over && SlotsOf(3, 3) == 0; ++i) Ask(context.get(), {"FLUSHALL"});
  });
  Apply(Config(2, {1, 1, 1, 1}));
  EXPECT_TRUE(Eventually([&] { return SlotsOf(3, 3) > 0; }));
  is_over = true;
  flusher.join();
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
}

// At each step of a move, whichever side is killed there.
struct KillPoint {
  const char* name;
  size_t victim;
  size_t watched;
  const char* ledger_has;
};

class KilledMoveTest : public SlotMovesTest, public testing::WithParamInterface<KillPoint> {};

TEST_P(KilledMoveTest, LosesNoDataAndResumes) {
  const KillPoint& point = GetParam();
  Registers registers(ports_);
  registers.Begin(3);
  EXPECT_TRUE(Eventually([&] { return registers.answers() > 1500; }));
  Start(3);
  std::atomic<bool> is_killed{false};
  std::thread killer([&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!LedgerHas(point.watched, point.ledger_has) && std::chrono::steady_clock::now() < end) {
    }
    Kill(point.victim);
    is_killed = true;
  });
  const std::string config = Config(2, {1, 1, 1, 1});
  for (const size_t node : {1u, 2u, 0u}) {
    // The victim may be gone already.
    const Context context = ConnectTo(*nodes_[node]);
    if (context->err == 0) Ask(context.get(), {"CLUSTER", "RELOAD", config});
  }
  killer.join();
  EXPECT_TRUE(is_killed);
  Start(point.victim);
  Apply(config);
  ASSERT_NO_FATAL_FAILURE(WaitUntilSettled());
  registers.End();
  registers.ReadAll();
  EXPECT_GT(SlotsOf(3, 3), 16384u / 5);
  EXPECT_EQ(SlotsOf(3, 0), SlotsOf(3, 3));
}

INSTANTIATE_TEST_SUITE_P(Steps, KilledMoveTest,
                         testing::Values(KillPoint{"TargetWhileKeysArrive", 3, 3, "stray"},
                                         KillPoint{"SourceWhileKeysArrive", 0, 3, "stray"},
                                         KillPoint{"SourceWithItsOfferWritten", 0, 0, "offer"},
                                         KillPoint{"TargetWithTheOfferWritten", 3, 0, "offer"},
                                         KillPoint{"TargetWhenItHasTaken", 3, 3, "owner s3"},
                                         KillPoint{"SourceWhenTheTargetHasTaken", 0, 3, "owner s3"},
                                         KillPoint{"SourceWhenItHasGiven", 0, 0, "owner s3"},
                                         KillPoint{"TargetWhenTheSourceHasGiven", 3, 0, "owner s3"}),
                         [](const auto& point) { return point.param.name; });

}  // namespace
}  // namespace ringkv::test
