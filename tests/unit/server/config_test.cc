// SPDX-License-Identifier: MIT
#include "server/options/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <iostream>
#include <random>
#include <set>
#include <sstream>

#include "server/options/command_line.h"
#include "server/options/config_line.h"
#include "server/options/config_rewrite.h"
#include "server/options/option_table.h"
#include "tests/support/temp_dir.h"

namespace ringkv::server {
namespace {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() { SetDefaults(options_); }
  std::string ErrorOf(const std::vector<std::string>& arguments) {
    const auto result = ReadCommandLine(arguments, options_);
    return result ? "" : result.error().text;
  }
  std::string Value(const std::string& name) { return OptionValue(options_, *FindOption(name)); }

  test::TempDir dir_;
  Options options_;
};

TEST_F(ConfigTest, EveryDefaultPassesItsOwnCheck) {
  for (const OptionRow& row : OptionRows()) {
    EXPECT_EQ(CheckOption(row, row.default_value), std::nullopt) << row.name;
    EXPECT_FALSE(row.summary.empty()) << row.name;
  }
}

TEST_F(ConfigTest, ReadsTheSyntaxOfRedis) {
  dir_.Write("more.conf", "maxclients 77\n");
  const std::string path = dir_.Write("ringkv.conf",
                                      "# a comment\n\nport 7000\nmaxmemory 100mb\nrequirepass \"a b\"\n"
                                      "bind 127.0.0.1 -::1\nclient-output-buffer-limit pubsub 1mb 0 0\n"
                                      "include " +
                                          dir_.Path("more.conf") + "\n");
  EXPECT_EQ(ErrorOf({path, "--port", "7001"}), "");
  EXPECT_EQ(Value("port"), "7001");
  EXPECT_EQ(Value("maxmemory"), "104857600");
  EXPECT_EQ(Value("requirepass"), "a b");
  EXPECT_EQ(Value("bind"), "127.0.0.1 -::1");
  EXPECT_EQ(Value("maxclients"), "77");
  EXPECT_EQ(Value("client-output-buffer-limit"), "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 0 0");
}

TEST_F(ConfigTest, TheNumberOfThreadsMayBeLeftToTheServer) {
  const OptionRow& row = *FindOption("io-threads");
  EXPECT_EQ(options_.adapts_io_threads, 1);
  EXPECT_EQ(ErrorOf({"--io-threads", "4"}), "");
  EXPECT_EQ(options_.adapts_io_threads, 0);
  EXPECT_EQ(Value("io-threads"), "4");
  EXPECT_EQ(WrittenValue(options_, row), "4");
  EXPECT_EQ(ErrorOf({"--io-threads", "AUTO"}), "");
  EXPECT_EQ(options_.adapts_io_threads, 1);
  options_.io_threads = 7;  // as the program does when it knows its processors
  EXPECT_EQ(Value("io-threads"), "7");
  EXPECT_EQ(WrittenValue(options_, row), "auto");
  for (const char* wrong : {"0", "129", "-1", "", "automatic", "2x"}) {
    EXPECT_EQ(CheckOption(row, wrong), "argument must be auto, or between 1 and 128 inclusive") << wrong;
  }
}

TEST_F(ConfigTest, ARewriteKeepsAuto) {
  const std::string path = dir_.Write("ringkv.conf", "io-threads auto\nport 7000\n");
  EXPECT_EQ(ErrorOf({path}), "");
  options_.io_threads = 7;
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"), "io-threads auto\nport 7000\n");
  dir_.Write("ringkv.conf", "port 7000\n");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"), "port 7000\n");
  EXPECT_EQ(ErrorOf({"--io-threads", "3"}), "");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"), "port 7000\nio-threads 3\n");
}

TEST_F(ConfigTest, NoPrimaryAndNoSavePointsMayBeWrittenAsForRedis) {
  const std::string path = dir_.Write("ringkv.conf", "replicaof 10.0.0.1 6379\nreplicaof NO ONE\nsave 60 1\nsave\n");
  EXPECT_EQ(ErrorOf({path}), "");
  EXPECT_EQ(Value("replicaof"), "");
  EXPECT_EQ(Value("save"), "");
  EXPECT_EQ(ErrorOf({"--slaveof", "no", "one"}), "");
}

TEST_F(ConfigTest, EveryOptionMayComeFromTheEnvironment) {
  ::setenv("RINGKV_MAXMEMORY", "2gb", 1);
  ::setenv("RINGKV_HTTP_PORT", "8080", 1);
  ::setenv("RINGKV_PORT", "tcp://10.0.0.1:6379", 1);  // what Kubernetes says of a service
  EXPECT_TRUE(ReadEnvironment(options_));
  EXPECT_EQ(ErrorOf({"--http-port", "9090"}), "");
  EXPECT_EQ(Value("maxmemory"), "2147483648");
  EXPECT_EQ(Value("http-port"), "9090") << "the command line wins";
  EXPECT_EQ(Value("port"), "6379");
  ::setenv("RINGKV_MAXMEMORY", "much", 1);
  const auto read = ReadEnvironment(options_);
  for (const char* name : {"RINGKV_MAXMEMORY", "RINGKV_HTTP_PORT", "RINGKV_PORT"}) ::unsetenv(name);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text, "environment: bad value 'much' for RINGKV_MAXMEMORY: argument must be a memory value");
}

