// SPDX-License-Identifier: MIT
#include "server/scripts/scripts.h"

#include <algorithm>
#include <deque>

#include "server/scripts/fiber.h"
#include "server/scripts/shebang.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

// Keeps what is to be done later.
class KeptLinks final : public test::NoLinks {
 public:
  void RunOn(size_t, std::function<void()> work) override { work_.push_back(std::move(work)); }
  void Answer(const ClientCard&, LateAnswer answer) override { answers.push_back(std::move(answer.reply)); }

  // Does all of it. `most`: so many pieces.
  void Work(int most = 1'000'000) {
    for (; !work_.empty() && most > 0; --most) {
      const auto next = std::move(work_.front());
      work_.pop_front();
      next();
    }
  }

  size_t pending() const { return work_.size(); }

  std::vector<std::string> answers;

 private:
  std::deque<std::function<void()>> work_;
};

struct WithKeptLinks {
  KeptLinks links_;
};

class ScriptsTest : protected WithKeptLinks, public SessionFixture {
 protected:
  ScriptsTest() : SessionFixture(links_) { may_wait_ = true; }

  std::string Eval(const std::string& script, const std::vector<std::string>& keys = {}) {
    std::vector<std::string> words{"EVAL", script, std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    return RunOn(*session_, words);
  }
  // Begins a script that goes on until it is killed.
  void BeginEndless(const std::vector<std::string>& keys = {}) {
    Eval("for i = 1,#KEYS do redis.call('GET',KEYS[i]) end while true do end", keys);
    ASSERT_TRUE(Ended<outcome::LateReply>());
  }
  void Kill() {
    EXPECT_EQ(server_.scripts().Kill(false), "");
    links_.Work();
  }
};

TEST_F(ScriptsTest, AQuickScriptIsAnsweredAtOnce) {
  // The first runs may take longer than a slice: they build the interpreter.
  const auto is_answered_at_once = [&] {
    const std::string reply = Eval("return redis.call('GET',KEYS[1])", {"key"});
    links_.Work();
    return Ended<outcome::Done>() && reply == "$-1\r\n";
  };
  bool was_answered = false;
  for (int run = 0; run < 100 && !was_answered; ++run) was_answered = is_answered_at_once();
  EXPECT_TRUE(was_answered);
}

TEST_F(ScriptsTest, AScriptThatTakesLongIsAnsweredLater) {
  Eval("for i = 1,3e7 do end return redis.call('INCR',KEYS[1])", {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(Run("get key"), "<postponed>");
  EXPECT_EQ(Run("set other x"), "+OK\r\n");
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{":1\r\n"});
  EXPECT_EQ(Run("get key"), "$1\r\n1\r\n");
}

TEST_F(ScriptsTest, AScriptThatIsKilledHasDoneNothing) {
  BeginEndless({"key"});
  links_.Work(3);
  EXPECT_TRUE(links_.answers.empty());
  Kill();
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_TRUE(links_.answers[0].starts_with("-ERR Script killed by user with SCRIPT KILL."));
  EXPECT_EQ(server_.scripts().Kill(false), "NOTBUSY No scripts in execution right now.");
}

TEST_F(ScriptsTest, FunctionKillDoesNotEndAScript) {
  BeginEndless();
  EXPECT_EQ(server_.scripts().Kill(true),
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
  Kill();
}

TEST_F(ScriptsTest, AnOverdueScriptMakesItsThreadBusy) {
  options_.busy_reply_threshold = 1;
  BeginEndless();
  const std::string busy =
      "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
  links_.Work(20);
  EXPECT_EQ(Run("get other"), busy);
  EXPECT_EQ(Run("script kill"), "+OK\r\n");
  links_.Work();
  EXPECT_EQ(Run("get other"), "$-1\r\n");
}

TEST_F(ScriptsTest, WhatWaitsForTheThreadWaitsForItsScripts) {
  BeginEndless();
  bool has_passed = false;
  server_.scripts().AfterRuns(0, [&has_passed] { has_passed = true; });
  links_.Work(5);
  EXPECT_FALSE(has_passed);
  Kill();
  EXPECT_TRUE(has_passed);
}

// --- waiting for others ---

TEST_F(ScriptsTest, AScriptThatIsKilledBeforeItBeginsAgainIsAnswered) {
  Eval("redis.call('SET',KEYS[1],'x') for i = 1,3e7 do end return 'ended'", {"held"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work(100);
  Eval("redis.call('SET',KEYS[1],'x') return redis.call('GET','held')", {"own"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(server_.scripts().Kill(false), "");
  server_.scripts().ResumeWaiting(0);
  links_.Work();
  ASSERT_EQ(links_.answers.size(), 2u);
  std::sort(links_.answers.begin(), links_.answers.end());
  EXPECT_EQ(links_.answers[0], "$5\r\nended\r\n");
  EXPECT_TRUE(links_.answers[1].starts_with("-ERR Script killed by user with SCRIPT KILL.")) << links_.answers[1];
  EXPECT_EQ(Run("get own"), "$-1\r\n");
}

TEST_F(ScriptsTest, AnUndeclaredKeyThatIsBeingMigratedIsWaitedForWithoutLocks) {
  KeyFence& fence = server_.execution_parts().key_fence;
  ASSERT_TRUE(fence.Add({"fenced"}));
  Eval("redis.call('SET',KEYS[1],'x') return redis.call('SET','fenced','y')", {"own"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
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
  EXPECT_EQ(Eval("return 1", {"b"}), ":1\r\n");
  clock_.Advance(300);
  EXPECT_EQ(Run("keys *"), "<postponed>");
  EXPECT_EQ(Eval("return 1", {"b"}), "<postponed>");
  EXPECT_EQ(Run("set b x"), "+OK\r\n");  // holds nothing for long
  Kill();
  EXPECT_EQ(Run("keys *"), "*1\r\n$1\r\nb\r\n");
  EXPECT_EQ(Eval("return 1", {"b"}), ":1\r\n");
}

TEST_F(ScriptsTest, AWalkWhoseClientHasGoneKeepsNothingBack) {
  BeginEndless({"a"});
  Run("keys *");
  clock_.Advance(3000);
  EXPECT_EQ(Eval("return 1", {"b"}), ":1\r\n");
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
  EXPECT_EQ(Eval("return 1"), ":1\r\n");
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

TEST_F(ScriptsTest, AScriptOfAServerThatEndsIsUndone) {
#ifdef RINGKV_SANITIZED
  GTEST_SKIP() << "the memory of that script is left behind, which the sanitizers report as a leak";
#endif
  Eval("redis.call('SET',KEYS[1],'x') redis.call('GET','y') while true do end", {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work(100);  // slices, in which it comes to its loop
  EXPECT_TRUE(server_.scripts().Kill(false).starts_with("UNKILLABLE "));
  server_.scripts().EndRuns(0);
  // The only script at that time is irrevocable: it can't be undone, but nobody sees what it did.
  EXPECT_TRUE(server_.scripts().has_stuck());
  EXPECT_EQ(Run("get key"), "<postponed>");
}

TEST_F(ScriptsTest, ScriptsOfEvalAreForgottenWhenTheyAreManyAndThoseThatWereLoadedStay) {
  const std::string loaded = RunOn(*session_, {"SCRIPT", "LOAD", "return 'loaded'"}).substr(5, 40);
  Eval("return 'first'");
  ScriptRegistry& registry = server_.scripts().registry();
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval + 10; ++i) Eval("return " + std::to_string(i));
  EXPECT_EQ(registry.size(), ScriptRegistry::kMostFromEval + 1);
  EXPECT_EQ(registry.evicted(), 11u);
  EXPECT_NE(registry.Find(loaded), nullptr);
  Run("script flush");
  EXPECT_EQ(registry.size(), 0u);
  EXPECT_EQ(Run("evalsha " + loaded + " 0"), "-NOSCRIPT No matching script. Please use EVAL.\r\n");
}

TEST_F(ScriptsTest, AScriptThatWasFlushedWhileItRunsEnds) {
  Eval("for i = 1,3e7 do end return 'done'");
  ASSERT_TRUE(Ended<outcome::LateReply>());
  Run("script flush");
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"$4\r\ndone\r\n"});
}

TEST_F(ScriptsTest, TheMemoryOfAScriptIsLimited) {
  options_.script_memory_limit = 8 << 20;
  const std::string grow = "local t = {} for i = 1,1e9 do t[i] = 'text' .. i end";
  Eval(grow);
  links_.Work();
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_NE(links_.answers[0].find("not enough memory"), std::string::npos) << links_.answers[0];
  EXPECT_EQ(Eval("return 1"), ":1\r\n");
}

TEST(Shebang, IsReadIntoWordsAndABodyThatKeepsItsLines) {
  const auto shebang = ParseShebang("#!lua name=lib \"flags=a b\"\nreturn 1");
  ASSERT_TRUE(shebang);
  EXPECT_EQ(shebang->words, (std::vector<std::string>{"#!lua", "name=lib", "flags=a b"}));
  EXPECT_EQ(shebang->body, "\nreturn 1");
  EXPECT_FALSE(ParseShebang("#!lua"));
  EXPECT_FALSE(ParseShebang("#!lua \"x\nreturn 1"));
}

TEST(Shebang, NamesFlags) {
  uint32_t flags = 0;
  EXPECT_EQ(AddFunctionFlags("no-writes,allow-oom", flags), std::nullopt);
  EXPECT_EQ(flags, kFunctionNoWrites | kFunctionAllowOom);
  EXPECT_EQ(AddFunctionFlags("", flags), std::nullopt);
  EXPECT_EQ(AddFunctionFlags("no-writes,", flags), "");
  EXPECT_EQ(AddFunctionFlags("nosuch", flags), "nosuch");
}

TEST(FiberTest, IsLeftAndEnteredAgain) {
  struct Steps {
    Fiber fiber{64 * 1024};
    std::vector<int> taken;
  } steps;
  const auto body = [](void* with) {
    auto& own = *static_cast<Steps*>(with);
    own.taken.push_back(1);
    own.fiber.Suspend();
    own.taken.push_back(3);
  };
  for (int round = 0; round < 2; ++round) {
    steps.taken.clear();
    EXPECT_FALSE(steps.fiber.Start(body, &steps));
    steps.taken.push_back(2);
    EXPECT_TRUE(steps.fiber.Resume());
    EXPECT_EQ(steps.taken, (std::vector<int>{1, 2, 3}));
  }
}

}  // namespace
}  // namespace ringkv::server
