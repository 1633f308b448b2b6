// SPDX-License-Identifier: MIT
#include "server/command/command_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/command/key_positions.h"
#include "server/command/syntax_tree.h"
#include "server/commands/families.h"

namespace ringkv::server {
namespace {

const CommandTable& Table() {
  static const CommandTable table(AllCommands());
  return table;
}

TEST(CommandTable, FindsNamesInAnyCase) {
  ASSERT_NE(Table().FindName("GeT"), nullptr);
  EXPECT_EQ(Table().FindName("GeT")->row->name, "get");
  EXPECT_EQ(Table().FindName("gets"), nullptr);
  EXPECT_EQ(Table().FindName(""), nullptr);
}

TEST(CommandTable, FindsSubcommandsByTheirContainer) {
  const std::vector<std::string_view> known = {"CLIENT", "LIST"};
  const std::vector<std::string_view> unknown = {"CLIENT", "NOSUCH"};
  const std::vector<std::string_view> alone = {"CLIENT"};
  EXPECT_EQ(Table().Find(known)->full_name, "client|list");
  EXPECT_EQ(Table().Find(unknown), nullptr);
  EXPECT_EQ(Table().Find(alone)->full_name, "client");
}

TEST(CommandTable, EveryNameIsFoundAndEveryRowHasItsOwnNumber) {
  for (size_t i = 0; i < Table().size(); ++i) {
    const CommandEntry& entry = Table().entry(i);
    EXPECT_EQ(entry.index, i);
    EXPECT_EQ(Table().FindFullName(entry.full_name), &entry) << entry.full_name;
  }
}

std::vector<std::string> KeysOf(std::vector<std::string_view> argv) {
  std::vector<std::string> keys;
  ForEachKey(*Table().Find(argv)->row, argv, [&](std::string_view key) { keys.emplace_back(key); });
  return keys;
}

TEST(KeyPositions, FollowTheRow) {
  EXPECT_EQ(KeysOf({"mset", "a", "1", "b", "2"}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(KeysOf({"bitop", "and", "d", "s", "t"}), (std::vector<std::string>{"d", "s", "t"}));
  EXPECT_EQ(KeysOf({"object", "freq", "k"}), (std::vector<std::string>{"k"}));
  EXPECT_EQ(KeysOf({"copy", "a", "b", "DB", "1"}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(KeysOf({"ping"}), (std::vector<std::string>{}));
}

TEST(KeyPositions, ARowThatMayLockMoreThanItsKeyIsNoRowOfOneKey) {
  Command row{.name = "x",
              .arity = 2,
              .keys = OneKey(kKeyRO),
              .group = Group::kGeneric,
              .since = "1.0.0",
              .summary = "A row of one key"};
  EXPECT_TRUE(row.HasOneKey());
  for (KeySpec Command::*const further : {&Command::more_keys, &Command::last_keys}) {
    Command changed = row;
    changed.*further = OneKey(kKeyRO, 2);
    EXPECT_FALSE(changed.HasOneKey());
  }
  row.needs_everything = [](std::span<const std::string_view>) { return false; };
  EXPECT_FALSE(row.HasOneKey());
}

std::vector<std::string> NamesWith(CommandTrait trait) {
  std::vector<std::string> names;
  for (size_t i = 0; i < Table().size(); ++i) {
    if (Table().entry(i).row->Has(trait)) names.push_back(Table().entry(i).full_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CommandTraits, AreThoseOfTheCommandsThatRedisTreatsSo) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(NamesWith(kForSubscribers), (Names{"ping", "psubscribe", "punsubscribe", "quit", "reset", "ssubscribe",
                                               "subscribe", "sunsubscribe", "unsubscribe"}));
  EXPECT_EQ(NamesWith(kRunsInMulti), (Names{"discard", "exec", "multi", "quit", "reset", "watch"}));
  EXPECT_EQ(NamesWith(kEndsMulti), (Names{"discard", "exec", "quit", "reset"}));
  EXPECT_EQ(NamesWith(kRunsQueued), (Names{"exec"}));
  EXPECT_EQ(NamesWith(kAlwaysTouches), (Names{"touch"}));
  EXPECT_EQ(NamesWith(kWatchesKeys), (Names{"watch"}));
  EXPECT_EQ(NamesWith(kRunsWhileReplacing), (Names{"function|kill", "replicaof", "script|kill", "slaveof"}));
}

TEST(CommandNeeds, FollowFromTheFlagsAndTheRow) {
  const auto needs = [](std::string_view name) { return Table().FindName(name)->needs; };
  EXPECT_EQ(needs("get") & (kNeedsWritable | kNeedsDebugAllowed | kNeedsHealthyDisk), 0u);
  EXPECT_NE(needs("set") & kNeedsWritable, 0u);
  EXPECT_NE(needs("exec") & kNeedsWritable, 0u);
  EXPECT_NE(needs("exec") & kNeedsLoaded, 0u);
  EXPECT_NE(needs("ping") & kNeedsHealthyDisk, 0u);
  EXPECT_NE(needs("debug") & kNeedsDebugAllowed, 0u);
  EXPECT_EQ(needs("auth") & kNeedsAuthentication, 0u);
  EXPECT_EQ(needs("subscribe") & kNeedsNoSubscription, 0u);
}

TEST(SyntaxTree, UnderstandsEveryRow) {
  for (size_t i = 0; i < Table().size(); ++i) {
    const Command& row = *Table().entry(i).row;
    for (const SyntaxNode& node : ParseSyntax(row.syntax)) EXPECT_FALSE(node.name.empty()) << row.name;
  }
}

TEST(SyntaxTree, KnowsTokensChoicesAndRepetition) {
  const std::vector<SyntaxNode> set = ParseSyntax("key value [NX | XX] [EX seconds | KEEPTTL]");
  ASSERT_EQ(set.size(), 4u);
  EXPECT_EQ(set[0].kind, SyntaxNode::Kind::kKey);
  EXPECT_EQ(set[2].kind, SyntaxNode::Kind::kOneOf);
  EXPECT_TRUE(set[2].is_optional);
  EXPECT_EQ(set[3].children[0].token, "EX");
  EXPECT_EQ(set[3].children[0].kind, SyntaxNode::Kind::kInteger);
  const std::vector<SyntaxNode> mset = ParseSyntax("key value [key value ...]");
  ASSERT_EQ(mset.size(), 1u);
  EXPECT_TRUE(mset[0].is_repeated);
  EXPECT_EQ(mset[0].children.size(), 2u);
  const std::vector<SyntaxNode> geoadd = ParseSyntax("key [CH] member [member ...]");
  ASSERT_EQ(geoadd.size(), 3u);
  EXPECT_EQ(geoadd[1].token, "CH");
  EXPECT_EQ(geoadd[2].token, "");
  EXPECT_TRUE(geoadd[2].is_repeated);
  const std::vector<SyntaxNode> sort = ParseSyntax("[GET pattern [GET pattern ...]] [BY pattern [pattern ...]]");
  ASSERT_EQ(sort.size(), 2u);
  EXPECT_TRUE(sort[0].repeats_token);
  EXPECT_FALSE(sort[1].repeats_token);
}

}  // namespace
}  // namespace ringkv::server