TEST_F(ConfigTest, AnErrorNamesOptionPlaceAndValidValues) {
  const std::string path = dir_.Write("bad.conf", "port 7000\nmaxmemroy 1\n");
  EXPECT_EQ(ErrorOf({path}), path + ":2: unknown option 'maxmemroy'; did you mean 'maxmemory'?");
  EXPECT_EQ(ErrorOf({"--port", "70000"}),
            "command line: bad value '70000' for 'port': argument must be between 0 and 65535 inclusive");
  EXPECT_EQ(ErrorOf({"--port"}), "command line: option 'port' needs a value");
  EXPECT_EQ(ErrorOf({"--appendfsync", "often"}),
            "command line: bad value 'often' for 'appendfsync': argument(s) must be one of the following: "
            "everysec, always, no");
  EXPECT_EQ(ErrorOf({"--save", "60"}), "command line: bad value '60' for 'save': Invalid save parameters");
  EXPECT_EQ(ErrorOf({"--dbfilename", "a/b"}),
            "command line: bad value 'a/b' for 'dbfilename': it can't be a path, just a file name");
  EXPECT_EQ(ErrorOf({"--maxmemory-policy", "lru"}).find("command line: bad value 'lru' for 'maxmemory-policy'"), 0u);
  EXPECT_EQ(ErrorOf({dir_.Path("missing.conf")}).find("cannot open configuration file"), 0u);
  EXPECT_EQ(ErrorOf({dir_.Write("quote.conf", "requirepass \"a\n")}),
            dir_.Path("quote.conf") + ":1: unbalanced quotes");
  EXPECT_EQ(ErrorOf({"--port", "1", "2"}), "command line: option 'port' takes one value, not 2");
  EXPECT_EQ(ErrorOf({"--requirepass", "a", "b"}), "command line: option 'requirepass' takes one value, not 2");
  EXPECT_EQ(ErrorOf({dir_.Write("two.conf", "requirepass \"a b\"\nlogfile a b\n")}),
            dir_.Path("two.conf") + ":2: option 'logfile' takes one value, not 2");
}

TEST_F(ConfigTest, RangesAreThoseOfRedis) {
  const std::pair<std::string, std::vector<std::string>> taken[] = {{"hz", {"0", "1000"}},
                                                                    {"slowlog-max-len", {"9223372036854775807"}},
                                                                    {"maxmemory-samples", {"2147483647"}},
                                                                    {"list-max-listpack-size", {"-2147483648", "0"}}};
  for (const auto& [name, values] : taken) {
    for (const std::string& value : values) EXPECT_EQ(CheckOption(*FindOption(name), value), std::nullopt) << name;
  }
  SetOption(options_, *FindOption("hz"), "1000");
  EXPECT_EQ(Value("hz"), "500");
  SetOption(options_, *FindOption("hz"), "0");
  EXPECT_EQ(Value("hz"), "1");
}

TEST_F(ConfigTest, AFileThatIncludesItselfIsAnErrorNotACrash) {
  const std::string path = dir_.Path("loop.conf");
  dir_.Write("loop.conf", "include " + path + "\n");
  EXPECT_NE(ErrorOf({path}).find("include nested deeper than"), std::string::npos);
}

TEST_F(ConfigTest, RewriteKeepsCommentsAndAppendsChangedOptions) {
  const std::string path = dir_.Write("ringkv.conf", "# mine\nport 7000\nmaxclients 50\n");
  ASSERT_EQ(ErrorOf({path, "--maxclients", "60", "--requirepass", "a \"b"}), "");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"), "# mine\nport 7000\nmaxclients 60\nrequirepass \"a \\\"b\"\n");
  Options again;
  SetDefaults(again);
  ASSERT_TRUE(ReadCommandLine({path}, again));
  EXPECT_EQ(again.requirepass.Get(), "a \"b");
}

