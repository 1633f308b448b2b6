// SPDX-License-Identifier: MIT
// In which order data, files and history change with the role.
#include "cluster/replication/shard_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cluster/replication/quorum.h"

namespace ringkv::cluster {
namespace {

using storage::Lsn;
using storage::Result;
using storage::Status;

using Steps = std::vector<std::string>;

// Notes what is done to it.
class NotedHistory final : public KeptHistory {
 public:
  explicit NotedHistory(Steps& steps) : steps_(steps) {}

  bool Load(bool is_primary, Lsn last) override {
    if (is_known_ && is_primary) history_.Fork("restarted", last);
    return is_known_;
  }
  bool Save() override {
    steps_.emplace_back("save");
    return can_save_;
  }
  bool IsNamed() override { return is_named_; }
  Status RemoveFile() override {
    steps_.emplace_back("remove");
    return can_remove_ ? Status() : storage::Fail("the disk is full");
  }
  std::string id() override { return history_.id(); }
  History history() override { return history_; }
  uint64_t epoch() const override { return history_.epoch(); }
  bool Holds(std::string_view id, Lsn last) override { return history_.Holds(id, last, last); }
  void Begin() override {
    steps_.emplace_back("begin");
    history_.Begin("begun");
  }
  void Forget() override { history_.Begin("forgotten"); }
  void Fork() override {
    steps_.emplace_back("fork");
    history_.Fork("forked", 7);
  }
  void Continue(const std::string& id, uint64_t epoch, Lsn last) override {
    steps_.emplace_back("continue");
    if (id != history_.id()) history_.Fork(id, last);
    history_.set_epoch(epoch);
  }
  void BeginReplacement() override {
    steps_.emplace_back("replaces");
    is_replacing_ = true;
    history_.Begin("replaced");
  }
  void EndReplacement(const std::string& id, uint64_t epoch) override {
    steps_.push_back("is " + id);
    is_replacing_ = false;
    history_.Begin(id);
    history_.set_epoch(epoch);
  }
  bool is_replacing() const override { return is_replacing_; }
  void RaiseEpoch(uint64_t epoch) override { history_.set_epoch(std::max(epoch, history_.epoch())); }
  void NoteShared() override { steps_.emplace_back("shared"); }
  void NoteRecording(bool nothing_has_changed) override {
    steps_.emplace_back(nothing_has_changed ? "goes on" : "numbers");
  }
  uint64_t CountMembers(uint64_t now) override { return members_ = std::max(members_, now); }
  void ForgetMembers() override { members_ = 0; }

  bool is_named_ = true;
  bool is_known_ = true;
  bool can_save_ = true;
  bool can_remove_ = true;
  uint64_t members_ = 0;

 private:
  Steps& steps_;
  History history_{"old"};
  bool is_replacing_ = false;
};

class NotedData final : public ShardCopy::Data {
 public:
  explicit NotedData(Steps& steps) : steps_(steps) {}

  Lsn appended() override { return last_; }
  bool KeepBacklog() override { return !std::exchange(keeps_backlog_, true); }
  void BecomeFollower() override { steps_.emplace_back("follower"); }
  bool BecomeOwner() override {
    steps_.emplace_back("owner");
    return has_unrecorded_;
  }
  void ShowPrimary() override { steps_.emplace_back("primary"); }
  ShardCopy::Applied ResumeBehind(Lsn last) override {
    steps_.emplace_back("resume");
    return {.last = last};
  }
  Result<ShardCopy::Applied> TakeFrame(std::string_view) override { return ShardCopy::Applied{.last = ++last_}; }
  Status BeginReplacement() override {
    steps_.emplace_back("close files");
    return can_close_ ? Status() : storage::Fail("the disk is full");
  }
  Status BeginSnapshot(std::string_view header) override {
    if (header.empty()) return storage::Fail("the header is damaged");
    last_ = 0;
    steps_.emplace_back("erase");
    return {};
  }
  Result<ShardCopy::Applied> TakeSection(std::string_view) override { return ShardCopy::Applied{.is_whole = false}; }
  void Clear() override { steps_.emplace_back("clear"); }
  void EndReplacement(Lsn last) override {
    last_ = last;
    steps_.push_back("files from " + std::to_string(last));
  }
  void ShowWhole() override { steps_.emplace_back("whole"); }

