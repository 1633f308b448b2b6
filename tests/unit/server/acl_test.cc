// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/users/acl_check.h"
#include "server/users/acl_text.h"
#include "server/users/key_rules.h"
#include "server/users/password.h"
#include "server/users/session_user.h"
#include "server/users/users.h"
#include "server/users/users_file.h"
#include "tests/support/allocations.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

using Words = std::vector<std::string>;

bool Matches(std::string_view pattern, std::string_view name) { return AclPattern(pattern).Matches(AclName(name)); }

TEST(AclPattern, IsAGlob) {
  EXPECT_FALSE(Matches("*", ""));
  EXPECT_TRUE(Matches("app:*", "app:"));
  EXPECT_TRUE(Matches("app:*", "app:1"));
  EXPECT_FALSE(Matches("app:*", "app"));
  EXPECT_FALSE(Matches("app:*", "bpp:1"));
  EXPECT_TRUE(Matches("app", "app"));
  EXPECT_FALSE(Matches("app", "app1"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("", "a"));
  EXPECT_TRUE(Matches("a\\*", "a*"));
  EXPECT_FALSE(Matches("a\\*", "ab"));
  EXPECT_TRUE(Matches("a[bc]?*d", "abxyd"));
  EXPECT_FALSE(Matches("a[bc]?*d", "axxyd"));
}

TEST(AclPattern, IsComparedBeyondItsFirstBytes) {
  EXPECT_TRUE(Matches("application:*", "application:1"));
  EXPECT_FALSE(Matches("application:*", "applicatiom:1"));
  EXPECT_FALSE(Matches("application:*", "applicat"));
  EXPECT_FALSE(Matches(std::string_view("ab\0*", 4), "ab")) << "zeros behind the end are no bytes of it";
  EXPECT_TRUE(Matches(std::string_view("ab\0*", 4), std::string_view("ab\0", 3)));
  EXPECT_TRUE(Matches("abcdefgh", "abcdefgh"));
  EXPECT_FALSE(Matches("abcdefgh", "abcdefghi"));
  EXPECT_FALSE(Matches("abcdefgh*", "abcdefg"));
}

// However they are found, as if each were looked at.
TEST(KeyRules, AllowWhatOneOfThemAllows) {
  std::mt19937 random(5);
  const auto pick = [&](const char* from, size_t most) {
    std::string text(random() % (most + 1), 0);
    const std::string_view letters(from);
    for (char& letter : text) letter = letters[random() % letters.size()];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    KeyRules rules;
    const size_t count = random() % 60;
    for (size_t i = 0; i < count; ++i) {
      rules.Allow((random() % 4 == 0 ? "application:" : "") + pick("ab", 6) + pick("*?", 1) + pick("ab", 2),
                  static_cast<uint8_t>(1 + random() % 3));
    }
    for (int i = 0; i < 200; ++i) {
      const std::string key = (i % 4 == 0 ? "application:" : "") + pick("ab", 9);
      for (const uint8_t use : {uint8_t{0}, uint8_t{kReadsKey}, uint8_t{kWritesKey}, uint8_t{kReadsKey | kWritesKey}}) {
        const bool expected = std::any_of(rules.all().begin(), rules.all().end(), [&](const KeyRule& rule) {
          return (rule.access & use) == use && rule.pattern.Matches(AclName(key));
        });
        EXPECT_EQ(rules.Permit(key, use), expected) << key;
      }
    }
  }
}

TEST(Password, IsHashedAsRedisDoes) {
  EXPECT_EQ(HashOfPassword("secret"), "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
  EXPECT_EQ(HashOfPassword(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_TRUE(IsPasswordHash(HashOfPassword(std::string("a\0b", 3))));
  EXPECT_FALSE(IsPasswordHash(std::string(64, 'A')));
  EXPECT_TRUE(SecretsEqual("abc", "abc"));
  EXPECT_FALSE(SecretsEqual("abc", "abd"));
  EXPECT_FALSE(SecretsEqual("abc", "ab"));
  for (const size_t bits : {1, 4, 5, 256, 4096}) EXPECT_EQ(RandomPassword(bits).size(), (bits + 3) / 4);
  EXPECT_NE(RandomPassword(256), RandomPassword(256));
}

class UsersTest : public testing::Test {
 protected:
  void Set(const std::string& name, const Words& rules) { ASSERT_EQ(users_.Set(name, rules), std::nullopt); }
  std::string Describe(const std::string& name) {
    return DescribePermissions(users_.categories(), *users_.Find(name)->permissions());
  }
  DenialReason Check(const std::string& name, const std::vector<std::string_view>& argv) {
    const std::shared_ptr<const Permissions> user = users_.Find(name)->permissions();
    const CommandEntry& entry = *commands_.Find(argv);
    const DenialReason reason = CheckAcl(*user, entry, argv).reason;
    if (IsPermittedAtOnce(*user, entry, argv)) {
      EXPECT_EQ(reason, DenialReason::kNone) << argv[0];
    }
    return reason;
  }

  CommandTable commands_{AllCommands()};
  Users users_{commands_};
};

TEST_F(UsersTest, WhatIsDescribedMakesTheSameUser) {
  const std::vector<Words> each = {
      {"on", ">a", ">b", "~k*", "%R~r", "%W~w", "&c*", "+@read", "-get", "+config|get", "+select|0"},
      {"+@all", "-@dangerous", "+keys", "allkeys", "allchannels", "nopass", "skip-sanitize-payload"},
      {"+@all", "-config|set", "(+get ~a)", "(%RW~b &c -@all +@write -set)"},
      {"reset"},
      {"+debug|Object", "+debug|sleep"}};
  for (const Words& rules : each) {
    users_.Remove("a");
    users_.Remove("b");
    Set("a", rules);
    const std::string text = Describe("a");
    const auto read = ReadUsers("user b " + text, "file", users_);
    ASSERT_TRUE(read) << read.error().text;
    users_.Put(read->front());
    EXPECT_EQ(Describe("b"), text);
  }
}

TEST_F(UsersTest, ARuleThatIsWrongChangesNothing) {
  Set("a", {"on", "+get", "~a"});
  const std::string before = Describe("a");
  const uint64_t version = users_.version();
  const Words wrong = {"nopass", "+set", "~*", "~b"};
  EXPECT_TRUE(users_.Set("a", wrong)->starts_with("Error in ACL SETUSER modifier '~b': Adding a pattern"));
  EXPECT_EQ(Describe("a"), before);
  EXPECT_EQ(users_.version(), version);
  EXPECT_TRUE(users_.Set("new", wrong));
  EXPECT_EQ(users_.Find("new"), nullptr);
}

TEST_F(UsersTest, ASelectorPermitsARequestAsAWhole) {
  Set("a", {"+get", "~a*", "(+set ~b*)", "(+mget %R~c*)", "&n", "+publish", "+psubscribe"});
  EXPECT_EQ(Check("a", {"get", "a1"}), DenialReason::kNone);
  EXPECT_EQ(Check("a", {"set", "b1", "v"}), DenialReason::kNone);
  EXPECT_EQ(Check("a", {"set", "a1", "v"}), DenialReason::kKey) << "the selector for SET has other keys";
  EXPECT_EQ(Check("a", {"get", "b1"}), DenialReason::kKey);
  EXPECT_EQ(Check("a", {"mget", "c1", "c2"}), DenialReason::kNone);
  EXPECT_EQ(Check("a", {"mget", "c1", "a1"}), DenialReason::kKey);
  EXPECT_EQ(Check("a", {"del", "a1"}), DenialReason::kCommand);
  EXPECT_EQ(Check("a", {"publish", "n", "m"}), DenialReason::kNone);
  EXPECT_EQ(Check("a", {"publish", "o", "m"}), DenialReason::kChannel);
  EXPECT_EQ(Check("a", {"auth", "x"}), DenialReason::kNone) << "whoever is denied it can't become another";
}

TEST_F(UsersTest, CommandsAreKnownByTheirOwnNames) {
  const CommandRename renames[] = {{"config", "secret", "here"}, {"flushall", "", "here"}};
  const CommandTable renamed(AllCommands(), renames);
  Users users(renamed);
  const Words rules = {"+@all", "-config", "-flushall"};
  ASSERT_FALSE(users.Set("a", rules));
  const std::vector<std::string_view> argv = {"secret", "get", "hz"};
  EXPECT_TRUE(CheckAcl(*users.Find("a")->permissions(), *renamed.Find(argv), argv).is_denied());
  const Words new_name = {"-secret"};
  EXPECT_TRUE(users.Set("a", new_name)) << "as in Redis";
  EXPECT_EQ(DescribeCommands(users.categories(), users.Find("a")->permissions()->root), "+@all -config -flushall");
}

TEST_F(UsersTest, ACheckAllocatesNothing) {
  if (!test::CountsAllocations()) GTEST_SKIP() << "the allocator of this build doesn't count";
  for (int i = 0; i < 100; ++i) {
    Words rules{"on", ">p", "+@read", "+set", "&news.*", "-strlen", "(+mget ~m* %R~application:[ab]*)"};
    for (int j = 0; j < 20; ++j) rules.push_back("~app:" + std::to_string(j) + ":*x");
    Set("user" + std::to_string(i), rules);
  }
  SessionUser user;
  user.Set(users_.Find("user50"));
  user.Current(users_);
  const std::vector<std::vector<std::string_view>> requests = {
      {"GET", "app:7:x"}, {"GET", "other"},        {"SET", "app:19:yx", "v"},     {"MGET", "m1", "application:b"},
      {"DEL", "k"},       {"STRLEN", "app:1:x"},   {"PUBLISH", "news.1", ""},     {"EVAL", "return 1", "1", "app:1:x"},
      {"SELECT", "1"},    {"OBJECT", "FREQ", "k"}, {"XREAD", "STREAMS", "k", "0"}};
  for (const auto& argv : requests) {
    const CommandEntry* const entry = commands_.Find(argv);
    ASSERT_NE(entry, nullptr) << argv[0];
    const uint64_t before = test::AllocatedByThisThread();
    IsPermittedAtOnce(user.Current(users_), *entry, argv);
    CheckAcl(user.Current(users_), *entry, argv);
    MayReadAllKeys(user.Current(users_), *entry, argv);
    MaySubscribe(user.Current(users_), argv.back(), false);
    EXPECT_EQ(test::AllocatedByThisThread(), before) << argv[0];
  }
}

TEST_F(UsersTest, OnlyAnEnabledUserWithAPasswordAuthenticates) {
  Set("a", {">one", ">two"});
  EXPECT_EQ(users_.Authenticate("a", "one"), nullptr) << "off";
  Set("a", {"on"});
  EXPECT_NE(users_.Authenticate("a", "one"), nullptr);
  EXPECT_NE(users_.Authenticate("a", "two"), nullptr);
  EXPECT_EQ(users_.Authenticate("a", ""), nullptr);
  EXPECT_EQ(users_.Authenticate("b", "one"), nullptr);
  Set("a", {"nopass"});
  EXPECT_NE(users_.Authenticate("a", "anything"), nullptr);
  Set("a", {"resetpass"});
  EXPECT_EQ(users_.Authenticate("a", "anything"), nullptr);
}

TEST_F(UsersTest, WhoHasBeenRemovedMayDoNothing) {
  Set("a", {"on", "nopass", "+@all", "~*"});
  SessionUser user;
  user.Set(users_.Authenticate("a", ""));
  EXPECT_TRUE(user.Current(users_).root.has_all_commands);
  ASSERT_TRUE(users_.Remove("a"));
  EXPECT_FALSE(user.Current(users_).root.has_all_commands);
  Set("a", {"on", "nopass", "+@all", "~*"});
  EXPECT_FALSE(user.Current(users_).root.has_all_commands) << "that is another one";
  EXPECT_FALSE(users_.Remove("default"));
}

TEST_F(UsersTest, RestrictionsAreSaidBeforeTheyCanBeSeen) {
  int times = 0;
  users_.set_on_restricted([&] {
    ++times;
    EXPECT_TRUE(users_.may_be_restricted());
    EXPECT_EQ(users_.Find("a"), nullptr);
  });
  users_.SetDefaultPassword("secret");
  EXPECT_FALSE(users_.may_be_restricted()) << "who has the password may do everything";
  Set("a", {"on"});
  EXPECT_EQ(times, 1);
  users_.Remove("a");
  EXPECT_TRUE(users_.may_be_restricted()) << "of connections that are about to be closed";
}

TEST_F(UsersTest, AFileReplacesAllUsersOrNone) {
  Set("a", {"on"});
  const auto read = ReadUsers("\nuser b on +get  ~x\n \t\nuser default on nopass ~* +@read\n", "f", users_);
  ASSERT_TRUE(read);
  users_.Replace(*read);
  EXPECT_EQ(users_.All().size(), 2u);
  EXPECT_EQ(Describe("b"), "on ~x resetchannels -@all +get");
  EXPECT_EQ(Check("default", {"set", "a", "1"}), DenialReason::kCommand);
  users_.Replace({});
  EXPECT_EQ(Describe("default"), "on nopass ~* &* +@all");
  constexpr std::string_view kEnd =
      "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  const std::pair<std::string, std::string> wrong[] = {
      {"foo a", "f:1 should start with user keyword followed by the username. "},
      {"user", "f:1 should start with user keyword followed by the username. "},
      {"user a\nuser a", "WARNING: Duplicate user 'a' found on line 2. "},
      {"user a +x +y ~* ~a %q",
       "f:1: Error in applying operation '+x': Unknown command or category name in ACL. f:1: "
       "Error in applying operation '+y': Unknown command or category name in ACL. f:1: Adding "
       "a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
       "any effect. Try 'resetkeys' to start with an empty list of patterns. "},
      {"user a (+get", "f:1: Unmatched parenthesis in selector definition."},
      {"\nuser b\ton", "'f:2: username 'b\ton' contains invalid characters. "}};
  for (const auto& [text, says] : wrong) {
    const auto refused = ReadUsers(text, "f", users_);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().text, says + std::string(kEnd));
  }
  EXPECT_EQ(ReadUsers(WriteUsers(users_), "f", users_)->size(), users_.All().size());
}

TEST_F(UsersTest, EveryCommandHasAPlaceAndACategory) {
  Set("a", {"+@all"});
  for (size_t i = 0; i < commands_.size(); ++i) {
    EXPECT_EQ(users_.categories().Command(commands_.entry(i).full_name), &commands_.entry(i));
    EXPECT_TRUE(users_.Find("a")->permissions()->root.commands.test(i));
  }
  for (const AclCategory& category : users_.categories().all()) EXPECT_TRUE(category.own.any()) << category.name;
}

class AclTest : public SessionFixture {
 protected:
  std::unique_ptr<Session> Login(const std::string& user) {
    std::unique_ptr<Session> session = MakeSession();
    EXPECT_EQ(RunLineOn(*session, "auth " + user + " x"), "+OK\r\n");
    return session;
  }
};

TEST_F(AclTest, AnAnswerTellsNothingOfTheKey) {
  Run("acl setuser u on >x ~a +@all -config");
  Run("set b text");
  const auto session = Login("u");
  const std::string denied = RunLineOn(*session, "lpush b 1");
  EXPECT_EQ(denied, "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n");
  EXPECT_EQ(RunLineOn(*session, "lpush c 1"), denied) << "not whether there is one, nor its type";
  Run("config set maxmemory 1");
  EXPECT_EQ(RunLineOn(*session, "lpush c 1"), denied) << "nor about the server";
}

TEST_F(AclTest, SortFindsOtherKeysForWhoMayReadAll) {
  Run("acl setuser some on >x ~l* +@all");
  Run("acl setuser all on >x ~l* %R~* +@all");
  Run("acl setuser split on >x ~l* +@all (%R~* +get)");
  Run("rpush l 1 2");
  EXPECT_TRUE(RunLineOn(*Login("all"), "sort l by w_* get d_*").starts_with("*2"));
  for (const std::string user : {"some", "split"}) {
    EXPECT_TRUE(RunLineOn(*Login(user), "sort l by w_*").starts_with("-ERR BY option of SORT denied")) << user;
    EXPECT_TRUE(RunLineOn(*Login(user), "sort l get #").starts_with("-ERR GET option of SORT denied")) << user;
    EXPECT_TRUE(RunLineOn(*Login(user), "sort l by nosort").starts_with("*2")) << user;
  }
}

TEST_F(AclTest, TheLogCountsEqualDenialsAndIsBounded) {
  Run("acl setuser u on >x ~a +get");
  Run("config set acllog-max-len 3");
  const auto session = Login("u");
  for (int i = 0; i < 5; ++i) RunLineOn(*session, "get b");
  EXPECT_EQ(server_.denials().Newest(100).front().count, 5u);
  for (int i = 0; i < 5; ++i) RunLineOn(*session, "get c" + std::to_string(i));
  EXPECT_EQ(server_.denials().Newest(100).size(), 3u);
  EXPECT_EQ(server_.denials().Newest(100).front().object, "c4");
  clock_.Advance(61'000);
  RunLineOn(*session, "get c4");
  EXPECT_EQ(server_.denials().Newest(1).front().count, 1u) << "a minute later it is a new one";
  Run("acl log reset");
  EXPECT_TRUE(server_.denials().Newest(1).empty());
}

}  // namespace
}  // namespace ringkv::server