TEST_F(ConfigTest, RewriteRemovesTheLineOfAReplicaThatWasPromoted) {
  const std::string path = dir_.Write("ringkv.conf", "slaveof 10.0.0.1 6379\nport 7000\nsave 1 1\n");
  ASSERT_EQ(ErrorOf({path}), "");
  options_.replicaof.Set("");
  options_.save.Set("");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"), "port 7000\nsave \"\"\n") << "save is not empty by default";
}

TEST_F(ConfigTest, NamesOfOptionsAreUnique) {
  std::set<std::string_view> names;
  for (const OptionRow& row : OptionRows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.alias.empty() || names.insert(row.alias).second) << row.alias;
  }
}

TEST_F(ConfigTest, AnOptionWithNothingToActOnIsCheckedAndKept) {
  EXPECT_EQ(IdleOptionsIn(options_), "");
  EXPECT_EQ(ErrorOf({"--rdbcompression", "no", "--active-defrag-ignore-bytes", "1mb", "--slave-lazy-flush", "yes"}),
            "");
  EXPECT_EQ(Value("rdbcompression"), "no");
  EXPECT_EQ(Value("active-defrag-ignore-bytes"), "1048576");
  EXPECT_EQ(Value("replica-lazy-flush"), "yes");
  EXPECT_EQ(Value("dynamic-hz"), "yes") << "the default";
  EXPECT_EQ(IdleOptionsIn(options_), "active-defrag-ignore-bytes, rdbcompression, replica-lazy-flush");
  EXPECT_EQ(CheckOption(*FindOption("dynamic-hz"), "maybe"), "argument must be 'yes' or 'no'");
  EXPECT_EQ(CheckOption(*FindOption("active-defrag-cycle-min"), "100"), "argument must be between 1 and 99 inclusive");
  EXPECT_EQ(CheckOption(*FindOption("repl-diskless-load"), "x"),
            "argument(s) must be one of the following: disabled, on-empty-db, swapdb");
  const std::string path = dir_.Write("ringkv.conf", "rdbcompression yes\n");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  EXPECT_EQ(dir_.Read("ringkv.conf"),
            "rdbcompression no\nactive-defrag-ignore-bytes 1048576\nreplica-lazy-flush yes\n");
}

std::string OtherThanTheDefault(const OptionRow& row) {
  switch (row.type) {
    case OptionType::kBoolean: return row.default_value == "no" ? "yes" : "no";
    case OptionType::kChoice: return "local";
    case OptionType::kText: return "x";
    default: return "1";
  }
}

TEST_F(ConfigTest, ARefusedOptionTakesOnlyItsDefaultAndTheErrorNamesAnAlternative) {
  size_t refused = 0;
  for (const OptionRow& row : OptionRows()) {
    if (KindOf(row) != OptionKind::kRefused) continue;
    ++refused;
    EXPECT_EQ(CheckOption(row, row.default_value), std::nullopt) << row.name;
    EXPECT_EQ(CheckOption(row, OtherThanTheDefault(row)), std::string(row.instead)) << row.name;
  }
  EXPECT_GT(refused, 2u);
}

TEST_F(ConfigTest, DirectivesOfRedisAreKnown) {
  const std::pair<std::string, std::string> refused[] = {{"loadmodule /m.so", "there are no modules"},
                                                         {"sentinel monitor m h 1 2", "run redis-sentinel"},
                                                         {"search.timeout 5", "the option of a module"},
                                                         {"gopher-enabled yes", "no Gopher"},
                                                         {"user", "takes a name and rules"}};
  for (const auto& [line, says] : refused) {
    const std::string path = dir_.Write("refused.conf", line + "\n");
    const std::string error = ErrorOf({path});
    EXPECT_EQ(error.find(path + ":1: "), 0u) << error;
    EXPECT_NE(error.find(says), std::string::npos) << error;
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
  }
  EXPECT_EQ(ErrorOf({dir_.Write("taken.conf",
                                "user default on sanitize-payload >pw ~* &* +@all\nuser alice\n"
                                "list-max-ziplist-entries 5\ngopher-enabled no\n")}),
            "");
  ASSERT_EQ(options_.users.size(), 2u);
  EXPECT_EQ(options_.users[0].name, "default");
  EXPECT_EQ(options_.users[0].rules.back(), "+@all");
  const std::string twice = dir_.Write("twice.conf", "user bob on >secret\nport 7\nuser bob off\n");
  EXPECT_EQ(ErrorOf({twice}), twice + ":3: there is a line for the user 'bob' already");
}

