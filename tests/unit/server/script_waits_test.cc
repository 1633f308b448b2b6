// SPDX-License-Identifier: MIT
// Scripts that wait: for keys that others hold, for what keeps them back, and to begin again.
#include <thread>

#include "tests/support/scripts_fixture.h"

namespace ringkv::server {
namespace {

TEST_F(ScriptsTest, AnUndeclaredKeyThatIsBeingMigratedIsWaitedForWithoutLocks) {
  KeyFence& fence = server_.execution_parts().key_fence;
  ASSERT_TRUE(fence.Add({"fenced"}));
  Eval("redis.call('SET',KEYS[1],'x') return redis.call('SET','fenced','y')", {"own"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work();  // its first slice may have ended before it met the fence
  bool has_passed = false;
  server_.scripts().AfterRuns(0, [&has_passed] { has_passed = true; });
  EXPECT_TRUE(has_passed);  // MIGRATE waits for scripts that were there before
  EXPECT_EQ(Run("get own"), "$-1\r\n");
  links_.Work();
  EXPECT_TRUE(links_.answers.empty());
  fence.Remove({"fenced"});
  server_.scripts().ResumeWaiting(0);
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"+OK\r\n"});
  EXPECT_EQ(Run("get own"), "$1\r\nx\r\n");
  EXPECT_EQ(Run("get fenced"), "$1\r\ny\r\n");
}

TEST_F(ScriptsTest, ATransactionWaitsForAnUndeclaredKeyThatIsBeingMigrated) {
  KeyFence& fence = server_.execution_parts().key_fence;
  ASSERT_TRUE(fence.Add({"fenced"}));
  Run("multi");
  Run("set own x");
  Eval("return redis.call('SET','fenced','y')");
  Run("exec");
  ASSERT_TRUE(Ended<outcome::LateReply>());
  fence.Remove({"fenced"});
  server_.scripts().ResumeWaiting(0);
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"*2\r\n+OK\r\n+OK\r\n"});
}

TEST_F(ScriptsTest, AWalkThatHasWaitedForLongKeepsNewScriptsBack) {
  BeginEndless({"a"});
  EXPECT_EQ(Run("keys *"), "<postponed>");
  EXPECT_EQ(Result("return 1", {"b"}), ":1\r\n");
  clock_.Advance(300);
  EXPECT_EQ(Run("keys *"), "<postponed>");
  EXPECT_EQ(Eval("return 1", {"b"}), "<postponed>");
  EXPECT_EQ(Run("set b x"), "+OK\r\n");  // holds nothing for long
  Kill();
  EXPECT_EQ(Run("keys *"), "*1\r\n$1\r\nb\r\n");
  EXPECT_EQ(Result("return 1", {"b"}), ":1\r\n");
}

TEST_F(ScriptsTest, AWalkWhoseClientHasGoneKeepsNothingBack) {
  BeginEndless({"a"});
  Run("keys *");
  clock_.Advance(3000);
  EXPECT_EQ(Result("return 1", {"b"}), ":1\r\n");
  Kill();
}

TEST_F(ScriptsTest, AKeyThatAScriptHoldsIsWatchedAtOnce) {
  BeginEndless({"a"});
  EXPECT_EQ(Run("watch a"), "+OK\r\n");
  Kill();
  const std::unique_ptr<Session> other = MakeSession();
  RunLineOn(*other, "set a x");
  Run("multi");
  EXPECT_EQ(Run("exec"), "*-1\r\n");
}

TEST_F(ScriptsTest, ScriptsBeyondTheMostThatTakeTurnsWait) {
  for (int i = 0; i < 64; ++i) BeginEndless();
  EXPECT_EQ(Eval("return 1"), "<postponed>");
  EXPECT_EQ(Run("set key x"), "+OK\r\n");
  Kill();
  EXPECT_EQ(Result("return 1"), ":1\r\n");
}

TEST_F(ScriptsTest, OneScriptGoesOnInEachRound) {
  for (int i = 0; i < 3; ++i) BeginEndless();
  const size_t round = links_.pending();
  EXPECT_EQ(round, 1u);
  links_.Work(1);
  EXPECT_EQ(links_.pending(), round);
  Kill();
}

TEST_F(ScriptsTest, DebugWaitsForAScript) {
  options_.enable_debug_command = static_cast<int64_t>(DebugCommand::kYes);
  server_.needs().Update();
  BeginEndless({"a"});
  session_->checked_needs &= ~uint32_t{kNeedsNoLongHold};  // as if the script had begun after the admission
  EXPECT_EQ(Run("debug object a"), "<postponed>");
  EXPECT_EQ(Run("debug digest-value a"), "<postponed>");
  Kill();
}

