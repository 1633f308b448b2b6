// SPDX-License-Identifier: MIT
// The watch of other nodes: what it asks when, and whom it takes for failed.
#include "cluster/watch/node_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/random.h"

namespace ringkv::cluster {
namespace {

using Address = NodeWatch::Address;

constexpr int64_t kNodeTimeoutMs = 4000;
const std::string kNewsLine = "+ANNOUNCED 10.0.0.1 7000 one.example\r\n";

// Connects to nodes that a test answers for.
class WatchingOwner final : public NodeWatch::Owner {
 public:
  int64_t timeout_ms() const override { return kNodeTimeoutMs; }
  std::vector<std::string> authentication() const override {
    return password_.empty() ? std::vector<std::string>() : std::vector<std::string>{"AUTH", password_};
  }
  void Connect(const Address& to, Link& link) override {
    ++connections_;
    if (!is_reachable_) return unconnected_.push_back(&link);
    EXPECT_TRUE(link.Open(now_));
    links_[to.name] = &link;
  }
  void Close(Link& link) override {
    std::erase_if(links_, [&](const auto& each) { return each.second == &link; });
  }
  void NoteFailure(const std::string& name, bool has_failed, const std::string& why) override {
    notes_.push_back(name + (has_failed ? " has failed" : " answers") + (why.empty() ? "" : ": " + why));
  }
  void NoteRefusal(const std::string& name, const std::string& why) override {
    notes_.push_back(name + " refuses: " + why);
  }
  void NoteError(const std::string& name, const std::string& error) override {
    notes_.push_back(name + " says: " + error);
  }

  int64_t now_ = 1000;
  std::string password_;
  bool is_reachable_ = true;
  int connections_ = 0;
  std::map<std::string, Link*> links_;
  std::vector<Link*> unconnected_;
  std::vector<std::string> notes_;
};

class NodeWatchTest : public testing::Test {
 protected:
  // What the node is asked.
  std::string Asked(const std::string& name) {
    const auto found = owner_.links_.find(name);
    std::string bytes;
    while (found != owner_.links_.end() && !found->second->ToSend().empty()) {
      bytes += found->second->ToSend();
      found->second->Sent(found->second->ToSend().size(), owner_.now_);
    }
    return bytes;
  }
  void Say(const std::string& name, const std::string& bytes) {
    Link& link = *owner_.links_.at(name);
    const std::span<char> room = link.Room();
    std::copy(bytes.begin(), bytes.end(), room.begin());
    const storage::Status taken = link.Received(bytes.size(), owner_.now_);
    if (taken) return;
    owner_.links_.erase(name);
    watch_.NoteEnd(link, taken.error());
  }
  // The pump's part: links work, and those that end are told of.
  void Work() {
    watch_.Work(owner_.now_);
    for (Link* each : std::exchange(owner_.unconnected_, {})) watch_.NoteEnd(*each, {"nobody is there"});
    for (const auto& [name, link] : std::map(owner_.links_)) {
      const auto next = link->Work(owner_.now_);
      if (next) continue;
      owner_.links_.erase(name);
      watch_.NoteEnd(*link, next.error());
    }
  }
  void WorkUntil(int64_t time) {
    while (std::min(watch_.wake_at(), time) > owner_.now_ || owner_.now_ < time) {
      owner_.now_ = std::max(owner_.now_ + 1, std::min(watch_.wake_at(), time));
      Work();
    }
  }