TEST_F(ConfigTest, TheCommandLineIsThatOfRedis) {
  EXPECT_EQ(ErrorOf({"--save"}), "");
  EXPECT_EQ(Value("save"), "");
  EXPECT_EQ(ErrorOf({"--save", "60", "1", "--port 7002", "--bind", "127.0.0.1", "::1", "--save", "--hz", "5"}), "");
  EXPECT_EQ(Value("save"), "");
  EXPECT_EQ(Value("port"), "7002");
  EXPECT_EQ(Value("bind"), "127.0.0.1 ::1");
  EXPECT_EQ(Value("hz"), "5");
  EXPECT_EQ(ErrorOf({"--save \"\"", "--requirepass a=b"}), "");
  EXPECT_EQ(Value("requirepass"), "a=b");
}

TEST_F(ConfigTest, StandardInputIsReadWhereADashStands) {
  const std::string path = dir_.Write("ringkv.conf", "port 7000\nhz 20\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"-", "--hz", "40"}, std::vector<std::string>{path, "--hz", "40", "-"}}) {
    std::istringstream lines("port 7001\nhz 30\n");
    std::streambuf* const usual = std::cin.rdbuf(lines.rdbuf());
    const std::string error = ErrorOf(arguments);
    std::cin.rdbuf(usual);
    EXPECT_EQ(error, "");
    EXPECT_EQ(Value("port"), "7001") << "it wins over the file";
    EXPECT_EQ(Value("hz"), "40") << "the command line wins over it";
  }
}

TEST_F(ConfigTest, ConfigurationsOfRedisAndValkeyAreAccepted) {
  for (const std::string version : {"redis-6.2", "redis-7.2", "redis-7.4", "valkey-8"}) {
    SetDefaults(options_);
    EXPECT_EQ(ErrorOf({std::string(RINGKV_SOURCE) + "/tests/data/config/" + version + ".txt"}), "");
    EXPECT_EQ(Value("tcp-backlog"), "511");
    EXPECT_NE(IdleOptionsIn(options_), "");
  }
}

// Texts that a line of a configuration file could lose or change, and random ones.
std::vector<std::string> DifficultTexts() {
  std::vector<std::string> texts = {"",
                                    " ",
                                    "  a  b  ",
                                    "\tx\t",
                                    "'",
                                    "\"",
                                    "\\",
                                    "a\"b'c",
                                    "'quoted'",
                                    "\"quoted\"",
                                    "#no comment",
                                    "a#b",
                                    "\\x41",
                                    "\\n",
                                    "line\nline",
                                    "line\r\n",
                                    "trailing\\",
                                    "p\xc3\xa4ss",
                                    "\xff\xfe",
                                    "a=b",
                                    "--port",
                                    "$HOME",
                                    "*",
                                    "tcp://x",
                                    "etcd://h1:2379,[::1]:2379/x",
                                    " 60  1 ",
                                    "host  1",
                                    " normal  1mb 0 0 ",
                                    std::string("a\0b", 3),
                                    std::string(1, '\0'),
                                    "1 2 3",
                                    "now save",
                                    "\x07\x08\x0b\x0c\x7f"};
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    std::string text(1 + random() % 12, '\0');
    for (char& c : text) c = random() % 2 == 0 ? static_cast<char>(random()) : " \"'\\#\n\r\tx0"[random() % 10];
    texts.push_back(text);
  }
  return texts;
}

TEST_F(ConfigTest, EveryTextSurvivesRewriteAndReload) {
  std::set<std::string_view> tried;
  for (const std::string& text : DifficultTexts()) {
    SetDefaults(options_);
    for (const OptionRow& row : OptionRows()) {
      if (row.type != OptionType::kText || CheckOption(row, text)) continue;
      tried.insert(row.name);
      SetOption(options_, row, text);
    }
    ASSERT_TRUE(RewriteConfigFile(dir_.Path("ringkv.conf"), options_));
    Options again;
    SetDefaults(again);
    const auto read = ReadCommandLine({dir_.Path("ringkv.conf")}, again);
    ASSERT_TRUE(read) << read.error().text;
    for (const OptionRow& row : OptionRows()) {
      ASSERT_EQ(OptionValue(again, row), OptionValue(options_, row)) << row.name << "\n" << dir_.Read("ringkv.conf");
    }
  }
  for (const OptionRow& row : OptionRows()) {
    EXPECT_TRUE(row.type != OptionType::kText || tried.contains(row.name)) << row.name;
  }
}

