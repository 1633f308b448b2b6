// SPDX-License-Identifier: MIT
#include "cluster/replication/history.h"

#include <gtest/gtest.h>

#include "tests/support/document.h"

namespace ringkv::cluster {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

TEST(History, ContainsItsOwnChangesUpToNow) {
  History history(kA);
  EXPECT_TRUE(history.Holds(kA, 0, 100));
  EXPECT_TRUE(history.Holds(kA, 100, 100));
  EXPECT_FALSE(history.Holds(kA, 101, 100));
  EXPECT_FALSE(history.Holds(kB, 50, 100));
}

TEST(History, ContainsAnEarlierHistoryUpToTheFork) {
  History history(kA);
  history.Fork(kB, 100);
  history.Fork(kC, 150);
  EXPECT_TRUE(history.Holds(kA, 100, 200));
  EXPECT_FALSE(history.Holds(kA, 101, 200));
  EXPECT_TRUE(history.Holds(kB, 150, 200));
  EXPECT_FALSE(history.Holds(kB, 151, 200));
}

// A primary that has promoted itself at 100 and lost what was behind 80 in a crash.
TEST(History, AForkAtALowerLsnShortensEarlierHistories) {
  History history(kA);
  history.Fork(kB, 100);
  history.Fork(kC, 80);
  EXPECT_TRUE(history.Holds(kA, 80, 200));
  EXPECT_FALSE(history.Holds(kA, 81, 200));
}

TEST(History, IsEqualToEarlierOnesUntilSomethingIsAdded) {
  History history(kA);
  EXPECT_TRUE(history.EqualAt(100).empty());
  history.Fork(kB, 100);
  EXPECT_EQ(history.EqualAt(100), std::vector<std::string>{kA});
  EXPECT_TRUE(history.EqualAt(101).empty());
  history.Fork(kC, 100);
  EXPECT_EQ(history.EqualAt(100), (std::vector<std::string>{kB, kA}));
}

TEST(History, IsEqualToAnEarlierOneWhoseEndWasLost) {
  History history(kA);
  history.Fork(kB, 80);
  EXPECT_EQ(history.EqualAt(80), std::vector<std::string>{kA});
  history.Fork(kC, 90);
  EXPECT_EQ(history.EqualAt(90), std::vector<std::string>{kB}) << "A had other changes from 81 on";
}

TEST(History, IsReadAsItWasPrinted) {
  History history(kA);
  history.Fork(kB, 7);
  history.set_epoch(3);
  history.set_members(5);
  const storage::Result<History> read = History::Parse(history.Print());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->Print(), history.Print());
  EXPECT_EQ(read->epoch(), 3u);
  EXPECT_EQ(read->members(), 5u);
}

TEST(History, IsRefusedWithAnyByteChanged) {
  History history(kA);
  history.Fork(kB, 7);
  const std::string text = history.Print();
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(History::Parse(damaged)) << at;
    EXPECT_FALSE(History::Parse(text.substr(0, at))) << at;
  }
}

TEST(History, RemembersABoundedNumberOfEarlierOnes) {
  History history(kA);
  for (int i = 0; i < 1000; ++i) history.Fork(std::string(39, 'a') + static_cast<char>('a' + i % 5), 1);
  EXPECT_LE(history.earlier().size(), 32u);
}

TEST(History, TheExampleOfTheDocumentIsOne) {
  const std::string text = test::ReadText(RINGKV_SOURCE "/docs/formats/history.md");
  const size_t start = text.find("```\n") + 4;
  const storage::Result<History> read = History::Parse(text.substr(start, text.find("```", start) - start));
  History expected(kA);
  expected.Fork(kB, 812);
  expected.set_epoch(2);
  expected.set_members(3);
  ASSERT_TRUE(read) << expected.Print();
  EXPECT_EQ(read->Print(), expected.Print());
}

}  // namespace
}  // namespace ringkv::cluster