  Lsn last_ = 7;
  bool has_unrecorded_ = false;
  bool can_close_ = true;

 private:
  Steps& steps_;
  bool keeps_backlog_ = false;
};

class ShardCopyTest : public testing::Test {
 protected:
  Steps TakeSteps() { return std::exchange(steps_, {}); }

  Steps steps_;
  NotedHistory history_{steps_};
  NotedData data_{steps_};
  ShardCopy copy_{history_, data_};
};

TEST_F(ShardCopyTest, ANewHistoryIsInItsFileBeforeTheFirstChangeOfIt) {
  copy_.BecomePrimary(9);
  EXPECT_EQ(TakeSteps(), (Steps{"fork", "save", "owner", "primary", "save"}));
  EXPECT_EQ(history_.epoch(), 9u);
  EXPECT_TRUE(copy_.Resume("new", 10, 7));
  EXPECT_EQ(TakeSteps(), (Steps{"resume", "continue", "save"}));
  history_.can_save_ = false;
  EXPECT_TRUE(copy_.Resume("newer", 11, 7));
  EXPECT_EQ(TakeSteps(), (Steps{"resume", "continue", "save", "remove"}));
  history_.can_remove_ = false;
  EXPECT_FALSE(copy_.Resume("newest", 12, 7)) << "the file still names an earlier one";
}

// After a restart they would be taken for changes of the history that the file names.
TEST_F(ShardCopyTest, ChangesOfANewHistoryStayOutOfFilesThatNameTheOldOne) {
  history_.can_save_ = false;
  copy_.BecomePrimary();
  EXPECT_EQ(TakeSteps(), (Steps{"fork", "save", "remove", "owner", "primary", "save"}));
  history_.can_remove_ = false;
  copy_.BecomePrimary();
  EXPECT_EQ(TakeSteps(),
            (Steps{"fork", "save", "remove", "close files", "files from 7", "whole", "owner", "primary", "save"}));
}

TEST_F(ShardCopyTest, ChangesWithoutANumberBeginAHistoryBeforeOthersLearnOfThePrimary) {
  data_.has_unrecorded_ = true;
  copy_.BecomePrimary();
  EXPECT_EQ(TakeSteps(), (Steps{"fork", "save", "owner", "begin", "primary", "save"}));
  EXPECT_TRUE(history_.history().earlier().empty());
}

TEST_F(ShardCopyTest, TheFileNamesNoHistoryWhileTheDataIsReplaced) {
  ASSERT_TRUE(copy_.BeginSnapshot("header"));
  EXPECT_FALSE(copy_.is_whole());
  EXPECT_EQ(TakeSteps(), (Steps{"replaces", "close files", "erase"}));
  copy_.EndSnapshot("theirs", 3, 40);
  EXPECT_TRUE(copy_.is_whole());
  EXPECT_EQ(TakeSteps(), (Steps{"remove", "files from 40", "is theirs", "whole"}));
}

TEST_F(ShardCopyTest, APartOfASnapshotIsNoDataOfAPrimary) {
  ASSERT_TRUE(copy_.BeginSnapshot("header"));
  ASSERT_TRUE(copy_.TakeSection("some"));
  TakeSteps();
  EXPECT_FALSE(copy_.BecomePrimary());
  EXPECT_EQ(TakeSteps(), (Steps{"clear", "remove", "files from 0", "is replaced", "whole", "fork", "save", "owner",
                                "primary", "save"}));
  EXPECT_EQ(history_.id(), "forked");
}

// The link has ended before anything was replaced: the data is still that of before.
TEST_F(ShardCopyTest, ASnapshotThatCouldNotBeginTakesNothingFromAPrimary) {
  for (const bool can_close : {true, false}) {
    data_.can_close_ = can_close;
    ASSERT_FALSE(copy_.BeginSnapshot(""));
    TakeSteps();
    EXPECT_TRUE(copy_.BecomePrimary());
    EXPECT_EQ(TakeSteps(),
              (Steps{"remove", "files from 7", "is replaced", "whole", "fork", "save", "owner", "primary", "save"}));
    EXPECT_FALSE(history_.is_replacing());
  }
}

TEST_F(ShardCopyTest, NumbersChangesFromTheStartIfOthersMayHaveSome) {
  copy_.Start(true, 7, false);
  EXPECT_EQ(TakeSteps(), (Steps{"shared", "goes on"}));
  EXPECT_EQ(history_.id(), "restarted");
  copy_.BecomeFollower();
  EXPECT_EQ(TakeSteps(), (Steps{"follower", "numbers"}));
  history_.is_known_ = false;
  copy_.Start(false, 7, true);
  EXPECT_EQ(TakeSteps(), Steps{});
}

TEST_F(ShardCopyTest, TakesOverFromItsPrimaryWithAllOfItsGroups) {
  const auto check = [&](TakeoverRequest request, bool is_replica) {
    const Status possible = copy_.CheckTakeover(request, is_replica);
    return possible ? std::string("OK") : possible.error().text.substr(0, 20);
  };
  EXPECT_EQ(check({"old", 8, false}, true), "OK");
  EXPECT_EQ(check({"old", 9, false}, true), "ERR this replica has");
  EXPECT_EQ(check({"old", 9, true}, true), "OK");
  EXPECT_EQ(check({"another", 8, false}, true), "ERR PSYNC FAILOVER r");
  EXPECT_EQ(check({"old", 8, false}, false), "ERR PSYNC FAILOVER c");
  copy_.BecomePrimary();
  EXPECT_EQ(check({"old", 8, false}, false), "OK") << "it has heard no answer";
}

class QuorumTest : public testing::Test {
 protected:
  bool Update(const Quorum::Shard& shard, std::vector<MemberAck> acks, Lsn own = 100) {
    return quorum_.Update(shard, acks, own);
  }