TEST_F(ConfigTest, APasswordMayHoldEveryByteWhereverItComesFrom) {
  for (const std::string& text : DifficultTexts()) {
    EXPECT_EQ(CheckOption(*FindOption("requirepass"), text), std::nullopt);
    if (text.find('\0') != std::string::npos) continue;  // no place for it in an argument
    ASSERT_EQ(ErrorOf({"--requirepass=" + text}), "");
    EXPECT_EQ(Value("requirepass"), text);
    ::setenv("RINGKV_MASTERAUTH", text.c_str(), 1);
    const auto read = ReadEnvironment(options_);
    ::unsetenv("RINGKV_MASTERAUTH");
    ASSERT_TRUE(read);
    EXPECT_EQ(Value("masterauth"), text);
  }
}

TEST_F(ConfigTest, ANulByteIsAnErrorWhereItWouldCutTheValue) {
  const std::string path = dir_.Write("nul.conf", std::string("requirepass a\0b\n", 16));
  EXPECT_EQ(ErrorOf({path}), path + ":1: a NUL byte; in quotes write it as \\x00");
  EXPECT_EQ(ErrorOf({dir_.Write("nul.conf", "logfile \"a\\x00b\"\n")}).find(path + ":1: bad value"), 0u);
}

TEST_F(ConfigTest, AnErrorDoesNotShowASecret) {
  const OptionRow* row = FindOption("requirepass");
  ASSERT_TRUE(row->is_secret);
  EXPECT_EQ(ErrorOf({"--replica-announce-ip", "a b"}),
            "command line: bad value 'a b' for 'replica-announce-ip': it takes an address or a host name");
  EXPECT_EQ(BadValue(*row, "topsecret", "'requirepass'", "too long"), "bad value for 'requirepass': too long");
  const std::string path = dir_.Write("equals.conf", "masterauth=topsecret\n");
  EXPECT_EQ(ErrorOf({path}), path + ":1: unknown option 'masterauth...'; did you mean 'masterauth VALUE'?");
  EXPECT_EQ(ErrorOf({dir_.Write("equals.conf", "requirepas:topsecret\n")}),
            path + ":1: unknown option 'requirepas...'; did you mean 'requirepass VALUE'?");
  EXPECT_EQ(ErrorOf({dir_.Write("equals.conf", "\n"), "-requirepass=topsecret"}),
            "command line: expected '--name value', got '-requirepass...'");
}

TEST_F(ConfigTest, RewriteOverridesOptionsOfIncludedFiles) {
  dir_.Write("more.conf", "maxclients 77\nsave 1 2\n");
  const std::string text = "maxclients 50\nsave 60 1\ninclude " + dir_.Path("more.conf") + "\n";
  const std::string path = dir_.Write("ringkv.conf", text);
  ASSERT_EQ(ErrorOf({path, "--maxclients", "60", "--save", "9 9"}), "");
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  Options again;
  SetDefaults(again);
  ASSERT_TRUE(ReadCommandLine({path}, again));
  EXPECT_EQ(again.maxclients, 60);
  EXPECT_EQ(again.save.Get(), "60 1 1 2 9 9");
}

TEST_F(ConfigTest, RewriteKeepsPermissionsAndSymbolicLinks) {
  const std::string path = dir_.Write("real.conf", "port 7000\n");
  const std::string link = dir_.Path("link.conf");
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  for (const mode_t mode : {mode_t{0600}, mode_t{0640}, mode_t{0664}}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    ASSERT_TRUE(RewriteConfigFile(link, options_));
    struct stat status {};
    ASSERT_EQ(::lstat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, mode);
    ASSERT_EQ(::lstat(link.c_str(), &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
  }
  ASSERT_TRUE(RewriteConfigFile(dir_.Path("new.conf"), options_));
  struct stat status {};
  ASSERT_EQ(::stat(dir_.Path("new.conf").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, mode_t{0600}) << "it may hold passwords";
}

TEST_F(ConfigTest, RewriteKeepsTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string path = dir_.Write("ringkv.conf", "port 7000\n");
  ASSERT_EQ(::chown(path.c_str(), 12, 34), 0);
  ASSERT_TRUE(RewriteConfigFile(path, options_));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12u);
  EXPECT_EQ(status.st_gid, 34u);
}

TEST_F(ConfigTest, MemoryIsReadAsRedisReadsIt) {
  EXPECT_EQ(ParseMemory("1k"), 1000);
  EXPECT_EQ(ParseMemory("1KB"), 1024);
  EXPECT_EQ(ParseMemory("2gb"), int64_t{2} << 30);
  EXPECT_EQ(ParseMemory("12"), 12);
  for (const char* wrong : {"", "gb", "1tb", "-1", "1.5mb", "99999999999999999999"}) {
    EXPECT_EQ(ParseMemory(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace ringkv::server