TEST_F(ScriptsTest, NobodySeesWhatAnIrrevocableScriptOfAServerThatEndsHasDone) {
#ifdef RINGKV_SANITIZED
  GTEST_SKIP() << "the memory of that script is left behind, which the sanitizers report as a leak";
#endif
  options_.busy_reply_threshold = 0;
  Eval("redis.call('SET',KEYS[1],'x') redis.call('GET','y') while true do end", {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work(100);  // slices, in which it comes to its loop
  EXPECT_TRUE(server_.scripts().Kill(false).starts_with("UNKILLABLE "));
  server_.scripts().EndRuns(0);
  // The only script at that time is irrevocable: it can't be undone, but nobody sees what it did.
  EXPECT_TRUE(server_.scripts().has_stuck());
  EXPECT_EQ(Run("get key"), "<postponed>");
}

TEST_F(ScriptsTest, AScriptThatWasKilledInATransactionLeavesItsThreadFree) {
  options_.busy_reply_threshold = 1;
  may_wait_ = false;
  Run("multi");
  Eval("while true do end");
  EXPECT_NE(Run("exec").find("Script killed by user"), std::string::npos);
  EXPECT_EQ(Run("get other"), "$-1\r\n");
}

TEST_F(ScriptsTest, AScriptSeesExpiredKeysAsItsThreadDoes) {
  Run("set old v px 10");
  clock_.Advance(100);
  server_.thread(0).txn.set_keeps_expired(true);  // as for data from a log
  EXPECT_EQ(Result("return redis.call('GET',KEYS[1])", {"old"}), "$1\r\nv\r\n");
  server_.thread(0).txn.set_keeps_expired(false);
}

// --- scripts that begin again ---

// Another transaction has the right to wait, and holds the key "taken" for long: a script that has written and needs
// that key gives up its locks, and waits until it can begin again.
class RestartTest : public ScriptsTest {
 protected:
  RestartTest() {
    options_.busy_reply_threshold = 0;
    subscriber_ = MakeSession();
    Run("config set notify-keyspace-events Ex$");
    RunLineOn(*subscriber_, "subscribe channel __keyevent@0__:set __keyevent@0__:expired");
    watcher_ = MakeSession();
    RunLineOn(*watcher_, "monitor");
    Run("set old v px 10");
    clock_.Advance(100);
    links_.delivered.clear();
    links_.pushed.clear();
    EXPECT_TRUE(other_.TryBeginIrrevocable());
    EXPECT_EQ(other_.LockMore("taken"), storage::MoreLocks::kLocked);
    other_.HoldForLong();
  }
  void BeginToWait(const std::string& before = "redis.call('SET',KEYS[1],'x')") {
    Eval(before + " return redis.call('GET','taken')", {"key"});
    links_.Work();
    ASSERT_TRUE(Ended<outcome::LateReply>());
    EXPECT_TRUE(links_.answers.empty());
  }
  void EndOther() {
    other_.Unlock();
    server_.scripts().ResumeWaiting(0);
    links_.Work();
  }

  std::unique_ptr<Session> subscriber_;
  std::unique_ptr<Session> watcher_;  // in MONITOR
  storage::Random random_{1};
  storage::Txn other_{server_.store(), 0, random_};
};

TEST_F(RestartTest, AScriptThatBeginsAgainEndsOnce) {
  BeginToWait("redis.call('INCR',KEYS[1])");
  EXPECT_EQ(Run("get key"), "$-1\r\n");
  EndOther();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"$-1\r\n"});
  EXPECT_EQ(Run("get key"), "$1\r\n1\r\n");
}

TEST_F(RestartTest, AScriptThatWaitsToBeginAgainCanBeKilled) {
  BeginToWait();
  EXPECT_EQ(server_.scripts().Kill(false), "");
  server_.scripts().ResumeWaiting(0);
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_TRUE(links_.answers[0].starts_with("-ERR Script killed by user with SCRIPT KILL.")) << links_.answers[0];
  EXPECT_EQ(Run("get key"), "$-1\r\n");
  other_.Unlock();
}

TEST_F(RestartTest, AScriptThatWaitsForAnOverdueHolderIsAnsweredBusy) {
  const std::string busy =
      "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
  BeginToWait();
  other_.HoldForLong(storage::Hold::kOverdue);
  server_.scripts().ResumeWaiting(0);
  EXPECT_EQ(links_.answers, std::vector<std::string>{busy});
  EXPECT_EQ(Result("redis.call('SET',KEYS[1],'x') return redis.call('GET','taken')", {"key"}), busy);
  EXPECT_EQ(Run("get key"), "$-1\r\n");
  other_.Unlock();
}

