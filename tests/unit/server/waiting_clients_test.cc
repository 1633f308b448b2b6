// SPDX-License-Identifier: MIT
// Who tells those that wait: whatever changes the data, and the server when it stops serving what they wait for.
#include "server/blocking/waiting_clients.h"
#include "server/replication/replication.h"

#include <thread>

#include "server/execution/account.h"
#include "storage/housekeeping/expiry_job.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

// Keeps the answers to those who waited.
class AnswerLinks final : public test::NoLinks {
 public:
  void Answer(const ClientCard& card, LateAnswer answer) override {
    answers.emplace_back(card.id, answer.reply);
    whole.emplace_back(std::move(answer));
  }
  std::vector<std::pair<uint64_t, std::string>> answers;
  std::vector<LateAnswer> whole;
};

class WaitingClientsTest : public SessionFixture {
 protected:
  WaitingClientsTest() {
    server_.waiting_clients().set_links(&links_);
    may_wait_ = true;
  }

  // A client whose request waits; it is forgotten when it has been answered.
  Session& Waiting(const std::string& line) {
    sessions_.push_back(MakeSession());
    Session& session = *sessions_.back();
    EXPECT_EQ(RunLineOn(session, line), "");
    EXPECT_TRUE(Ended<outcome::KeyWait>()) << line;
    if (Ended<outcome::KeyWait>()) last_wait_ = std::get<outcome::KeyWait>(outcome_);
    return session;
  }
  std::string Answered(const Session& session) {
    for (const auto& [id, reply] : links_.answers) {
      if (id == session.card->id) return reply;
    }
    return "";
  }
  // As a link to another server does.
  void Push(std::string_view key, std::string_view element) {
    storage::Random random(1);
    storage::Txn txn(server_.store(), clock_.Now(), random);
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kCheck);
    txn.Do(place, storage::ListPush{.element = element}, storage::events::kNone);
    txn.Unlock();
  }
  size_t waiting() { return server_.waiting_clients().size(); }

  // Stands for a connection that takes the answer.
  void TakeAnswer() {
    AccountWait(server_.execution_parts(), server_.thread(0), *last_wait_.request, 0, links_.whole.back());
  }

  AnswerLinks links_;
  outcome::KeyWait last_wait_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

