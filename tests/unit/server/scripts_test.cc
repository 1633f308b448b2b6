// SPDX-License-Identifier: MIT
#include "server/scripts/scripts.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "server/lua/sha1.h"
#include "server/scripts/fiber.h"
#include "server/scripts/shebang.h"
#include "tests/support/scripts_fixture.h"

namespace ringkv::server {
namespace {

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

TEST_F(ScriptsTest, AScriptThatTookLongLeavesItsThreadAtOnceTheNextTime) {
  const auto count_to = [this](const std::string& number) {
    return RunOn(*session_, {"EVAL", "for i = 1,tonumber(ARGV[1]) do end return ARGV[1]", "0", number});
  };
  count_to("30000000");
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work();
  count_to("1");
  EXPECT_TRUE(Ended<outcome::LateReply>()) << "although it is quick now";
  links_.Work();
  EXPECT_EQ(links_.answers, (std::vector<std::string>{"$8\r\n30000000\r\n", "$1\r\n1\r\n"}));
  // It is known to be quick again, unless others take the processor from it.
  for (int run = 0; run < 100 && !Ended<outcome::Done>(); ++run) {
    count_to("1");
    links_.Work();
  }
  EXPECT_TRUE(Ended<outcome::Done>());
}

// An interpreter that has not seen a library runs its code. A run whose slice ends while it writes a long reply leaves
// a pulse behind.
TEST_F(ScriptsTest, ALibraryIsLoadedInTheSlicesOfTheFunctionThatNeedsIt) {
  RunOn(*session_, {"SET", "key", std::string(3 << 20, 'x')});
  Load("#!lua name=read\nredis.register_function('read', function(k) return redis.call('GET', k[1]) end)");
  for (const std::string number : {"1", "2", "3"}) {
    const std::string code = "#!lua name=slow\nfor i = 1,1e7 do end redis.register_function('slow', function() return ";
    ASSERT_EQ(Load(code + number + " end)"), "$4\r\nslow\r\n");
    Awaited(RunOn(*session_, {"FCALL", "read", "1", "key"}));
    links_.answers.clear();
    RunOn(*session_, {"FCALL", "slow", "0"});
    ASSERT_TRUE(Ended<outcome::LateReply>());
    EXPECT_EQ(Run("set other x"), "+OK\r\n");
    links_.Work();
    EXPECT_EQ(links_.answers, std::vector<std::string>{":" + number + "\r\n"});
  }
}

TEST_F(ScriptsTest, ALongTextIsCompiledInSlices) {
  const std::string text = "--" + std::string(32 << 20, 'x') + "\nreturn 1";
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
  const std::string text = "--" + std::string(32 << 20, 'x') + "\nreturn 1";
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
  const std::string large = code + "redis.register_function('large', redis.log)";
  EXPECT_NE(Load(large).find("not enough memory"), std::string::npos);
  options_.script_memory_limit = 64 << 20;
  EXPECT_EQ(Load(large), "$5\r\nlarge\r\n");
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
  server_.scripts().functions().Load();
  EXPECT_EQ(RunOn(*session_, {"FUNCTION", "LIST"}), "*0\r\n");
  EXPECT_EQ(Run("fcall stored 0"), "-ERR Function not found\r\n");
  options_.script_memory_limit = 64 << 20;
  EXPECT_EQ(RunOn(*session_, {"FUNCTION", "LIST"}), "*0\r\n") << "not again with each request";
  clock_.Advance(1000);
  const auto is_missing = [this] { return RunOn(*session_, {"FUNCTION", "LIST"}) == "*0\r\n"; };
  for (int i = 0; i < 10'000 && is_missing(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(is_missing());
  options_.scripts_memory_limit = 0;
  EXPECT_EQ(Awaited(Run("fcall stored 0")), ":1\r\n");
}

TEST_F(ScriptsTest, ATransactionThatChangesLibrariesDoesNotMakeOthersLoadTheirsAgain) {
  Functions& functions = server_.scripts().functions();
  Load("#!lua name=a\nredis.register_function('a', redis.log)");
  const SharedLibrary loaded = functions.Get().catalog->libraries().at("a");
  storage::Txn txn(server_.store(), clock_.Now(), server_.thread(0).random);
  txn.LockAll();
  txn.Do(storage::LibrariesFlush{});
  EXPECT_TRUE(functions.Get(txn).catalog->libraries().empty());
  EXPECT_EQ(functions.Get().catalog->libraries().at("a"), loaded);
  txn.Do(storage::LibraryPut{"a", *loaded->code});
  EXPECT_EQ(functions.Get(txn).catalog->libraries().at("a"), loaded);
  txn.Unlock();
  EXPECT_EQ(functions.Get().catalog->libraries().at("a"), loaded);
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
  const LongHolds& holds = server_.execution_parts().long_holds;
  storage::LongHoldListener* const listener = server_.store().long_holds().listener();
  server_.store().long_holds().set_listener(nullptr);
  // One whose code takes longer than a slice waits by itself, instead of being postponed.
  for (const std::string code : {"", "for i = 1,3000000 do end "}) {
    SCOPED_TRACE(code);
    const std::vector<std::string> load{"FUNCTION", "LOAD", "REPLACE",
                                        "#!lua name=a\n" + code + "redis.register_function('a', redis.log)"};
    storage::Random random(1);
    storage::Txn other(server_.store(), 0, random);
    EXPECT_TRUE(other.LockKey("key"));
    other.HoldForLong();
    const auto load_in_vain = [&] {
      RunOn(*session_, load);
      links_.Work();
      EXPECT_TRUE(links_.answers.empty());
    };
    load_in_vain();
    clock_.Advance(300);
    load_in_vain();
    EXPECT_TRUE(holds.HasStarvingWalk(clock_.SteadyMs()));
    other.Unlock();
    server_.scripts().ResumeWaiting(0);
    links_.Work();
    links_.answers.clear();
    EXPECT_EQ(Awaited(RunOn(*session_, load)), "$1\r\na\r\n");
    EXPECT_FALSE(holds.HasStarvingWalk(clock_.SteadyMs()));
  }
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

TEST_F(ScriptsTest, FunctionKillOfAScriptThatHasWrittenSaysThatNobodyCanKillIt) {
  Eval("redis.call('SET',KEYS[1],'x') for i = 1,1e8 do end", {"key"});
  ASSERT_TRUE(Ended<outcome::LateReply>());
  links_.Work(20);  // slices, in which it comes to its loop
  for (const bool functions : {false, true}) {
    EXPECT_TRUE(server_.scripts().Kill(functions).starts_with("UNKILLABLE Sorry")) << functions;
  }
  links_.Work();
  EXPECT_EQ(links_.answers, std::vector<std::string>{"$-1\r\n"});
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

TEST_F(ScriptsTest, WhatBlocksWithoutBeingAskedToAnswersAtOnceInAScript) {
  EXPECT_EQ(Result("return redis.call('BLMPOP','0','1',KEYS[1],'LEFT')", {"list"}), "$-1\r\n");
  EXPECT_EQ(Result("return redis.call('BZMPOP','0','1',KEYS[1],'MIN')", {"set"}), "$-1\r\n");
}

TEST_F(ScriptsTest, ReadOnlyScriptsDoNotPublish) {
  for (const std::string call : {"'PUBLISH','c','m'", "'SPUBLISH','c','m'", "'PFCOUNT','h'"}) {
    const std::string script = "return redis.pcall(" + call + ").err";
    const std::string refused = "$58\r\nERR Write commands are not allowed from read-only scripts.\r\n";
    EXPECT_EQ(Awaited(RunOn(*session_, {"EVAL_RO", script, "0"})), refused);
    EXPECT_EQ(Result("#!lua flags=no-writes\n" + script), refused);
  }
}

// --- the registry ---

TEST_F(ScriptsTest, AScriptThatWasEvictedIsUnknownUntilItIsSentAgain) {
  const std::string text = "return 'evicted'";
  Result(text);
  const auto digits = Sha1Hex(text);
  const std::string sha1(digits.data(), digits.size());
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval; ++i) Result("return " + std::to_string(i));
  EXPECT_EQ(Run("evalsha " + sha1 + " 0"), "-NOSCRIPT No matching script. Please use EVAL.\r\n");
  Result(text);
  EXPECT_NE(server_.scripts().registry().Find(sha1), nullptr);
  EXPECT_EQ(Run("evalsha " + sha1 + " 0"), "$7\r\nevicted\r\n");
}

TEST_F(ScriptsTest, ANewScriptStaysWhenAllOthersAreInUse) {
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval; ++i) {
    for (int use = 0; use < 2; ++use) Result("return " + std::to_string(i));
  }
  Result("return 'new'");
  const auto digits = Sha1Hex("return 'new'");
  EXPECT_NE(server_.scripts().registry().Find({digits.data(), digits.size()}), nullptr);
}

TEST_F(ScriptsTest, ScriptsOfEvalAreForgottenWhenTheyAreManyAndThoseThatWereLoadedStay) {
  const std::string loaded = Awaited(RunOn(*session_, {"SCRIPT", "LOAD", "return 'loaded'"})).substr(5, 40);
  Result("return 'first'");
  ScriptRegistry& registry = server_.scripts().registry();
  for (size_t i = 0; i < ScriptRegistry::kMostFromEval + 10; ++i) Result("return " + std::to_string(i));
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
