// SPDX-License-Identifier: MIT
#include "server/lua/lua_state.h"

#include <fstream>

#include "tests/support/lua_fixture.h"

namespace ringkv::server {
namespace {

TEST_F(Lua, RepliesAndErrorsAreThoseOfRedis) {
  std::ifstream file("tests/data/lua/replies.txt");
  ASSERT_TRUE(file);
  host_.pulses_to_end = 1'000'000;
  int scripts = 0;
  for (std::string line, script; std::getline(file, line);) {
    if (line.starts_with("> ")) {
      script = line.substr(2);
    } else if (!script.empty()) {
      EXPECT_EQ(Run(script), line) << script;
      ++scripts;
    }
  }
  EXPECT_GT(scripts, 300);
}

TEST_F(Lua, KeysAndArgumentsAreBinarySafeAndNewInEachRun) {
  using std::literals::operator""sv;
  EXPECT_EQ(Run("KEYS.x = 1 return {#KEYS, #ARGV, #KEYS[1], KEYS[2], ARGV[1]}", 2, {"a\0b"sv, "\r\n"}, {"\xff"}),
            "*5|:2|:1|:3|$2|||$1|\xff|");
  EXPECT_EQ(Run("return {KEYS.x, #KEYS, #ARGV}"), "*0|");
  EXPECT_EQ(Run("return {#KEYS, #ARGV}"), "*2|:0|:0|");
}

// Replies of every type, as a script sees them, and back to a client of either protocol.
TEST_F(Lua, WhatAScriptMakesOfItsListsIsGoneAfterIt) {
  const std::string looks = "return {#KEYS, #ARGV, KEYS[1], ARGV.x or 'none', KEYS.x or 'none', KEYS[3] or 'none'}";
  const std::string untouched = "*6|:1|:0|$1|k|$4|none|$4|none|$4|none|";
  EXPECT_EQ(Run(looks, 2, {"k"}), untouched);
  for (const std::string change : {
           "KEYS.x = 1",
           "KEYS[3] = 1",
           "KEYS[1] = nil KEYS[2] = nil",
           "table.insert(KEYS, 2, 'x') table.insert(KEYS, 2, 'x')",
           "for i = 1, 1000 do KEYS[i] = i end",
           "setmetatable(ARGV, {__index = function() return 'seen' end})",
           "setmetatable(KEYS, {__newindex = function() end, __len = function() return 7 end})",
           "KEYS.x = 1 error('ended')",
           "KEYS[2] = 'x' redis.call('end')",
       }) {
    Run(change, 2, {"a", "b"}, {"c"});
    EXPECT_EQ(Run(looks, 2, {"k"}), untouched) << change;
  }
  EXPECT_EQ(Run("return KEYS", 2, {"a", "b"}), "*2|$1|a|$1|b|");
  EXPECT_EQ(Run("return KEYS"), "*0|");
}

TEST_F(Lua, RepliesOfEveryTypeGoBothWays) {
  host_.replies = {
      {"null", [](resp::ReplyWriter& reply) { reply.Null(); }},
      {"null array", [](resp::ReplyWriter& reply) { reply.NullArray(); }},
      {"double", [](resp::ReplyWriter& reply) { reply.Double(1.5); }},
      {"big", [](resp::ReplyWriter& reply) { reply.BigNumber("12345678901234567890"); }},
      {"boolean", [](resp::ReplyWriter& reply) { reply.Boolean(true); }},
      {"verbatim", [](resp::ReplyWriter& reply) { reply.Verbatim("some text", "mkd"); }},
      {"map", [](resp::ReplyWriter& reply) { reply.Map(1), reply.Bulk("a"), reply.Integer(1); }},
      {"set", [](resp::ReplyWriter& reply) { reply.Set(1), reply.Bulk("a"); }},
      {"nested", [](resp::ReplyWriter& reply) { reply.Array(2), reply.Array(1), reply.Null(), reply.Integer(-7); }},
  };
  struct Case {
    const char* reply;
    const char* type_in_2;
    const char* type_in_3;
    const char* from_2;  // to a client of RESP3
    const char* from_3_to_2;
    const char* from_3_to_3;
  };
  const Case cases[] = {
      {"null", "boolean", "nil", "_|", "$-1|", "_|"},
      {"null array", "boolean", "nil", "_|", "$-1|", "_|"},
      {"double", "string", "table", "$3|1.5|", "$3|1.5|", ",1.5|"},
      {"big", "string", "table", "$20|12345678901234567890|", "$20|12345678901234567890|", "(12345678901234567890|"},
      {"boolean", "number", "boolean", ":1|", ":1|", "#t|"},
      {"verbatim", "string", "table", "$9|some text|", "$9|some text|", "=13|mkd:some text|"},
      {"map", "table", "table", "*2|$1|a|:1|", "*2|$1|a|:1|", "%1|$1|a|:1|"},
      {"set", "table", "table", "*1|$1|a|", "*1|$1|a|", "~1|$1|a|"},
      {"nested", "table", "table", "*2|*1|_|:-7|", "*2|*0|:-7|", "*2|*0|:-7|"},
  };
  for (const Case& each : cases) {
    const std::string call = "redis.call('reply', '" + std::string(each.reply) + "')";
    const auto type = [&](const char* protocol) {
      return Run(std::string("redis.setresp(") + protocol + ") local reply = " + call + " return {ok = type(reply)}");
    };
    EXPECT_EQ(type("2"), "+" + std::string(each.type_in_2) + "|") << each.reply;
    EXPECT_EQ(type("3"), "+" + std::string(each.type_in_3) + "|") << each.reply;
    EXPECT_EQ(Run("return " + call, 3), each.from_2) << each.reply;
    EXPECT_EQ(Run("redis.setresp(3) return " + call, 2), each.from_3_to_2) << each.reply;
    EXPECT_EQ(Run("redis.setresp(3) return " + call, 3), each.from_3_to_3) << each.reply;
  }
}

TEST_F(Lua, NothingOfAScriptIsVisibleToAnother) {
  for (const std::string change : {
           "_G.x = 1",
           "rawset(_G, 'x', 1)",
           "string.x = 1",
           "rawset(string, 'sub', 1)",
           "string.sub = 1",
           "getmetatable('').__index = {}",
           "getmetatable('').x = 1",
           "rawset(getmetatable(''), 'x', 1)",
           "setmetatable(_G, {})",
           "setmetatable(string, {})",
           "table.insert(redis, 1)",
           "redis.call = nil",
           "KEYS = 1",
           "function tostring() end",
           "setmetatable(getmetatable('').__index, {})",
           "for k, t in pairs(_G) do if type(t) == 'table' then t.x = 1 end end",
           "coroutine.wrap(function() x = 1 end)()",
           "loadstring('x = 1')()",
           "server.x = 1",
           "math.pi = 3",
           "cjson.x = 1",
           "bit.x = 1",
           "getmetatable(getmetatable('')).__index = 1",
           "rawset(_G._G, 'x', 1)",
           "local s = string s.sub = 1",
           "local t = {redis} t[1].call = 1",
           "(_G.x or redis).call = 1",
           "for _, library in ipairs({string, redis}) do library.sub = 1 end",
           "local a, b = redis, redis.call a.call = b",
           "(function(r) r.call = 1 end)(redis)",
           "getmetatable(_G).__index = 1",
           "error(redis)",
       }) {
    const std::string reply = Run(change);
    EXPECT_EQ(reply[0], '-') << change << ": " << reply;
  }
  // Copies are the script's own.
  EXPECT_EQ(Run("local _, copy = pairs(string) copy.sub = nil return ('fine'):sub(1)"), "$4|fine|");
  EXPECT_EQ(Run("collectgarbage('stop') return 'fine'"), "$4|fine|");
  EXPECT_EQ(Run("return ('x'):rep(2^32 + 3) .. ('x'):rep(2^31) .. ('x'):rep(1e20) .. ('x'):rep(-1)"), "$3|xxx|");
  EXPECT_EQ(Run("return {redis.source, rawget(redis, 'source'), redis.line}"), "*0|");
  EXPECT_EQ(Run("return {pcall(function() return x end), rawget(_G, 'x'), string.x, ('x').x, #redis}"), "*1|$-1|");
  EXPECT_EQ(Run("return ('abc'):sub(2) .. string.sub('abc', 1, 1) .. tostring(getmetatable(redis))"), "$6|bcanil|");
}

// LuaJIT's parser takes time in the square of their number, and a script is compiled without pulses.
TEST_F(Lua, AThousandGotosAreTooMany) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text.append("goto a ");
  for (int i = 0; i < 20'000; ++i) text.append("do end ");
  EXPECT_EQ(Run(text), "-ERR Error compiling script (new function): more than 1000 goto statements|");
  EXPECT_EQ(Run("return {loadstring(ARGV[1])}", 2, {}, {text}), "*0|");
  EXPECT_EQ(Run("for i = 1, 9 do if i > 3 then goto done end end ::done:: return 'fine'"), "$4|fine|");
}

// A script that assigns to a global is compiled otherwise.
TEST_F(Lua, LibrariesAreTheSameForScriptsThatAssignToGlobalsAndOthers) {
  for (const std::string& prefix : {std::string(), std::string("pcall(function() x = 1 end) ")}) {
    EXPECT_EQ(Run(prefix + "return redis.call('set', 'k', string.rep('x', 3))"), "+OK|") << prefix;
    EXPECT_EQ(Run(prefix + "local t = {} for i = 1, 3 do t[i] = string.format('%d', i) end return table.concat(t)"),
              "$3|123|");
    EXPECT_EQ(Run(prefix + "local r = redis local f = string.upper return {r == redis, server == redis, f('a')}"),
              "*3|:1|:1|$1|A|");
    EXPECT_EQ(Run(prefix + "return {(nil or math).floor(1.5), type(string), redis.nosuch == nil, _G.redis == redis}"),
              "*4|:1|$5|table|:1|:1|");
    EXPECT_EQ(Run(prefix + "return redis.nosuch()"),
              "-ERR user_script:1: attempt to call field 'nosuch' (a nil value) script: SHA, on @user_script:1.|");
    EXPECT_EQ(Run(prefix + "return nosuch.field"),
              "-ERR user_script:1: Script attempted to access nonexistent global variable 'nosuch' script: SHA, on "
              "@user_script:1.|");
    EXPECT_EQ(Run(prefix + "local t = {'string', 1, {2, x = 'redis'}} return {t[1], t[3].x, cjson.encode(t[3][1])}"),
              "*3|$6|string|$5|redis|$1|2|");
    EXPECT_EQ(Run(prefix + "local function f() local n = 0 return function() n = n + math.abs(-1) return n end end "
                           "local g = f() g() return g()"),
              ":2|");
  }
}

TEST_F(Lua, BytecodeIsNotLoaded) {
  EXPECT_EQ(Run("return type(loadstring(string.dump(function() end)))"), "$3|nil|");
  EXPECT_EQ(Run("local s = string.dump(function() end) return type(load(function() local r = s s = nil return r end))"),
            "$3|nil|");
  EXPECT_EQ(Run("\x1bLJ"),
            "-ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'|");
}

// Results are not to change because tail calls keep their frames.
TEST_F(Lua, CallsInTailPositionReturnAllResultsAndJumpsStayRight) {
  EXPECT_EQ(Run("local function three() return 1, 2, 3 end local t = {f = three} "
                "local function tail() return t.f() end return {tail()}"),
            "*3|:1|:2|:3|");
  EXPECT_EQ(Run("return unpack({}) or 'none'"), "$4|none|");
  EXPECT_EQ(Run("local t = {f = function(...) return select('#', ...) end} "
                "local function count(...) return t.f(...) end return {count(), count(nil), count(1, nil, nil)}"),
            "*3|:0|:1|:3|");
  EXPECT_EQ(Run("local t, r = {}, {} t.id = function(x) return x end "
                "local function f(x) for i = 1, 10 do if i == x then return t.id(i) elseif i > 5 then break end end "
                "while true do if x > 7 then return t.id('big') end x = x + 1 end end "
                "for i = 1, 9 do r[i] = f(i) end return r"),
            "*9|:1|:2|:3|:4|:5|:6|$3|big|$3|big|$3|big|");
  EXPECT_EQ(Run("local s = {} local function add(x) local y = x s[#s + 1] = function() return y end "
                "return table.getn(s) end add(1) add(2) return {s[1](), s[2](), #s}"),
            "*3|:1|:2|:2|");
  // Functions recurse without bound.
  EXPECT_EQ(Run("local function down(n) if n == 0 then return 'end' end return down(n - 1) end return down(1000000)"),
            "$3|end|");
  EXPECT_EQ(Run("local a, b = 1\n\nlocal function f(x)\n  if x then return redis.call('nosuch') end\nend\nlocal t = "
                "f(1)"),
            "-ERR Unknown Redis command called from script script: SHA, on @user_script:4.|");
  EXPECT_EQ(Run("local value\nif KEYS[1] then return 1 end\nreturn redis.call('get', value.x)"),
            "-ERR user_script:3: attempt to index local 'value' (a nil value) script: SHA, on @user_script:3.|");
}

TEST_F(Lua, TheHostHearsLogAndReplicationAndCountsErrorsOnce) {
  Run("redis.log(redis.LOG_WARNING, 'some', 5, nil, 'words')");
  EXPECT_EQ(host_.logged, (std::vector<std::string>{"some 5 words"}));
  Run("redis.set_repl(redis.REPL_AOF)");
  EXPECT_EQ(host_.replication, 1);
  Run("return redis.call('nosuch')");
  EXPECT_TRUE(state_.error_was_counted());
  Run("return redis.pcall('nosuch')");
  EXPECT_TRUE(state_.error_was_counted());
  Run("return redis.error_reply('mine')");
  EXPECT_FALSE(state_.error_was_counted());
  Run("error('mine')");
  EXPECT_FALSE(state_.error_was_counted());
}

TEST_F(Lua, Sha1OfTextsOfAllLengthsAroundABlock) {
  EXPECT_EQ(Run("return redis.sha1hex('abc')"), "$40|a9993e364706816aba3e25717850c26c9cd0d89d|");
  // Of the digests of 0 to 130 times "a", by sha1sum.
  EXPECT_EQ(Run("local all = {} for i = 0, 130 do all[#all + 1] = redis.sha1hex(string.rep('a', i)) end "
                "return redis.sha1hex(table.concat(all))"),
            "$40|e9a26226834c1decc620e4a7df67e181b336a6b8|");
  EXPECT_EQ(Run("return redis.sha1hex(('a'):rep(200000))"), "$40|ec99adda39f462070e2c7ecbc8433e70dc9fb54c|")
      << "several pieces";
}

// --- Functions -------------------------------------------------------------------------------------------------------

class LuaFunctions : public testing::Test {
 protected:
  LuaFunctions() { host_.state = &state_; }

