// SPDX-License-Identifier: MIT
#include "server/command/secrets.h"

#include <gtest/gtest.h>

#include "server/command/command_table.h"
#include "server/commands/families.h"
#include "server/options/command_line.h"
#include "server/options/option_table.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

using Texts = std::vector<std::string_view>;

Texts Shown(const Texts& request) {
  static const CommandTable table(AllCommands());
  Texts copy;
  const auto shown = ShownArguments(*table.Find(request)->row, request, &copy);
  return {shown.begin(), shown.end()};
}

TEST(Secrets, OfEveryCommandAreHiddenAndNothingElse) {
  EXPECT_EQ(Shown({"AUTH", "pw"}), (Texts{"AUTH", kHidden}));
  EXPECT_EQ(Shown({"auth", "user", "pw"}), (Texts{"auth", kHidden, kHidden}));
  EXPECT_EQ(Shown({"ACL", "SETUSER", "u", "on", ">pw"}), (Texts{"ACL", "SETUSER", kHidden, kHidden, kHidden}));
  EXPECT_EQ(Shown({"ACL", "GETUSER", "u"}), (Texts{"ACL", "GETUSER", "u"}));
  EXPECT_EQ(Shown({"HELLO", "3", "SETNAME", "AUTH", "AUTH", "u", "pw", "SETNAME", "me"}),
            (Texts{"HELLO", "3", "SETNAME", "AUTH", "AUTH", kHidden, kHidden, "SETNAME", "me"}));
  EXPECT_EQ(Shown({"CONFIG", "SET", "maxmemory", "0", "RequirePass", "pw", "masterauth", "pw", "hz", "10"}),
            (Texts{"CONFIG", "SET", "maxmemory", "0", "RequirePass", kHidden, "masterauth", kHidden, "hz", "10"}));
  EXPECT_EQ(Shown({"CONFIG", "GET", "requirepass"}), (Texts{"CONFIG", "GET", "requirepass"}));
  EXPECT_EQ(Shown({"SET", "requirepass", "value"}), (Texts{"SET", "requirepass", "value"}));
}

TEST(Secrets, OfMalformedRequestsAreHiddenToo) {
  EXPECT_EQ(Shown({"AUTH", "a", "pw", "b"}), (Texts{"AUTH", kHidden, kHidden, kHidden}));
  EXPECT_EQ(Shown({"HELLO", "3", "AUTH", "pw"}), (Texts{"HELLO", "3", "AUTH", kHidden}));
  EXPECT_EQ(Shown({"HELLO", "3", "AUHT", "u", "pw"}), (Texts{"HELLO", "3", kHidden, kHidden, kHidden}));
  EXPECT_EQ(Shown({"CONFIG", "SET", "requirepas", "pw"}), (Texts{"CONFIG", "SET", kHidden, kHidden}));
  EXPECT_EQ(Shown({"CONFIG", "SET", "requirepass", "a", "pw"}),
            (Texts{"CONFIG", "SET", "requirepass", kHidden, kHidden}));
  Texts many{"CONFIG", "SET"};
  for (int i = 0; i < 1000; ++i) many.insert(many.end(), {"hz", "10"});
  many.insert(many.end(), {"requirepass", "pw"});
  EXPECT_EQ(Shown(many).back(), kHidden);
}

TEST(Secrets, OfTheCommandLineAreOverwritten) {
  std::vector<std::string> words = {"file.conf", "--requirepass",    "one",           "--port",
                                    "7",         "--MasterAuth=two", "--requirepass", "--three",
                                    "four five", "--masteruser",     "six",           "seven"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  HideSecretArguments(argv);
  EXPECT_EQ(words, (std::vector<std::string>{"file.conf", "--requirepass", "***", "--port", "7", "--MasterAuth=***",
                                             "--requirepass", "*******", "*********", "--masteruser", "***", "*****"}));
}

class SecretsOfASession : public SessionFixture {};

TEST_F(SecretsOfASession, DoNotReachTheSlowLog) {
  options_.slowlog_log_slower_than = 0;
  Run("CONFIG SET requirepass topsecret masterauth topsecret");
  Run("AUTH topsecret");
  Run("AUTH default topsecret");
  Run("HELLO 3 AUTH default topsecret");
  Run("MULTI");
  Run("CONFIG SET masteruser topsecret");
  Run("EXEC");
  const std::string log = Run("SLOWLOG GET -1");
  EXPECT_NE(log.find("requirepass"), std::string::npos);
  EXPECT_NE(log.find("masteruser"), std::string::npos);
  EXPECT_EQ(log.find("topsecret"), std::string::npos) << log;
}

}  // namespace
}  // namespace ringkv::server