// It has the right to wait, so it waits with its locks.
TEST_F(RestartTest, AScriptThatWaitsWithLocksForAnOverdueHolderIsAnsweredBusy) {
  other_.Unlock();
  storage::Txn holder(server_.store(), 0, random_);
  holder.LockKey("taken");
  holder.HoldForLong();
  BeginToWait("redis.call('GET',KEYS[1])");
  EXPECT_EQ(Run("get key"), "<postponed>");
  holder.HoldForLong(storage::Hold::kOverdue);
  server_.scripts().ResumeWaiting(0);
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_TRUE(links_.answers[0].starts_with("-BUSY ")) << links_.answers[0];
  EXPECT_EQ(Run("get key"), "$-1\r\n");
  holder.Unlock();
}

TEST_F(RestartTest, AScriptThatBeginsAgainTellsEventsAndPublishesOnce) {
  BeginToWait("redis.call('GET','old') redis.call('PUBLISH','channel','m') redis.call('SET',KEYS[1],'x')");
  EXPECT_TRUE(links_.delivered.empty());
  EndOther();
  ASSERT_EQ(links_.delivered.size(), 3u);
  EXPECT_NE(links_.delivered[0].find("expired"), std::string::npos);
  EXPECT_NE(links_.delivered[1].find("key"), std::string::npos);
  EXPECT_NE(links_.delivered[2].find("channel"), std::string::npos);
}

TEST_F(RestartTest, ALargeValueIsChangedOnceTheOtherHasEnded) {
  const std::string append = "redis.call('APPEND',KEYS[1],ARGV[1] or 'y') return redis.call('STRLEN',KEYS[1])";
  RunOn(*session_, {"SET", "key", std::string(10'000, 'x')});
  Eval(append, {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  for (int i = 0; i < 1000 && Run("strlen key") == "<postponed>"; ++i) links_.Work(1);  // until it waits without locks
  EXPECT_EQ(Run("strlen key"), ":10000\r\n");
  EndOther();
  EXPECT_EQ(links_.answers, std::vector<std::string>{":10001\r\n"});
  EXPECT_EQ(Run("strlen key"), ":10001\r\n");
}

TEST_F(RestartTest, WhatTheScriptOfAServerThatEndsHasDoneIsUndone) {
  Eval("redis.call('SET',KEYS[1],'x') while true do end", {"key"});
  links_.Work(10);
  server_.scripts().EndRuns(0);
  EXPECT_FALSE(server_.scripts().has_stuck());
  EXPECT_EQ(Run("get key"), "$-1\r\n");
  other_.Unlock();
}

TEST_F(RestartTest, AnEndlessScriptThatHasBegunAgainCanBeKilled) {
#ifdef RINGKV_SANITIZED
  GTEST_SKIP() << "the memory of that script is left behind, which the sanitizers report as a leak";
#endif
  BeginToWait("while redis.call('EXISTS','stop') == 0 do redis.call('SET',KEYS[1],'x') redis.call('GET','taken') end");
  other_.Unlock();
  server_.scripts().ResumeWaiting(0);
  links_.Work(5);
  EXPECT_TRUE(server_.scripts().Kill(false).starts_with("UNKILLABLE "));
  EXPECT_TRUE(links_.answers.empty());
  server_.scripts().EndRuns(0);
}

TEST_F(RestartTest, MonitorShowsAPostponedScriptOnce) {
  Run("asking");
  links_.pushed.clear();
  EXPECT_EQ(Eval("return redis.call('GET',KEYS[1])", {"taken"}), "<postponed>");
  EXPECT_TRUE(links_.pushed.empty());
  EndOther();
  Result("return redis.call('GET',KEYS[1])", {"taken"});
  EXPECT_EQ(links_.pushed.size(), 2u);  // EVAL and GET
}

// --- in the thread beside ---

TEST_F(ScriptsTest, WhatEndsBeforeAMovedScriptHasSaidThatItWaitsForItWakesItAllTheSame) {
  storage::Txn holder(server_.store(), 0, server_.thread(0).random);
  holder.LockKey("held");
  holder.HoldForLong();
  server_.scripts().StartMoving(0);
  Eval("for i = 1,1e7 do end return redis.call('GET','held')", {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  while (links_.pending() == 0) std::this_thread::yield();
  holder.Unlock();
  server_.scripts().ResumeWaiting(0);
  links_.Work();  // it says so
  while (links_.answers.empty()) links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"$-1\r\n"});
}

TEST_F(ScriptsTest, AMovedScriptIsKilledAndAnsweredByItsOwnThread) {
  server_.scripts().StartMoving(0);
  BeginEndless({"key"});
  EXPECT_EQ(Run("get key"), "<postponed>");
  EXPECT_EQ(Run("set other x"), "+OK\r\n");
  EXPECT_EQ(server_.scripts().Kill(false), "");
  while (links_.answers.empty()) links_.Work();
  EXPECT_TRUE(links_.answers[0].starts_with("-ERR Script killed by user")) << links_.answers[0];
  EXPECT_EQ(Run("get key"), "$-1\r\n");
}

}  // namespace
}  // namespace ringkv::server
