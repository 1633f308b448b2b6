// SPDX-License-Identifier: MIT
// The stages of a shutdown, without signals and sockets.
#include "server/data/shutdown.h"

#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

using Progress = Shutdown::Progress;

// I/O threads that still have work to finish.
class BusyLinks : public test::NoLinks {
 public:
  bool WaitForRound(const std::atomic<bool>&, int64_t) override {
    finish_work();
    return rounds_that_fail-- <= 0;
  }
  void Answer(const ClientCard&, LateAnswer answer) override { answers.push_back(answer.reply); }

  std::function<void()> finish_work = [] {};
  int rounds_that_fail = 0;  // because a script goes on
  std::vector<std::string> answers;
};

class ShutdownTest : public SessionFixture {
 protected:
  ShutdownTest() {
    options_.appendonly = 1;
    server_.BeginLoading();
    EXPECT_TRUE(server_.data().Open([] { return storage::Status(); }));
    server_.EndLoading();
  }
  ~ShutdownTest() override { EXPECT_TRUE(server_.Stop()); }

  bool PausesWrites() { return Run("set other 1") == "<postponed>"; }

  BusyLinks links_;
  storage::Lsn asked_for_ = 0;
  size_t behind_ = 0;
  Shutdown shutdown_{{.options = options_,
                      .clock = clock_,
                      .log = server_.log(),
                      .pause = server_.pause(),
                      .data = server_.data(),
                      .links = links_,
                      .count_behind =
                          [this](storage::Lsn last) {
                            asked_for_ = last;
                            return behind_;
                          },
                      .kill_scripts = [this] { ++kills_; }}};
  int kills_ = 0;
};

TEST_F(ShutdownTest, AWriteThatWasAdmittedBeforeThePauseIsWaitedFor) {
  const std::unique_ptr<Session> admitted = MakeSession();
  admitted->checked_needs = 0;
  links_.finish_work = [&] {
    EXPECT_TRUE(PausesWrites());
    EXPECT_EQ(RunLineOn(*admitted, "set admitted 1"), "+OK\r\n");
  };
  behind_ = 1;
  shutdown_.Request({});
  EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
  EXPECT_EQ(asked_for_, server_.store().log().appended());
  EXPECT_GT(asked_for_, 0u);
}

TEST_F(ShutdownTest, ReplicasHaveUntilTheTimeIsOver) {
  options_.shutdown_timeout = 10;
  behind_ = 1;
  shutdown_.Request({});
  EXPECT_EQ(shutdown_.MillisecondsLeft(), std::nullopt) << "writes are not paused yet";
  EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
  EXPECT_EQ(shutdown_.MillisecondsLeft(), 10'000);
  clock_.Advance(9'999);
  EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
  clock_.Advance(1);
  EXPECT_EQ(shutdown_.Step(), Progress::kReady);
  EXPECT_FALSE(shutdown_.Abort()) << "it is too late";
  EXPECT_EQ(Run("get other"), "<postponed>");
}

TEST_F(ShutdownTest, NobodyWaitsForReplicasIfTheRequestSaysSo) {
  behind_ = 1;
  shutdown_.Request({.waits_for_replicas = false});
  EXPECT_EQ(shutdown_.Step(), Progress::kReady);
}

TEST_F(ShutdownTest, AnAbortAnswersAllWaitingClientsAndResumesWrites) {
  behind_ = 1;
  EXPECT_FALSE(shutdown_.Abort()) << "there is none";
  shutdown_.Request({.by = session_->card});
  shutdown_.Request({.waits_for_replicas = false, .by = session_->card});
  EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
  EXPECT_TRUE(PausesWrites());
  EXPECT_TRUE(shutdown_.Abort());
  EXPECT_EQ(shutdown_.Step(), Progress::kNothing);
  EXPECT_EQ(links_.answers, std::vector<std::string>(2, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n"));
  EXPECT_FALSE(PausesWrites());
  EXPECT_EQ(shutdown_.MillisecondsLeft(), std::nullopt);
  EXPECT_FALSE(shutdown_.Abort());
  EXPECT_EQ(shutdown_.Step(), Progress::kNothing);
}

TEST_F(ShutdownTest, DrainingEndsByItsTimeByAnotherRequestOrByAnAbort) {
  for (const bool by_time : {true, false}) {
    shutdown_.Request({.drain_ms = 1'000});
    EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
    EXPECT_TRUE(shutdown_.is_draining());
    EXPECT_FALSE(PausesWrites());
    EXPECT_TRUE(shutdown_.Abort());
    EXPECT_EQ(shutdown_.Step(), Progress::kNothing);
    EXPECT_FALSE(shutdown_.is_draining());
    shutdown_.Request({.drain_ms = 1'000});
    behind_ = 1;
    by_time ? clock_.Advance(1'000) : shutdown_.Request({.drain_ms = 1'000});
    EXPECT_EQ(shutdown_.Step(), Progress::kWaits);
    EXPECT_TRUE(PausesWrites());
    EXPECT_TRUE(shutdown_.is_draining());
    EXPECT_TRUE(shutdown_.Abort());
    EXPECT_EQ(shutdown_.Step(), Progress::kNothing);
  }
}

// --- scripts that do not end ---

TEST_F(ShutdownTest, AScriptThatHasNotWrittenIsKilledAfterTheTimeout) {
  links_.rounds_that_fail = 1;
  shutdown_.Request({.saves = true});
  EXPECT_EQ(shutdown_.Step(), Progress::kReady);
  EXPECT_EQ(kills_, 1);
}

TEST_F(ShutdownTest, AScriptThatHasWrittenIsLeftOutOfTheLog) {
  links_.rounds_that_fail = 2;
  shutdown_.Request({.saves = true});
  EXPECT_EQ(shutdown_.Step(), Progress::kReady);
}

}  // namespace
}  // namespace ringkv::server
