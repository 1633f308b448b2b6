// SPDX-License-Identifier: MIT
#include "server/scripts/scripts.h"

#include <deque>

#include "server/lua/sha1.h"
#include "server/scripts/fiber.h"
#include "server/scripts/shebang.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

// Keeps what is to be done later.
class KeptLinks final : public test::NoLinks {
 public:
  void RunOn(size_t, std::function<void()> work) override { work_.push_back(std::move(work)); }
  void Answer(const ClientCard&, LateAnswer answer) override {
    constexpr uint64_t kMinuteNs = 60'000'000'000;
    EXPECT_LT(answer.nanoseconds, kMinuteNs);
    answers.push_back(std::move(answer.reply));
  }
  void Deliver(size_t, size_t, std::shared_ptr<const std::vector<uint64_t>>,
               std::shared_ptr<const std::string> bytes) override {
    delivered.push_back(*bytes);
  }
  void Push(const ClientCard&, std::shared_ptr<const std::string> bytes) override { pushed.push_back(*bytes); }

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
  std::vector<std::string> delivered;  // to subscribers
  std::vector<std::string> pushed;     // to clients in MONITOR

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
  // The reply to a request that runs a quick script, which takes longer than its slice where others use the processor.
  std::string Awaited(const std::string& reply) {
    if (!Ended<outcome::LateReply>()) return reply;
    const size_t before = links_.answers.size();
    while (links_.answers.size() == before) links_.Work(1);
    return links_.answers.back();
  }
  std::string Result(const std::string& script, const std::vector<std::string>& keys = {}) {
    return Awaited(Eval(script, keys));
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
  // The first runs may take longer than a slice: they build the interpreter. Others lose the processor now and then.
  int answered_at_once = 0;
  for (int run = 0; run < 100; ++run) {
    const std::string reply = Eval("return redis.call('GET',KEYS[1])", {"key"});
    if (Ended<outcome::Done>() && reply == "$-1\r\n") ++answered_at_once;
    links_.Work();
  }
  EXPECT_GT(answered_at_once, 50);
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

// An interpreter that has not seen a library runs its code. A run whose slice ends while it writes a long reply leaves
// a pulse behind.
TEST_F(ScriptsTest, ALibraryIsLoadedInTheSlicesOfTheFunctionThatNeedsIt) {
  RunOn(*session_, {"SET", "key", std::string(3 << 20, 'x')});
  RunOn(*session_,
        {"FUNCTION", "LOAD",
         "#!lua name=read\nredis.register_function('read', function(k) return redis.call('GET', k[1]) end)"});
  for (const std::string number : {"1", "2", "3"}) {
    const std::string code = "#!lua name=slow\nfor i = 1,1e7 do end redis.register_function('slow', function() return ";
    ASSERT_EQ(Awaited(RunOn(*session_, {"FUNCTION", "LOAD", "REPLACE", code + number + " end)"})), "$4\r\nslow\r\n");
    RunOn(*session_, {"FCALL", "read", "1", "key"});
    links_.Work();
    links_.answers.clear();
    RunOn(*session_, {"FCALL", "slow", "0"});
    ASSERT_TRUE(Ended<outcome::LateReply>());
    EXPECT_EQ(Run("set other x"), "+OK\r\n");
    links_.Work();
    EXPECT_EQ(links_.answers, std::vector<std::string>{":" + number + "\r\n"});
  }
}

TEST_F(ScriptsTest, ALongTextIsCompiledInSlices) {
  const std::string text = "--" + std::string(8 << 20, 'x') + "\nreturn 1";
  Eval(text);
  ASSERT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(Run("ping"), "+PONG\r\n");
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{":1\r\n"});
  const auto digits = Sha1Hex(text + " ");
  const std::string sha1(digits.data(), digits.size());
  RunOn(*session_, {"SCRIPT", "LOAD", text + " "});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(Run("script exists " + sha1), "*1\r\n:0\r\n") << "not yet";
  links_.Work();
  EXPECT_EQ(links_.answers.back(), "$40\r\n" + sha1 + "\r\n");
  EXPECT_EQ(Run("script exists " + sha1), "*1\r\n:1\r\n");
}

TEST_F(ScriptsTest, AScriptThatIsKilledWhileItIsCompiledIsNotKnown) {
  const std::string text = "--" + std::string(8 << 20, 'x') + "\nreturn 1";
  const auto digits = Sha1Hex(text);
  Eval(text);
  ASSERT_TRUE(Ended<outcome::LateReply>());
  Kill();
  ASSERT_EQ(links_.answers.size(), 1u);
  EXPECT_TRUE(links_.answers[0].starts_with("-ERR Script killed by user with SCRIPT KILL")) << links_.answers[0];
  EXPECT_EQ(Run("script exists " + std::string(digits.data(), digits.size())), "*1\r\n:0\r\n");
}

TEST_F(ScriptsTest, ATextThatIsNoScriptIsNotKnown) {
  const std::string text = "#!lua\nreturn +";
  const auto digits = Sha1Hex(text);
  options_.read_only = 1;
  server_.needs().Update();
  EXPECT_TRUE(Result(text).starts_with("-ERR Error compiling script (new function)"));
  EXPECT_EQ(Run("script exists " + std::string(digits.data(), digits.size())), "*1\r\n:0\r\n");
  const std::string valid = "#!lua\nreturn 1";
  const auto digits_of_valid = Sha1Hex(valid);
  EXPECT_TRUE(Result(valid).starts_with("-READONLY"));
  EXPECT_EQ(Run("script exists " + std::string(digits_of_valid.data(), digits.size())), "*1\r\n:1\r\n");
}

TEST_F(ScriptsTest, TheCodeOfALibraryIsRunInSlices) {
  const std::string code = "#!lua name=slow\nfor i = 1,3e7 do end redis.register_function('slow', redis.log)";
  RunOn(*session_, {"FUNCTION", "LOAD", code});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  EXPECT_EQ(Run("set key x"), "+OK\r\n") << "it holds nothing";
  EXPECT_EQ(Run("function list"), "*0\r\n");
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"$4\r\nslow\r\n"});
  const std::string payload = Run("function dump");
  const std::string bytes = payload.substr(payload.find('\n') + 1, payload.size() - payload.find('\n') - 3);
  RunOn(*session_, {"FUNCTION", "RESTORE", bytes, "FLUSH"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  storage::Txn holder(server_.store(), 0, server_.thread(0).random);
  holder.LockKey("held");
  holder.HoldForLong();
  links_.Work();
  EXPECT_EQ(links_.answers.size(), 1u) << "it waits for the key";
  holder.Unlock();
  server_.scripts().ResumeWaiting(0);
  EXPECT_EQ(links_.answers.back(), "+OK\r\n");
  EXPECT_NE(Run("function list").find("slow"), std::string::npos);
}

TEST_F(ScriptsTest, TheFirstLibraryIsLoadedWithinTheLimitsOfMemory) {
  options_.script_memory_limit = 1 << 20;
  const std::string code = "#!lua name=large\nlocal t = {} for i = 1,100 do t[i] = ('x'):rep(1e5 + i) end ";
  const std::vector<std::string> load{"FUNCTION", "LOAD", code + "redis.register_function('large', redis.log)"};
  EXPECT_NE(Awaited(RunOn(*session_, load)).find("not enough memory"), std::string::npos);
  options_.script_memory_limit = 64 << 20;
  EXPECT_EQ(Awaited(RunOn(*session_, load)), "$5\r\nlarge\r\n");
}

// As a replica or a restart does, which have accepted it before.
TEST_F(ScriptsTest, AStoredLibraryIsLoadedUntilThatSucceeds) {
  const std::string code =
      "#!lua name=stored\nlocal t = {} for i = 1,10 do t[i] = ('x'):rep(1e5 + i) end "
      "redis.register_function('stored', function() return 1 end)";
  options_.scripts_memory_limit = 1;  // all of it is used by others
  options_.script_memory_limit = 300'000;
  storage::Txn txn(server_.data().store(), clock_.Now(), server_.thread(0).random);
  txn.LockAll();
  txn.Do(storage::LibraryPut{"stored", code});
  txn.Unlock();
  EXPECT_EQ(RunOn(*session_, {"FUNCTION", "LIST"}), "*0\r\n");
  EXPECT_EQ(Run("fcall stored 0"), "-ERR Function not found\r\n");
  options_.script_memory_limit = 64 << 20;
  EXPECT_EQ(RunOn(*session_, {"FUNCTION", "LIST"}), "*0\r\n") << "not again with each request";
  clock_.Advance(1000);
  EXPECT_TRUE(RunOn(*session_, {"FUNCTION", "LIST"}).starts_with("*1\r\n"));
  options_.scripts_memory_limit = 0;
  RunOn(*session_, {"FCALL", "stored", "0"});
  links_.Work();
  EXPECT_EQ(Run("fcall stored 0"), ":1\r\n");
}

TEST_F(ScriptsTest, ATransactionThatChangesLibrariesDoesNotMakeOthersLoadTheirsAgain) {
  Functions& functions = server_.scripts().functions();
  RunOn(*session_, {"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('a', redis.log)"});
  const SharedLibrary loaded = functions.Catalog()->libraries().at("a");
  storage::Txn txn(server_.store(), clock_.Now(), server_.thread(0).random);
  txn.LockAll();
  txn.Do(storage::LibrariesFlush{});
  EXPECT_TRUE(functions.Catalog(txn)->libraries().empty());
  EXPECT_EQ(functions.Catalog()->libraries().at("a"), loaded);
  txn.Do(storage::LibraryPut{"a", *loaded->code});
  EXPECT_EQ(functions.Catalog(txn)->libraries().at("a"), loaded);
  txn.Unlock();
  EXPECT_EQ(functions.Catalog()->libraries().at("a"), loaded);
}

TEST_F(ScriptsTest, MessagesThatAScriptKeepsUntilItsEndCountAsItsMemory) {
  options_.script_memory_limit = 1 << 20;
  const std::string publish =
      "local text = string.rep('x', 1000) for i = 1,2000 do redis.call('PUBLISH', 'channel', text) end return 1";
  EXPECT_EQ(Result(publish), ":1\r\n") << "nobody gets them";
  const std::unique_ptr<Session> subscriber = MakeSession();
  RunLineOn(*subscriber, "subscribe channel");
  EXPECT_TRUE(Result(publish).starts_with("-ERR"));
  EXPECT_GT(links_.delivered.size(), 500u);
  EXPECT_LT(links_.delivered.size(), 1100u);
  EXPECT_EQ(Result("return redis.call('PUBLISH', 'channel', 'm')"), ":1\r\n") << "the limit is of one run";
}

// The hold begins while the code of the library runs, behind the admission of the request.
TEST_F(ScriptsTest, ScriptsGiveWayToALibraryThatCouldNotBePutIntoTheStore) {
  const std::vector<std::string> load{"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('a', redis.log)"};
  const LongHolds& holds = server_.execution_parts().long_holds;
  storage::LongHoldListener* const listener = server_.store().long_holds().listener();
  server_.store().long_holds().set_listener(nullptr);
  storage::Random random(1);
  storage::Txn other(server_.store(), 0, random);
  EXPECT_TRUE(other.LockKey("key"));
  other.HoldForLong();
  EXPECT_EQ(RunOn(*session_, load), "<postponed>");
  clock_.Advance(300);
  EXPECT_EQ(RunOn(*session_, load), "<postponed>");
  EXPECT_TRUE(holds.HasStarvingWalk(clock_.SteadyMs()));
  other.Unlock();
  EXPECT_EQ(RunOn(*session_, load), "$1\r\na\r\n");
  EXPECT_FALSE(holds.HasStarvingWalk(clock_.SteadyMs()));
  server_.store().long_holds().set_listener(listener);
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

// --- commands that a script may not call ---

TEST_F(ScriptsTest, WhatIsNotForScriptsCanBeAllowedForTests) {
  options_.enable_debug_command = static_cast<int64_t>(DebugCommand::kYes);
  server_.needs().Update();
  const std::string refused = "-ERR This Redis command is not allowed from script\r\n";
  const std::string pop = "return redis.pcall('BLPOP',KEYS[1],'0')";
  EXPECT_EQ(Result(pop, {"list"}), refused);
  Run("debug set-disable-deny-scripts 1");
  EXPECT_EQ(Result(pop, {"list"}), "$-1\r\n");
  EXPECT_EQ(Result("return redis.call('CLIENT','GETNAME')"), "$-1\r\n");
  for (const std::string call :
       {"'EVAL','return 1','0'", "'SCRIPT','FLUSH'", "'MULTI'", "'RESET'", "'SUBSCRIBE','c'", "'SYNC'"}) {
    EXPECT_EQ(Result("return redis.pcall(" + call + ")"), refused) << call;
  }
  Run("debug set-disable-deny-scripts 0");
  EXPECT_EQ(Result(pop, {"list"}), refused);
}

TEST_F(ScriptsTest, BlockIsRefusedInAScript) {
  for (const std::string call :
       {"'XREAD','BLOCK','0','STREAMS','s','0'", "'XREADGROUP','GROUP','g','c','BLOCK','0','STREAMS','s','>'"}) {
    const std::string reply = Result("return redis.pcall(" + call + ").err");
    EXPECT_NE(reply.find(" command is not allowed with BLOCK option from scripts"), std::string::npos) << reply;
  }
}

TEST_F(ScriptsTest, ReadOnlyScriptsDoNotPublish) {
  for (const std::string call : {"'PUBLISH','c','m'", "'SPUBLISH','c','m'", "'PFCOUNT','h'"}) {
    const std::string script = "return redis.pcall(" + call + ").err";
    const std::string refused = "$58\r\nERR Write commands are not allowed from read-only scripts.\r\n";
    EXPECT_EQ(Awaited(RunOn(*session_, {"EVAL_RO", script, "0"})), refused);
    EXPECT_EQ(Result("#!lua flags=no-writes\n" + script), refused);
  }
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

// --- the registry ---

TEST_F(ScriptsTest, AScriptThatWasEvictedIsUnknownUntilItIsSentAgain) {
  const std::string text = "return 'evicted'";
  Eval(text);
  const auto digits = Sha1Hex(text);
  const std::string sha1(digits.data(), digits.size());
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval; ++i) Eval("return " + std::to_string(i));
  EXPECT_EQ(Run("evalsha " + sha1 + " 0"), "-NOSCRIPT No matching script. Please use EVAL.\r\n");
  Eval(text);
  EXPECT_NE(server_.scripts().registry().Find(sha1), nullptr);
  EXPECT_EQ(Run("evalsha " + sha1 + " 0"), "$7\r\nevicted\r\n");
}

TEST_F(ScriptsTest, ANewScriptStaysWhenAllOthersAreInUse) {
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval; ++i) {
    for (int use = 0; use < 2; ++use) Eval("return " + std::to_string(i));
  }
  Eval("return 'new'");
  const auto digits = Sha1Hex("return 'new'");
  EXPECT_NE(server_.scripts().registry().Find({digits.data(), digits.size()}), nullptr);
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
  EXPECT_EQ(Result("return 1"), ":1\r\n");
}

TEST(Shebang, IsReadIntoWordsAndABodyThatKeepsItsLines) {
  const auto shebang = ParseShebang("#!lua name=lib \"flags=a b\"\nreturn 1");
  ASSERT_TRUE(shebang);
  EXPECT_EQ(shebang->words, (std::vector<std::string>{"#!lua", "name=lib", "flags=a b"}));
  EXPECT_EQ(shebang->body, "\nreturn 1");
  EXPECT_FALSE(ParseShebang("#!lua"));
  EXPECT_FALSE(ParseShebang(std::string_view("#!lua name=lib\0\nreturn 1", 25)));
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