TEST_F(WaitingClientsTest, WhileWritesArePostponedBlockedWritersAreHeldBack) {
  const std::vector<std::string> fenced{"list"};
  const struct {
    std::function<void()> begin, end;
  } causes[] = {
      {[&] { server_.pause().Begin(PausePurpose::kFailover, PauseMode::kWrites, clock_.SteadyMs() + 100); },
       [&] { server_.pause().End(PausePurpose::kFailover); }},
      {[&] { EXPECT_TRUE(server_.key_fence().Add(fenced)); }, [&] { server_.key_fence().Remove(fenced); }},
  };
  for (const auto& cause : causes) {
    const Session& pops = Waiting("blpop list 0");
    cause.begin();
    Push("list", "a");
    EXPECT_EQ(Answered(pops), "");
    server_.waiting_clients().ServeHeldBack();
    EXPECT_EQ(Answered(pops), "") << "it is held back still";
    cause.end();
    server_.waiting_clients().ServeHeldBack();
    EXPECT_EQ(Answered(pops), "*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
    EXPECT_FALSE(server_.waiting_clients().has_held_back());
  }
}

TEST_F(WaitingClientsTest, ActiveExpiryServesBlockedClients) {
  Run("xgroup create stream group $ mkstream");
  Run("pexpire stream 10");
  const Session& session = Waiting("xreadgroup group group me block 0 streams stream >");
  clock_.Advance(1000);
  storage::ExpiryJob job(server_.store());
  while (!job.Step()) {
  }
  EXPECT_EQ(Answered(session), "-UNBLOCKED the stream key no longer exists\r\n");
}

TEST_F(WaitingClientsTest, EvictionForARefusedRequestServesBlockedClients) {
  Run("xgroup create stream group $ mkstream");
  const Session& session = Waiting("xreadgroup group group me block 0 streams stream >");
  Run("config set maxmemory-policy allkeys-random maxmemory 1");
  Run("set a 1");
  EXPECT_EQ(Answered(session), "-UNBLOCKED the stream key no longer exists\r\n");
}

TEST_F(WaitingClientsTest, AFurtherAttemptCountsNoMissOfOtherKeys) {
  const Session& session = Waiting("xread block 0 streams missing stream 0 0");
  const std::string misses = "keyspace_misses:2\r\n";
  ASSERT_NE(Run("info stats").find(misses), std::string::npos);
  Run("xadd stream 1-1 f v");
  EXPECT_NE(Answered(session), "");
  EXPECT_NE(Run("info stats").find(misses), std::string::npos) << Run("info stats");
}

TEST_F(WaitingClientsTest, ATransactionOfAnyThreadServesBlockedClients) {
  const Session& session = Waiting("blpop list 0");
  Push("list", "x");
  EXPECT_EQ(Answered(session), "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
  EXPECT_EQ(Run("exists list"), ":0\r\n");
}

TEST_F(WaitingClientsTest, NoClientIsServedFromIncompleteData) {
  const Session& session = Waiting("blpop list 0");
  server_.data().SetReplacing(true);
  Push("list", "x");
  EXPECT_EQ(Answered(session), "");
  server_.data().SetReplacing(false);
  EXPECT_EQ(Answered(session), "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
}

TEST_F(WaitingClientsTest, BecomingAReplicaUnblocksAllClients) {
  const Session& pop = Waiting("blpop list 0");
  const Session& read = Waiting("xread block 0 streams stream $");
  server_.replication().Follow({"127.0.0.1", 1});
  for (const Session* each : {&pop, &read}) EXPECT_TRUE(Answered(*each).starts_with("-UNBLOCKED force unblock"));
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(WaitingClientsTest, ABlockedReaderOfAReplicaStaysBlockedAfterPromotion) {
  server_.replication().Follow({"127.0.0.1", 1});
  const Session& read = Waiting("xread block 0 streams stream $");
  server_.replication().StopFollowing();
  EXPECT_EQ(Answered(read), "");
  Run("xadd stream 1-1 f v");
  EXPECT_NE(Answered(read).find("1-1"), std::string::npos);
}

TEST_F(WaitingClientsTest, RolesThatSeveralClientsChangeAtOnceEndInOneOfThem) {
  Replication& replication = server_.replication();
  for (int i = 0; i < 20; ++i) {
    std::thread other([&] { replication.Follow({"127.0.0.1", 1}); });
    replication.StopFollowing();
    other.join();
    EXPECT_EQ(replication.is_replica(), replication.link().phase() != LinkPhase::kNone);
    EXPECT_TRUE(replication.is_replica() || server_.store().authority() == storage::Authority::kOwner);
  }
}

// Its request was let in, and the role changed before it waited.
TEST_F(WaitingClientsTest, AClientThatBlocksAfterARoleChangeIsCheckedAgain) {
  const uint64_t before = server_.waiting_clients().generation();
  server_.waiting_clients().EndAll("UNBLOCKED by a test");
  const Session& session = Waiting("blpop list 0");
  auto late = std::make_shared<WaitingRequest>(*last_wait_.request);
  ASSERT_TRUE(server_.waiting_clients().Remove(session.card->id));
  late->generation = before;
  server_.waiting_clients().Add(late);
  server_.waiting_clients().EndIfRefused(late);
  EXPECT_EQ(Answered(session), "-UNBLOCKED by a test\r\n");
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(WaitingClientsTest, ABlockedCommandIsInTheSlowLogAndTheHistogramWhenItHasBeenServed) {
  const std::string entry = "*3\r\n$5\r\nblpop\r\n$4\r\nlist\r\n";  // other entries name the command as an argument
  Run("config set slowlog-log-slower-than 0");
  Waiting("blpop list 0");
  EXPECT_EQ(Run("slowlog get").find(entry), std::string::npos);
  EXPECT_EQ(Run("latency histogram blpop"), "*0\r\n");
  EXPECT_NE(Run("info commandstats").find("cmdstat_blpop:calls=1,"), std::string::npos);
  Push("list", "x");
  TakeAnswer();
  EXPECT_NE(Run("slowlog get").find(entry), std::string::npos);
  EXPECT_NE(Run("latency histogram blpop").find("calls"), std::string::npos);
  EXPECT_NE(Run("info commandstats").find("cmdstat_blpop:calls=1,"), std::string::npos);
}

TEST_F(WaitingClientsTest, ABlockedCommandThatIsServedAnErrorHasFailed) {
  Run("set other 1");
  Waiting("blmove list other left left 0");
  Push("list", "x");
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_TRUE(links_.answers[0].second.starts_with("-WRONGTYPE"));
  TakeAnswer();
  const std::string info = Run("info all");
  const size_t row = info.find("cmdstat_blmove:calls=1,");
  ASSERT_NE(row, std::string::npos);
  EXPECT_NE(info.substr(row, info.find("\r\n", row) - row).find("failed_calls=1"), std::string::npos);
  EXPECT_NE(info.find("errorstat_WRONGTYPE:count=1"), std::string::npos);
}

TEST_F(WaitingClientsTest, ACancelledWaitIsCountedAsAnErrorAndNotAsAFailedCall) {
  Waiting("blpop list 0");
  server_.waiting_clients().EndAll("UNBLOCKED by a test");
  TakeAnswer();
  const std::string info = Run("info all");
  EXPECT_NE(info.find("errorstat_UNBLOCKED:count=1"), std::string::npos);
  EXPECT_EQ(info.find("failed_calls=1"), std::string::npos);
}

TEST_F(WaitingClientsTest, ReadersOfDifferentIdsAndTypesOfOneKeyAreServedInOrder) {
  std::vector<const Session*> order;
  order.push_back(&Waiting("xread block 0 streams k 5-0"));
  order.push_back(&Waiting("blpop k 0"));
  order.push_back(&Waiting("xread block 0 streams k 1-0"));
  order.push_back(&Waiting("xread block 0 streams k 5-0"));
  Run("xadd k 3-0 f v");
  ASSERT_EQ(links_.answers.size(), 1u) << "only who looks for what is behind 1-0";
  EXPECT_EQ(links_.answers[0].first, order[2]->card->id);
  Run("xadd k 6-0 f v");
  ASSERT_EQ(links_.answers.size(), 3u);
  EXPECT_EQ(links_.answers[1].first, order[0]->card->id);
  EXPECT_EQ(links_.answers[2].first, order[3]->card->id);
  Run("del k");
  Run("rpush k x");
  ASSERT_EQ(links_.answers.size(), 4u);
  EXPECT_EQ(links_.answers[3].first, order[1]->card->id);
}

TEST_F(WaitingClientsTest, BlockedMovesIntoAListDoNotStarveItsReaders) {
  const Session& mover = Waiting("blmove in work left right 0");
  const Session& second = Waiting("blmove in work left right 0");
  const Session& worker = Waiting("blpop work 0");
  Run("rpush in job");
  EXPECT_EQ(Answered(mover), "$3\r\njob\r\n");
  EXPECT_EQ(Answered(second), "");
  EXPECT_EQ(Answered(worker), "*2\r\n$4\r\nwork\r\n$3\r\njob\r\n");
}

TEST_F(WaitingClientsTest, StreamReadersAtOtherIdsDoNotStarveOthers) {
  Run("xadd a 1-0 f v");
  Run("xadd b 1-0 f v");
  const Session& ahead = Waiting("xread block 0 streams a b 1-0 9-0");
  const Session& behind = Waiting("xread block 0 streams b a 1-0 9-0");
  Run("xadd b 5-0 f v");
  EXPECT_EQ(Answered(ahead), "");
  EXPECT_NE(Answered(behind), "");
}

TEST_F(WaitingClientsTest, ADisconnectKeepsTheOrderOfTheOthers) {
  constexpr size_t kMany = 300;
  for (size_t i = 0; i < kMany; ++i) Waiting("blpop k other 0");
  for (size_t i = 0; i < kMany; i += 2) {
    EXPECT_TRUE(server_.waiting_clients().Remove(sessions_[i]->card->id));
    EXPECT_FALSE(server_.waiting_clients().Remove(sessions_[i]->card->id));
  }
  std::string push = "rpush k";
  for (size_t i = 0; i < kMany; ++i) push += " x";
  Run(push);
  ASSERT_EQ(links_.answers.size(), kMany / 2);
  for (size_t i = 0; i < kMany / 2; ++i) EXPECT_EQ(links_.answers[i].first, sessions_[2 * i + 1]->card->id);
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(Run("llen k"), ":" + std::to_string(kMany / 2) + "\r\n");
}

TEST_F(WaitingClientsTest, AnAnswerBelongsToTheTermOfItsExecution) {
  options_.repl_ack = 1;
  const Session& session = Waiting("blpop list 0");
  const uint32_t term = server_.replication().term();
  ASSERT_NE(term, 0u);
  Push("list", "element");
  server_.waiting_clients().ServeReady(nullptr);
  ASSERT_NE(Answered(session), "");
  EXPECT_EQ(links_.whole.back().term, term);
}

}  // namespace
}  // namespace ringkv::server
