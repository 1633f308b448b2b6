// SPDX-License-Identifier: MIT
// Runs that are ended by their host, and what bounds the memory and the stack of a run.
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/lua_fixture.h"

namespace ringkv::server {
namespace {

TEST_F(Lua, ARunEndsPastWhateverCatchesErrors) {
  host_.words = "Script killed by user with SCRIPT KILL.";
  for (const std::string script : {
           "redis.call('pulse') while true do end",
           "redis.call('pulse') while true do pcall(function() while true do end end) end",
           "redis.call('pulse') while true do pcall(error, 'x') end",
           "redis.call('pulse') while true do pcall(pcall, error) end",
           "local function again() while true do end end redis.call('pulse') xpcall(again, again)",
           "redis.call('pulse') while true do xpcall(error, function(e) while true do end end) end",
           "local c = coroutine.wrap(function() redis.call('pulse') while true do end end) while true do pcall(c) end",
           "redis.call('pulse') while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
           "local find, s = string.find, string.rep('a', 40) redis.call('pulse') find(s, string.rep('a-', 40) .. 'b')",
           "local gsub, s = string.gsub, string.rep('a', 99) redis.call('pulse') gsub(s, string.rep('a*', 99) .. 'b', "
           "'')",
           "redis.call('pulse') table.sort({3, 2, 1}, function() while true do end end)",
           "redis.call('pulse') string.gsub('aaa', 'a', function() while true do end end)",
           "redis.call('pulse') while true do load(function() while true do end end) end",
           "redis.call('pulse') setmetatable({}, {__index = function() while true do end end}).x = nil "
           "return setmetatable({}, {__index = function() while true do end end}).x",
           "while true do pcall(redis.call, 'end') end",
           "redis.call('pulse') error(setmetatable({}, {__index = function() while true do end end}))",
       }) {
    EXPECT_EQ(Run(script), "-ERR Script killed by user with SCRIPT KILL. script: SHA, on @user_script:1.|") << script;
    EXPECT_EQ(end_, RunEnd::kUnwound) << script;
    EXPECT_EQ(Run("return 'fine'"), "$4|fine|") << script;
    EXPECT_EQ(end_, RunEnd::kReplied) << script;
  }
}

// Functions whose work grows faster than what they are given, or has no end.
TEST_F(Lua, ARunEndsWithinAFunctionThatTakesLong) {
  host_.words = "Script killed by user with SCRIPT KILL.";
  const std::string list = "local list = {} for i = 1, 2000 do list[i] = i * 7919 % 2003 end ";
  const std::string tree = "local tree = {1, 2} for i = 1, 14 do tree = {tree, tree} end ";
  const std::string emptied =
      "local many, none = {}, {} for i = 1, 2000 do none[i .. ''] = 1 end for i = 1, 2000 do none[i .. ''] = nil end "
      "for i = 1, 2000 do many[i] = none end ";
  for (const std::string& script : std::vector<std::string>{
           "redis.call('pulse') table.insert({}, -2147483648, 1)",
           list + "redis.call('pulse') table.sort(list)",
           "local x = string.rep('x', 1e5) redis.call('pulse') string.gsub(x, '', string.rep('%1', 1e5))",
           "local x = string.rep('x', 5e5) redis.call('pulse') string.gsub(x, '', '')",
           "local x = string.rep('x', 1e5) redis.call('pulse') string.find(x, '[' .. string.rep('a', 1e5) .. ']')",
           "local x = string.rep('x', 1e5) redis.call('pulse') string.find(x, '%f[' .. string.rep('a', 1e5) .. ']')",
           "local x = string.rep('x', 1e5) redis.call('pulse') string.find(x, '(x*)%1y')",
           "local s = string.rep(' ', 1e6) redis.call('pulse') struct.size(s)",
           "local s = string.rep('x = 1 ', 1e5) redis.call('pulse') loadstring(s)",
           "local s = string.rep('x', 1e7) redis.call('pulse') redis.sha1hex(s)",
           "redis.call('pulse') load(function() return ' ' end)",
           tree + "redis.call('pulse') cjson.encode(tree)",
           tree + "redis.call('pulse') cmsgpack.pack(tree)",
           emptied + "redis.call('pulse') cjson.encode(many)",
           emptied + "redis.call('pulse') cmsgpack.pack(many)",
           "local s = '[' .. string.rep('1,', 1e5) .. '1]' redis.call('pulse') cjson.decode(s)",
       }) {
    EXPECT_EQ(Run(script), "-ERR Script killed by user with SCRIPT KILL. script: SHA, on @user_script:1.|") << script;
    EXPECT_EQ(host_.pulses, 101) << script;
    EXPECT_EQ(Run("return 'fine'"), "$4|fine|") << script;
  }
}

// One thread's signals, as fast as another can send them, interrupt each other wherever that is possible.
TEST_F(Lua, ManySignalsLeaveARunInterruptible) {
  static LuaState* state = nullptr;
  state = &state_;
  const auto old_handler = std::signal(SIGURG, [](int) { state->RequestPulse(); });
  const pthread_t runner = pthread_self();
  std::atomic<bool> ends{false};
  std::thread sender([&] {
    while (!ends) pthread_kill(runner, SIGURG);
  });
  host_.pulses_to_end = 1'000'000'000;
  EXPECT_EQ(Run("for i = 1, 100000 do local s = i .. '' end return 'fine'"), "$4|fine|");
  ends = true;
  sender.join();
  std::signal(SIGURG, old_handler);
  host_.pulses_to_end = 100;
  host_.words = "over";
  EXPECT_EQ(Run("redis.call('pulse') for i = 1, 1e8 do end return 'not interrupted'"),
            "-ERR over script: SHA, on @user_script:1.|");
}

TEST_F(Lua, AHostThatEndsARunWithoutWordsWritesItsOwnReply) {
  EXPECT_EQ(Run("redis.call('end')"), "");
  EXPECT_EQ(end_, RunEnd::kUnwound);
}

TEST_F(Lua, CollectionsOfGarbageGivePulses) {
  host_.pulses_to_end = 100'000'000;
  const std::string fill = "local t = {} for i = 1,50000 do t[i] = {i} end redis.call('pulse') ";
  Run(fill + "return 1");
  const int without = host_.pulses;
  Run(fill + "collectgarbage() return 1");
  EXPECT_GE(host_.pulses - without, 50);
  EXPECT_EQ(end_, RunEnd::kReplied);
}

TEST_F(Lua, ARunThatIsEndedDuringACollectionEndsRightAfterIt) {
  host_.pulses_to_end = 100'000'000;
  const std::string fill = "local t = {} for i = 1,50000 do t[i] = {i} end redis.call('pulse') ";
  Run(fill + "return 1");
  host_.pulses_to_end = host_.pulses + 20;
  host_.words = "over";
  EXPECT_EQ(Run(fill + "collectgarbage() for i = 1, 1e6 do end return 'not ended'"),
            "-ERR over script: SHA, on @user_script:1.|");
}

TEST_F(Lua, ARunThatIsEndedDoesNotCollectItsGarbage) {
  host_.words = "over";
  EXPECT_EQ(Run("local t = {} for i = 1, 2e5 do t[i] = {} end redis.call('pulse') while true do end").substr(0, 9),
            "-ERR over");
  EXPECT_TRUE(state_.has_garbage());
  const size_t left = state_.memory();
  EXPECT_EQ(Run("return 'fine'"), "$4|fine|");
  EXPECT_FALSE(state_.has_garbage());
  EXPECT_LT(state_.memory(), left / 4);
}

TEST_F(Lua, MemoryHasALimitThatNoScriptExceeds) {
  memory_.SetLimits(8 << 20, 0);
  for (const std::string script : {
           "local t = {} while true do t[#t + 1] = {} end",
           "local s = 'x' while true do s = s .. s end",
           "return string.rep('x', 1e9)",
           "local t = {} for i = 1, 1e9 do t[i] = i end",
           "return string.gsub(string.rep('x', 1e6), 'x', 'xxxxxxxxxx')",
           "return ('%s%s%s%s'):rep(10):format(unpack((function(s, t) for i = 1, 40 do t[i] = s end return t end)("
           "('x'):rep(1e6), {})))",
           "return table.concat({string.rep('x', 3e6), string.rep('y', 3e6)})",
           "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
           "local t = {} while true do t[#t + 1] = assert(loadstring('return 1')) end",
       }) {
    const std::string reply = Run(script);
    EXPECT_NE(reply.find("not enough memory"), std::string::npos) << script << ": " << reply.substr(0, 200);
    EXPECT_EQ(Run("return 'fine'"), "$4|fine|") << script;
    EXPECT_LT(state_.memory(), size_t{6} << 20) << script;
  }
  // Garbage is no reason to fail.
  EXPECT_EQ(Run("for i = 1, 200 do local s = string.rep('x', 1e6 + i) end return 'fine'"), "$4|fine|");
}

TEST_F(Lua, TheBytesOfAReplyAreLimitedWhateverItsValuesAre) {
  const std::string text = "local s = string.rep('x', 3e5) local many = {} ";
  for (const auto& [one, all] : {std::pair<size_t, size_t>{2 << 20, 0}, {0, 2 << 20}}) {
    memory_.SetLimits(one, all);
    for (const std::string& script : {
             text + "for i = 1, 20 do many[i] = s end return many",
             text + "for i = 1, 20 do many[i] = {ok = s} end return many",
             text + "for i = 1, 20 do many[i] = {err = s} end return many",
             text + "for i = 1, 20 do many[i] = {big_number = s} end return many",
             text + "for i = 1, 20 do many[i] = {verbatim_string = {format = 'txt', string = s}} end return many",
             text + "for i = 1, 20 do many[i] = s end return {map = {a = many}}",
             text + "for i = 1, 20 do many[i] = s end return {set = {[many] = 1}}",
             text + "for i = 1, 26 do many = {many, many} end return many",
             text + "for i = 1, 26 do many = {many, true, {double = 0.1}, many} end return many",
             text + "for i = 1, 26 do many = {map = {a = many, b = many}} end return many",
         }) {
      EXPECT_EQ(Run(script, 3), "-ERR the reply of the script exceeds the memory limit of scripts|") << script;
      EXPECT_EQ(end_, RunEnd::kFailed) << script;
      EXPECT_LT(memory_.used(), size_t{1} << 20) << script;
    }
    EXPECT_EQ(Run(text + "return {s, s}").size(), 3u + 2 * (8 + 300'001));
  }
}

TEST_F(Lua, ARunEndsWhileItsReplyIsWritten) {
  host_.words = "Script killed by user with SCRIPT KILL.";
  EXPECT_EQ(Run("local t = 1 for i = 1, 20 do t = {t, t} end redis.call('pulse') return t"),
            "-ERR Script killed by user with SCRIPT KILL.|");
  EXPECT_EQ(end_, RunEnd::kUnwound);
  EXPECT_EQ(Run("return {1}"), "*1|:1|");
}

TEST_F(Lua, RepliesOfCommandsCountAsMemoryOfTheRun) {
  size_t texts = 0;
  size_t most_written = 0;
  host_.replies["texts"] = [&](resp::ReplyWriter& reply) {
    reply.Array(static_cast<int64_t>(texts));
    for (size_t i = 0; i < texts; ++i) {
      reply.Bulk(std::string(100'000, 'x'));
      most_written = std::max(most_written, reply.buffer().capacity());
    }
  };
  for (const auto& [one, all] : {std::pair<size_t, size_t>{4 << 20, 0}, {0, 4 << 20}}) {
    memory_.SetLimits(one, all);
    texts = 1000;
    EXPECT_EQ(Run("return redis.pcall('reply', 'texts').err"),
              "$64|ERR the reply of the command exceeds the memory limit of scripts|");
    EXPECT_LT(most_written, size_t{5} << 20);
    EXPECT_LT(memory_.used(), size_t{1} << 20);
    texts = 10;
    EXPECT_EQ(Run("local n = 0 for i = 1, 50 do n = n + #redis.call('reply', 'texts') end return n"), ":500|");
    EXPECT_LT(memory_.used(), size_t{1} << 20);
  }
}

TEST_F(Lua, AllStatesTogetherHaveALimit) {
  memory_.SetLimits(0, 8 << 20);
  EXPECT_NE(Run("return #string.rep('x', 1e7)").find("not enough memory"), std::string::npos);
  EXPECT_EQ(Run("return #string.rep('x', 1e6)"), ":1000000|");
  // What was given last counts, too, while its script does nothing more.
  std::string reply_of_other;
  host_.replies["other"] = [&](resp::ReplyWriter& reply) {
    LuaState other(LuaState::Purpose::kScripts, memory_);
    FakeHost host;
    host.state = &other;
    resp::Buffer bytes;
    resp::ReplyWriter writer(bytes, 2);
    const std::string sha1(40, '0');
    EXPECT_EQ(other.Compile(sha1, "return #string.rep('x', 1.2e6)"), std::nullopt);
    other.RunScript(host, sha1, {}, {}, writer);
    reply_of_other = bytes.Readable();
    reply.Ok();
  };
  EXPECT_EQ(Run("local held = string.rep('x', 2.4e6) redis.call('reply', 'other') return #held"), ":2400000|");
  EXPECT_NE(reply_of_other.find("not enough memory"), std::string::npos) << reply_of_other;
  EXPECT_LT(memory_.used(), size_t{1} << 20);
  LuaMemory other;
  { LuaState state(LuaState::Purpose::kScripts, other); }
  EXPECT_EQ(other.used(), 0u);
}

void* RunOnThread(void* function) {
  (*static_cast<std::function<void()>*>(function))();
  return nullptr;
}

// Recursion of all kinds, on a stack as small as a run may have.
TEST_F(Lua, RecursionEndsWithAnErrorOnASmallStack) {
  std::function<void()> run = [this] {
    for (const std::string script : {
             "local function f() return f() + 1 end return f()",
             "local f f = function(s) return (s:gsub('x', f)) end return f('x')",
             "local function f() return pcall(f) end return #{f()}",
             "local function f() return xpcall(f, f) end return #{f()}",
             "local function f() return coroutine.wrap(f)() end return f()",
             "local function f() table.sort({2, 1}, f) end f()",
             "local function f() load(f) end f() return 1",
             "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 'x'] end return "
             "t.x",
             "local t = setmetatable({}, {}) getmetatable(t).__tostring = tostring return tostring(t)",
             "local t = setmetatable({}, {}) getmetatable(t).__tostring = function(t) return ('%s'):format(t) end "
             "return tostring(t)",
             "local t = setmetatable({}, {}) getmetatable(t).__lt = function(a, b) return a < b end return t < t",
             "local t = setmetatable({}, {}) getmetatable(t).__concat = function(a, b) return a .. b end return t .. t",
             "return loadstring(string.rep('(', 10000))",
             "return loadstring('return ' .. string.rep('{', 10000))",
             "return loadstring(string.rep('local function f() ', 10000))",
             "return loadstring('return ' .. string.rep('a..', 10000) .. 'a')",
             "return loadstring('return ' .. string.rep('-', 10001) .. '1')",
             "return string.find(string.rep('x', 10000), string.rep('x?', 10000))",
             "return string.find(string.rep('x', 10000), string.rep('(x)', 30) .. string.rep('x*', 10000))",
             "local t t = setmetatable({}, {__index = function(s) return pcall(error, s) end}) return pcall(error, t)",
             "local t t = setmetatable({}, {__index = function(s) error(s) end}) error(t)",
             "local function h() return xpcall(error, h) end return xpcall(error, h)",
             "local function f() local n = 0 load(function() n = n + 1 if n == 1 then return ('('):rep(190) end f() "
             "end) "
             "end f()",
             "local function f() return load(f) end f()",
             "local t = {} t[1] = t return t",
             "local t = {} t.map = {a = t} return t",
             "local t = {} t.set = {[t] = 1} return t",
             "local t = {} for i = 1, 64 do t = {t, t} end return t",
         }) {
      Run(script);
      EXPECT_EQ(Run("return 'fine'"), "$4|fine|") << script;
    }
  };
  // At the bottom of each recursion is what needs much of the stack itself.
  std::function<void()> run_deep = [this] {
    for (const std::string bottom : {
             "loadstring(('('):rep(1000))",
             "loadstring('return ' .. ('{'):rep(1000))",
             "cjson.decode(('['):rep(1000))",
             "(function() local t = {} for i = 1, 1000 do t = {t} end cjson.encode(t) end)()",
             "cmsgpack.unpack(('\\145'):rep(1000))",
             "(('x'):rep(1000)):find(('x?'):rep(1000))",
             "error(setmetatable({}, {__index = function() return loadstring(('('):rep(1000)) end}))",
         }) {
      for (const std::string& down : std::vector<std::string>{
               "local function f() pcall(f) pcall(bottom) end f()",
               "local function f() xpcall(f, f) pcall(bottom) end f()",
               "local f f = function(s) pcall(string.gsub, s, 'x', f) pcall(bottom) end f('x')",
               "local function f() pcall(coroutine.wrap(f)) pcall(bottom) end f()",
               "local function f() pcall(table.sort, {2, 1}, f) pcall(bottom) end f()",
               "local function f() pcall(load, f) pcall(bottom) end f()",
           }) {
        const std::string once = "local done local function bottom() if not done then done = true local x = ";
        Run(once + bottom + " end end " + down);
        EXPECT_EQ(Run("return 'fine'"), "$4|fine|") << down << bottom;
      }
    }
  };
  memory_.SetLimits(3 << 20, 0);
  host_.pulses_to_end = 1'000'000;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kLuaStackBytes), 0);
  for (auto* each : {&run, &run_deep}) {
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, &attributes, RunOnThread, each), 0);
    pthread_join(thread, nullptr);
  }
  pthread_attr_destroy(&attributes);
}

}  // namespace
}  // namespace ringkv::server