  std::string Load(const std::string& code, const std::string& library = "lib") {
    std::string error;
    const auto functions = state_.LoadLibrary(host_, library, "\n" + code, error);
    if (!functions) return error;
    std::string names;
    for (const RegisteredFunction& function : *functions) names.append(function.name).append(" ");
    return names;
  }
  std::string Call(std::string_view function, const std::vector<std::string_view>& keys = {}) {
    resp::Buffer bytes;
    resp::ReplyWriter reply(bytes, 2);
    state_.RunFunction(host_, function, keys, {}, reply);
    return std::string(bytes.Readable());
  }

  LuaMemory memory_;
  LuaState state_{LuaState::Purpose::kFunctions, memory_};
  FakeHost host_;
};

TEST_F(LuaFunctions, ErrorsOfLoadingAreThoseOfRedis) {
  const std::string registering = "ERR Error registering functions: ERR ";
  EXPECT_EQ(Load("x = 1"), registering + "user_function:2: Attempt to modify a readonly table");
  EXPECT_EQ(Load("redis.call('get', 'x')"),
            registering + "user_function:2: Script attempted to access nonexistent global variable 'call'");
  EXPECT_EQ(Load("return math"),
            registering + "user_function:2: Script attempted to access nonexistent global variable 'math'");
  EXPECT_EQ(Load("redis.log(2, 'x')"), "ERR No functions registered");
  EXPECT_EQ(Load("local x ="), "ERR Error compiling function: user_function:2: unexpected symbol near '<eof>'");
  EXPECT_EQ(Load("redis.register_function('f')"),
            registering +
                "calling redis.register_function with a single argument is only applicable to Lua table "
                "(representing named arguments).");
  EXPECT_EQ(Load("redis.register_function('bad name!', function() end)"),
            registering +
                "Library names can only contain letters, numbers, or underscores(_) and must be at least one "
                "character long");
  EXPECT_EQ(Load("redis.register_function{function_name = 'f', callback = function() end, flags = {'nosuch'}}"),
            registering + "unknown flag given");
  EXPECT_EQ(Load("redis.register_function{function_name = 'f', callback = 5}"),
            registering + "callback argument given to redis.register_function must be a function");
  EXPECT_EQ(Load("redis.register_function('f', function() end) redis.register_function('f', function() end)"),
            registering + "Function already exists in the library");
}

TEST_F(LuaFunctions, AreCalledByNameAndReplacedWithTheirLibrary) {
  EXPECT_EQ(Load("redis.register_function('one', function(keys, args) return #keys + 10 * #args end) "
                 "redis.register_function{function_name = 'two', callback = function(keys) return keys[1] end, "
                 "flags = {'no-writes', 'allow-stale'}, description = 'the second'}"),
            "one two ");
  EXPECT_EQ(Call("one", {"a", "b"}), ":2\r\n");
  EXPECT_EQ(Call("two", {"a", "b"}), "$1\r\na\r\n");
  EXPECT_EQ(Load("error"), "ERR Error compiling function: user_function:2: '=' expected near '<eof>'");
  EXPECT_EQ(Call("one"), ":0\r\n");
  EXPECT_EQ(Load("redis.register_function('three', function() return redis.call('nosuch') end)"), "three ");
  EXPECT_FALSE(state_.HasFunction("one"));
  EXPECT_EQ(Call("three"), "-ERR Unknown Redis command called from script script: three, on @user_function:2.\r\n");
  state_.DropLibraries();
  EXPECT_FALSE(state_.HasFunction("three"));
}

TEST_F(LuaFunctions, WhatALibraryRegistersCountsAsItsMemory) {
  for (const auto& [one, all] : {std::pair<size_t, size_t>{4 << 20, 0}, {0, 4 << 20}}) {
    memory_.SetLimits(one, all);
    const std::string error = Load(
        "local s, f = 'x', function() end for i = 1, 17 do s = s .. s end for i = 1, 1000 do "
        "redis.register_function{function_name = 'f' .. i, callback = f, description = s} end");
    EXPECT_TRUE(error.starts_with("ERR Error registering functions: ") && error.ends_with("not enough memory"))
        << error;
    EXPECT_LT(memory_.used(), size_t{1} << 20);
  }
}

TEST_F(LuaFunctions, AnEndlessLibraryIsEndedByTheHost) {
  host_.words = "FUNCTION LOAD timeout";
  state_.RequestPulse();
  EXPECT_EQ(Load("while true do end"), "ERR Error registering functions: ERR FUNCTION LOAD timeout");
}

TEST_F(LuaFunctions, SeeNoKeysOfScriptsAndRegisterNothingWhenTheyRun) {
  Load(
      "redis.register_function('keys', function() return KEYS end) "
      "redis.register_function('register', function() redis.register_function('x', function() end) end)");
  EXPECT_EQ(Call("keys"),
            "-ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS' script: keys, on "
            "@user_function:2.\r\n");
  EXPECT_EQ(Call("register"),
            "-ERR user_function:2: attempt to call field 'register_function' (a nil value) script: register, on "
            "@user_function:2.\r\n");
}

}  // namespace
}  // namespace ringkv::server