  Steps steps_;
  NotedHistory history_{steps_};
  Quorum quorum_{history_};
};

TEST_F(QuorumTest, MembersOfTheTopologyCountOnce) {
  const Quorum::Shard shard{.members = std::vector<std::string>{"self", "a", "b"}};
  EXPECT_FALSE(Update(shard, {})) << "nobody else: nothing is safe";
  EXPECT_FALSE(Update(shard, {{"stranger", 90}}));
  EXPECT_TRUE(Update(shard, {{"stranger", 90}, {"a", 5}, {"a", 8}}));
  EXPECT_EQ(quorum_.last(), 8u);
  EXPECT_TRUE(Update(shard, {{"a", 8}, {"b", 120}}));
  EXPECT_EQ(quorum_.last(), 100u) << "what it has itself";
}

TEST_F(QuorumTest, WhoHasComeOnceIsAMemberUntilNobodyWaits) {
  EXPECT_TRUE(Update({}, {}));
  EXPECT_EQ(quorum_.last(), UINT64_MAX) << "a single node";
  EXPECT_TRUE(Update({}, {{"a", 3}, {"b", 4}}));
  EXPECT_EQ(quorum_.last(), 4u);
  EXPECT_TRUE(Update({}, {}));
  EXPECT_EQ(quorum_.last(), 0u);
  quorum_.SwitchOff();
  EXPECT_TRUE(Update({}, {}));
  EXPECT_EQ(quorum_.last(), UINT64_MAX);
  EXPECT_TRUE(Update({.nodes = 5}, {{"a", 3}, {"b", 4}}));
  EXPECT_EQ(quorum_.last(), 3u);
}

TEST_F(QuorumTest, WithACoordinatorAllThatAreRequiredHaveIt) {
  Quorum::Shard shard{.required = std::vector<std::string>{"a", "b"}};
  EXPECT_FALSE(Update(shard, {{"a", 90}, {"stranger", 90}})) << "one is missing";
  EXPECT_EQ(quorum_.last(), 0u);
  EXPECT_TRUE(Update(shard, {{"a", 90}, {"b", 5}, {"b", 8}}));
  EXPECT_EQ(quorum_.last(), 8u);
  EXPECT_TRUE(Update(shard, {{"a", 190}, {"b", 180}}));
  EXPECT_EQ(quorum_.last(), 100u) << "what it has itself";
  shard.required->clear();
  EXPECT_TRUE(Update(shard, {}));
  EXPECT_EQ(quorum_.last(), UINT64_MAX) << "it is the whole set";
  history_.is_named_ = false;
  EXPECT_TRUE(Update(shard, {}));
  EXPECT_EQ(quorum_.last(), 0u) << "a restart would take it back";
}

}  // namespace
}  // namespace ringkv::cluster
