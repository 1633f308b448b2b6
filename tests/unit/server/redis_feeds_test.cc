// SPDX-License-Identifier: MIT
// All Redis replicas of a server, and the stream that they read.
#include "tests/support/redis_feed_fixture.h"

namespace ringkv::server {
namespace {

class RedisFeedsTest : public RedisFeedTest, protected FeedOwner {
 protected:
  // Before the destructor: the threads of the feeds call the owner, which is this object.
  void TearDown() override { feeds_.CloseAll(); }

  void Admit() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    far_ends_.push_back(std::make_unique<PeerSocket>(transport::Channel(ends[1])));
    auto card = std::make_shared<ClientCard>();
    clients_.Add(card);
    feeds_.Admit(transport::Channel(ends[0]), "", card, {.acknowledges = true, .takes_end_mark = true});
  }

  // Of the owner. What happens in between happens while a thread asks for the history.
  std::string history_id() override {
    if (in_between_) std::exchange(in_between_, nullptr)();
    return owners_history_;
  }
  std::unique_ptr<storage::LogTail> TailFrom(Lsn next) override { return TailBehind(next - 1); }
  void NoteSync(bool, bool) override {}
  void NoteAck() override {}
  void NoteFeedChange() override {}
  void NoteBytesOut(size_t) override {}

  std::function<void()> in_between_;
  std::string owners_history_ = kHistory;
  std::vector<std::unique_ptr<PeerSocket>> far_ends_;
  ClientDirectory clients_;
  Log log_;
  test::SeededChance stream_ids_{7};
  RedisFeeds feeds_{{*this, primary_.store(), backlog_, options_, {clock_, files_, stream_ids_}, log_, clients_}};
};

// Its bytes have the same numbers as others of the stream before, and of other nodes with this history.
TEST_F(RedisFeedsTest, AStreamAfterAGapHasAnotherId) {
  Admit();
  const std::string first = feeds_.stream()->id();
  EXPECT_NE(first, kHistory);
  EXPECT_EQ(first.size(), kHistory.size());
  feeds_.Tick();
  Admit();
  EXPECT_EQ(feeds_.stream()->id(), first) << "they read the same stream";
  feeds_.Forget(feeds_.stream());
  EXPECT_EQ(feeds_.stream(), nullptr);
  EXPECT_EQ(feeds_.size(), 0u);
  Admit();
  EXPECT_NE(feeds_.stream()->id(), first);
}

TEST_F(RedisFeedsTest, AnotherHistoryBeginsAnotherStream) {
  Admit();
  const std::string first = feeds_.stream()->id();
  owners_history_ = std::string(40, 'b');
  feeds_.Tick();
  EXPECT_EQ(feeds_.stream(), nullptr);
  Admit();
  EXPECT_NE(feeds_.stream()->id(), first);
}

TEST_F(RedisFeedsTest, AStreamThatBeganMeanwhileIsNotDroppedInPlaceOfTheOldOne) {
  Admit();
  in_between_ = [this] {
    feeds_.Forget(feeds_.stream());
    owners_history_ = std::string(40, 'b');
    Admit();
  };
  feeds_.Tick();
  ASSERT_NE(feeds_.stream(), nullptr);
  EXPECT_EQ(feeds_.size(), 1u);
}

}  // namespace
}  // namespace ringkv::server
