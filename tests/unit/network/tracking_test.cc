// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/net/unread_invalidations.h"
#include "server/tracking/thread_trackers.h"

namespace ringkv::server {
namespace {

using Told = std::vector<std::tuple<std::set<uint64_t>, std::set<std::string>, storage::Lsn>>;

Told Take(ThreadTrackers& trackers) {
  Told told;
  trackers.TakeChanged(
      [&](const std::set<uint64_t>& clients, const ThreadTrackers::Changed& changed, storage::Lsn lsn) {
        std::set<std::string> keys;
        for (const auto& [key, author] : changed) keys.insert(key);
        told.emplace_back(clients, keys, lsn);
      });
  return told;
}

TEST(ThreadTrackers, EachPrefixHasItsKeys) {
  ThreadTrackers trackers;
  trackers.AddPrefix("u:", 1);
  trackers.AddPrefix("u", 2);
  trackers.AddPrefix("", 3);
  trackers.NoteChanged("u:1", 0, 5);
  trackers.NoteChanged("x", 0, 4);
  trackers.NoteChanged("u:1", 0, 6);
  EXPECT_EQ(Take(trackers), (Told{{{3}, {"u:1", "x"}, 6}, {{2}, {"u:1"}, 6}, {{1}, {"u:1"}, 6}}));
  EXPECT_FALSE(trackers.has_changed());
  trackers.RemovePrefix("u", 2);
  trackers.NoteChanged("u", 0, 7);
  EXPECT_EQ(Take(trackers), (Told{{{3}, {"u"}, 7}}));
}

TEST(ThreadTrackers, APrefixThatGoesTakesItsKeysAlong) {
  ThreadTrackers trackers;
  trackers.AddPrefix("a", 1);
  trackers.NoteChanged("a1", 0, 0);
  trackers.RemovePrefix("a", 1);
  EXPECT_FALSE(trackers.has_changed());
}

TEST(ThreadTrackers, AKeyOfSeveralAuthorsHasNone) {
  ThreadTrackers trackers;
  trackers.AddPrefix("", 1);
  trackers.NoteChanged("own", 1, 0);
  trackers.NoteChanged("both", 1, 0);
  trackers.NoteChanged("both", 2, 0);
  trackers.TakeChanged([](const std::set<uint64_t>&, const ThreadTrackers::Changed& changed, storage::Lsn) {
    EXPECT_EQ(changed.at("own"), 1u);
    EXPECT_EQ(changed.at("both"), 0u);
  });
}

TEST(UnreadInvalidations, BeyondTheBoundEverythingIsOwed) {
  UnreadInvalidations unread;
  EXPECT_TRUE(unread.Take(60, 1, 100));
  EXPECT_FALSE(unread.Take(60, 3, 100));
  EXPECT_FALSE(unread.Take(1, 2, 100)) << "one that is owed stands for those that follow";
  EXPECT_EQ(unread.TakeOwed(), std::pair(true, storage::Lsn{3}));
  EXPECT_FALSE(unread.has_any());
  EXPECT_TRUE(unread.Take(60, 4, 100));
  EXPECT_EQ(unread.TakeOwed(), std::pair(false, storage::Lsn{0}));
}

TEST(UnreadInvalidations, WhatIsHeldCountsUntilItIsSent) {
  UnreadInvalidations unread;
  ASSERT_TRUE(unread.Take(4, 1, 5));
  unread.Hold("ab", "cd", 1);
  unread.TakeOwed();
  EXPECT_FALSE(unread.Take(4, 2, 5));
  EXPECT_EQ(unread.TakeHeld(), std::pair(std::string("abcd"), storage::Lsn{1}));
  EXPECT_FALSE(unread.has_held());
}

}  // namespace
}  // namespace ringkv::server
