// SPDX-License-Identifier: MIT
// Long commands of every kind at random, beside each other and short ones: they are atomic.
#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/random.h"
#include "tests/support/free_ports.h"
#include "tests/support/http_client.h"
#include "tests/support/long_commands_fixture.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

constexpr size_t kMovingSets = 6;
constexpr int kMembersOfEach = 1000;  // members of each set at first; all together are enough for long commands
constexpr int kAllMembers = kMovingSets * kMembersOfEach;
constexpr size_t kMovingClients = 4;
constexpr int kMovingSteps = 120;

std::string SetName(size_t i) { return "set:" + std::to_string(i); }

Words WithAllSets(Words words) {
  for (size_t i = 0; i < kMovingSets; ++i) words.push_back(SetName(i));
  return words;
}

// Members move between the sets, so that all of them together always hold the same members.
class MovingMembers {
 public:
  MovingMembers(const ServerProcess& server, int http_port, uint64_t seed)
      : server_(server),
        http_port_(http_port),
        random_(seed),
        own_("own:" + std::to_string(seed)),
        client_(ConnectTo(server)) {}

  void Step() {
    switch (random_.Below(11)) {
      case 0: return ExpectAll(IntegerOf(Ask(client_.get(), WithAllSets({"SUNIONSTORE", own_}))));
      case 1: return ExpectAll(Elements(Ask(client_.get(), WithAllSets({"SUNION"}))));
      case 2: return ExpectAll(IntegerOf(Ask(client_.get(), WithAllSets({"ZUNIONSTORE", own_, "6"}))));
      case 3: return Count();
      case 4: return MoveMany();
      case 5: return LeaveAmid();
      case 6: return SeeAll();
      case 7: return ExpectAll(IntegerOf(Ask(client_.get(), WithAllSets({"EVAL", kUnion, "7", own_}))));
      case 8: return PutAndGet();
      default: return Move();
    }
  }
  int64_t counted() const { return counted_; }

 private:
  static constexpr const char* kUnion = "return redis.call('SUNIONSTORE', unpack(KEYS))";

  static int64_t Elements(const Reply& reply) {
    return reply == nullptr || reply->type != REDIS_REPLY_ARRAY ? -1 : static_cast<int64_t>(reply->elements);
  }
  static void ExpectAll(int64_t members) { EXPECT_EQ(members, kAllMembers); }

  Words RandomMove() {
    const size_t from = random_.Below(kMovingSets);
    const size_t to = random_.Below(kMovingSets);
    return {"SMOVE", SetName(from), SetName(to), "member:" + std::to_string(random_.Below(kAllMembers))};
  }
  void Move() { EXPECT_GE(IntegerOf(Ask(client_.get(), RandomMove())), 0); }
  // A transaction that is long by its number of commands, with all of them seen between two of its moves.
  void MoveMany() {
    constexpr int kMoves = 1100;
    Ask(client_.get(), {"MULTI"});
    for (int i = 0; i < kMoves; ++i) SendRequest(client_.get(), RandomMove());
    SendRequest(client_.get(), WithAllSets({"SUNION"}));
    for (int i = 0; i < kMoves; ++i) SendRequest(client_.get(), RandomMove());
    for (int i = 0; i < 2 * kMoves + 1; ++i) TakeReply(client_.get());
    const Reply replies = Ask(client_.get(), {"EXEC"});
    ASSERT_EQ(Elements(replies), 2 * kMoves + 1);
    EXPECT_EQ(replies->element[kMoves]->elements, size_t{kAllMembers});
  }
  // A transaction with long commands, between which nothing changes.
  void SeeAll() {
    Ask(client_.get(), {"MULTI"});
    SendRequest(client_.get(), WithAllSets({"SUNIONSTORE", own_}));
    SendRequest(client_.get(), RandomMove());
    SendRequest(client_.get(), WithAllSets({"EVAL", kUnion, "7", own_ + ":script"}));
    SendRequest(client_.get(), {"SDIFF", own_, own_ + ":script"});
    for (int i = 0; i < 4; ++i) TakeReply(client_.get());
    const Reply replies = Ask(client_.get(), {"EXEC"});
    ASSERT_EQ(Elements(replies), 4);
    ExpectAll(replies->element[0]->integer);
    ExpectAll(replies->element[2]->integer);
    EXPECT_EQ(replies->element[3]->elements, 0u);
  }
  // A value that takes long over HTTP, and a client that may not wait for it.
  void PutAndGet() {
    const std::string value(2'000'000 + random_.Below(1'000'000), static_cast<char>('a' + random_.Below(26)));
    HttpClient client(http_port_);
    EXPECT_EQ(client.Ask("PUT", "/keys/" + own_ + ":http", value).status, 204);
    EXPECT_EQ(client.Ask("GET", "/keys/" + own_ + ":http").body, value);
    client.SendRequest("GET", "/keys/" + own_ + ":http");
  }
  // Optimistic: all counts that were not refused are there in the end.
  void Count() {
    constexpr int kIncrements = 2100;
    Ask(client_.get(), {"WATCH", "counter"});
    Ask(client_.get(), {"MULTI"});
    for (int i = 0; i < kIncrements; ++i) SendRequest(client_.get(), {"INCR", "counter"});
    for (int i = 0; i < kIncrements; ++i) TakeReply(client_.get());
    const Reply replies = Ask(client_.get(), {"EXEC"});
    ASSERT_NE(replies, nullptr);
    if (replies->type == REDIS_REPLY_NIL) return;
    ASSERT_EQ(Elements(replies), kIncrements);
    EXPECT_EQ(replies->element[kIncrements - 1]->integer - replies->element[0]->integer, kIncrements - 1);
    counted_ += kIncrements;
  }
  void LeaveAmid() {
    SendRequest(client_.get(), WithAllSets({"SUNION"}));
    client_ = ConnectTo(server_);
  }

  const ServerProcess& server_;
  const int http_port_;
  storage::Random random_;
  const std::string own_;
  Context client_;
  int64_t counted_ = 0;
};

TEST(LongCommandsRace, CommandsAreAtomicAndTheLogHasThemInOrder) {
  const TempDir dir;
  const int http_port = FreePorts(1)[0];
  const std::vector<std::string> options{"--io-threads",
                                         "2",
                                         "--dir",
                                         dir.Path(""),
                                         "--appendonly",
                                         "yes",
                                         "--enable-debug-command",
                                         "yes",
                                         "--http-port",
                                         std::to_string(http_port)};
  std::string digest;
  int64_t counted = 0;
  {
    ServerProcess server(options);
    const Context client = ConnectTo(server);
    for (size_t i = 0; i < kMovingSets; ++i) {
      Fill(client.get(), SetName(i), static_cast<int>(i) * kMembersOfEach, static_cast<int>(i + 1) * kMembersOfEach);
    }
    std::array<int64_t, kMovingClients> counts{};
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kMovingClients; ++i) {
      threads.emplace_back([&, i] {
        MovingMembers moving(server, http_port, i + 1);
        for (int step = 0; step < kMovingSteps && !testing::Test::HasFailure(); ++step) moving.Step();
        counts[i] = moving.counted();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const int64_t each : counts) counted += each;
    EXPECT_EQ(Say(server, {"GET", "counter"}), counted == 0 ? "" : std::to_string(counted));
    digest = Say(server, {"DEBUG", "DIGEST"});
    server.Signal(SIGTERM);
    EXPECT_EQ(server.WaitForEnd(), 0);
  }
  ServerProcess again(options);
  EXPECT_EQ(Say(again, {"DEBUG", "DIGEST"}), digest);
}

}  // namespace
}  // namespace ringkv::test