  WatchingOwner owner_;
  NodeWatch watch_{owner_};
};

TEST_F(NodeWatchTest, AsksAllNodesOnceARoundOverOneConnectionEach) {
  watch_.Watch({{"a", "h", 1}, {"b", "h", 2}}, owner_.now_);
  for (int round = 0; round < 3; ++round) {
    Work();
    for (const std::string name : {"a", "b"}) {
      EXPECT_EQ(Asked(name), "*2\r\n$7\r\nCLUSTER\r\n$9\r\nANNOUNCED\r\n") << round;
      Say(name, kNewsLine);
    }
    owner_.now_ = watch_.wake_at();
  }
  EXPECT_EQ(owner_.connections_, 2);
  EXPECT_EQ(watch_.news().at("a"), (NodeNews{.ip = "10.0.0.1", .hostname = "one.example", .port = 7000}));
  EXPECT_TRUE(owner_.notes_.empty());
}

TEST_F(NodeWatchTest, ANodeThatDoesNotAnswerHasFailedUntilItDoes) {
  watch_.Watch({{"a", "h", 1}, {"b", "h", 2}}, owner_.now_);
  Work();
  const int64_t begin = owner_.now_;
  while (owner_.now_ < begin + 2 * kNodeTimeoutMs) {
    if (!Asked("a").empty()) Say("a", kNewsLine);
    WorkUntil(owner_.now_ + 100);
  }
  EXPECT_EQ(owner_.notes_, std::vector<std::string>{"b has failed: no answer within 2000 ms"});
  EXPECT_TRUE(watch_.news().at("b").has_failed);
  EXPECT_FALSE(watch_.news().at("a").has_failed);
  WorkUntil(owner_.now_ + 1100);
  EXPECT_FALSE(Asked("b").empty()) << "over another connection";
  Say("b", kNewsLine);
  Work();
  EXPECT_EQ(owner_.notes_.back(), "b answers");
}

TEST_F(NodeWatchTest, SaysWhyANodeCannotBeReached) {
  owner_.is_reachable_ = false;
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  WorkUntil(owner_.now_ + 2 * kNodeTimeoutMs);
  EXPECT_EQ(owner_.notes_, std::vector<std::string>{"a has failed: nobody is there"});
  EXPECT_LE(owner_.connections_, 2 * 4 + 1) << "one attempt a round";
}

TEST_F(NodeWatchTest, ARefusalIsAnAnswerAndIsSaidOnce) {
  owner_.password_ = "wrong";
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  for (int64_t end = owner_.now_ + 3 * kNodeTimeoutMs; owner_.now_ < end; WorkUntil(owner_.now_ + 100)) {
    if (!Asked("a").empty()) Say("a", "-WRONGPASS invalid username-password pair\r\n");
  }
  if (!Asked("a").empty()) Say("a", "-WRONGPASS invalid username-password pair\r\n");
  EXPECT_EQ(owner_.notes_,
            std::vector<std::string>{"a refuses: AUTH was answered: WRONGPASS invalid username-password pair"});
  owner_.password_ = "right";
  WorkUntil(owner_.now_ + 1100);
  EXPECT_EQ(Asked("a"), "*2\r\n$4\r\nAUTH\r\n$5\r\nright\r\n");
  Say("a", "+OK\r\n");
  EXPECT_EQ(Asked("a"), "*2\r\n$7\r\nCLUSTER\r\n$9\r\nANNOUNCED\r\n");
  Say("a", "-NOPERM this user has no permissions to run the 'cluster' command\r\n");
  EXPECT_EQ(owner_.notes_.back(), "a refuses: NOPERM this user has no permissions to run the 'cluster' command");
}

TEST_F(NodeWatchTest, AnErrorThatIsNotAboutWhoAsksIsNoRefusal) {
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  for (const std::string error : {"NOAUTH Authentication required.", "BUSY Redis is busy running a script.",
                                  "BUSY Redis is busy running a script.", "ERR unknown command"}) {
    ASSERT_FALSE(Asked("a").empty());
    Say("a", "-" + error + "\r\n");
    WorkUntil(owner_.now_ + 1100);
  }
  EXPECT_EQ(owner_.notes_,
            (std::vector<std::string>{"a refuses: NOAUTH Authentication required.",
                                      "a says: BUSY Redis is busy running a script.", "a says: ERR unknown command"}));
}

// Something else listens there.
TEST_F(NodeWatchTest, WhatIsNeitherNewsNorAnErrorIsNoAnswer) {
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  for (int64_t end = owner_.now_ + 2 * kNodeTimeoutMs; owner_.now_ < end; WorkUntil(owner_.now_ + 100)) {
    if (!Asked("a").empty()) Say("a", "HTTP/1.1 400 Bad Request\r\n");
  }
  EXPECT_EQ(owner_.notes_, std::vector<std::string>{"a has failed: it answers 'HTTP/1.1 400 Bad Request'"});
}

TEST_F(NodeWatchTest, AnAnswerThatComesByteByByteGetsNoMoreTime) {
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  for (int64_t end = owner_.now_ + 2 * kNodeTimeoutMs; owner_.now_ < end; WorkUntil(owner_.now_ + 100)) {
    Asked("a");
    if (owner_.links_.contains("a")) Say("a", "x");
  }
  EXPECT_EQ(owner_.notes_, std::vector<std::string>{"a has failed: no answer within 2000 ms"});
}

// This process was stopped: nobody has failed because of that.
TEST_F(NodeWatchTest, ItsOwnStallIsNobodysFailure) {
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  Asked("a");
  Say("a", kNewsLine);
  owner_.now_ += 10 * kNodeTimeoutMs;
  Work();
  ASSERT_FALSE(Asked("a").empty());
  owner_.now_ += 20;
  Say("a", kNewsLine);
  WorkUntil(owner_.now_ + 100);
  EXPECT_TRUE(owner_.notes_.empty());
}

TEST_F(NodeWatchTest, NodesComeAndGoWithTheTopology) {
  watch_.Watch({{"a", "h", 1}, {"b", "h", 2}}, owner_.now_);
  Work();
  watch_.Watch({{"b", "h", 3}, {"c", "h", 4}}, owner_.now_);
  EXPECT_TRUE(owner_.links_.empty()) << "b lives somewhere else now";
  Work();
  EXPECT_EQ(owner_.links_.size(), 2u);
  EXPECT_FALSE(watch_.news().contains("a"));
}

TEST_F(NodeWatchTest, WhatNobodyAskedForEndsTheConnection) {
  watch_.Watch({{"a", "h", 1}}, owner_.now_);
  Work();
  Say("a", kNewsLine + "+ANNOUNCED 6.6.6.6 1 -\r\n");
  EXPECT_TRUE(owner_.links_.empty());
  EXPECT_EQ(watch_.news().at("a").ip, "10.0.0.1");
  for (const std::string line : {"+ANNOUNCED x 65536 -\r\n", "+ANNOUNCED x\r\n", "+OK\r\n", ":7\r\n"}) {
    WorkUntil(owner_.now_ + 1100);
    Say("a", line);
    EXPECT_EQ(watch_.news().at("a").ip, "10.0.0.1") << line;
  }
}

// Nodes answer, hang, refuse and vanish at random: one that answers within the time is never failed, and one that does
// not is, soon after.
TEST_F(NodeWatchTest, JudgesEachNodeByItselfInAnyOrder) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    storage::Random random(seed);
    WatchingOwner owner;
    NodeWatch watch(owner);
    std::vector<Address> nodes;
    std::map<std::string, int64_t> heard;
    for (int i = 0; i < 5; ++i) nodes.push_back({std::string(1, static_cast<char>('a' + i)), "h", i});
    for (const Address& each : nodes) heard[each.name] = owner.now_;
    watch.Watch(nodes, owner.now_);
    for (int step = 0; step < 400; ++step) {
      watch.Work(owner.now_);
      for (Link* each : std::exchange(owner.unconnected_, {})) watch.NoteEnd(*each, {"nobody is there"});
      for (const auto& [name, link] : std::map(owner.links_)) {
        const bool is_silent = name == "a" && step > 100;
        const bool answers = !is_silent && random.Below(3) != 0 && !link->ToSend().empty();
        storage::Status alive;
        if (answers) {
          link->Sent(link->ToSend().size(), owner.now_);
          const std::string line = random.Below(5) == 0 ? "-NOAUTH\r\n" : kNewsLine;
          const std::span<char> room = link->Room();
          std::copy(line.begin(), line.end(), room.begin());
          alive = link->Received(line.size(), owner.now_);
          heard[name] = owner.now_;
        }
        if (alive) {
          if (const auto next = link->Work(owner.now_); !next) alive = tl::unexpected(next.error());
        }
        if (alive && random.Below(20) == 0) alive = storage::Fail("reset");
        if (alive) continue;
        owner.links_.erase(name);
        watch.NoteEnd(*link, alive.error());
      }
      owner.is_reachable_ = random.Below(10) != 0;
      owner.now_ += 1 + static_cast<int64_t>(random.Below(300));
      watch.Work(owner.now_);
      for (const auto& [name, news] : watch.news()) {
        const int64_t silent_ms = owner.now_ - heard[name];
        if (silent_ms < kNodeTimeoutMs) {
          EXPECT_FALSE(news.has_failed) << name << ", seed " << seed << ", step " << step;
        }
        if (silent_ms > kNodeTimeoutMs + 2000) {
          EXPECT_TRUE(news.has_failed) << name << ", seed " << seed << ", step " << step;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ringkv::cluster
