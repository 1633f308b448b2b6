// SPDX-License-Identifier: MIT
// A socket may be destroyed whatever it waits for. What goes wrong with that, AddressSanitizer sees.
#include "server/net/stream_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace ringkv::server {
namespace {

class StreamSocketTest : public testing::Test, protected StreamSocket::Owner {
 protected:
  StreamSocketTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    peer_ = ends[1];
    StreamSocket::Owner& owner = *this;
    context_ = std::make_unique<asio::io_context>(ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    keep_running_.emplace(context_->get_executor());
    socket_.emplace(*context_, transport::Channel(ends[0]), owner);
    // The first wait of all calls at once.
    socket_->WaitReadable();
    context_->poll();
    EXPECT_EQ(std::exchange(calls_, 0), 1);
  }
  ~StreamSocketTest() override { ::close(peer_); }

  void OnReadable() override { Called(); }
  void OnWritable() override { Called(); }
  void Called() {
    ++calls_;
    if (then_) then_();
  }
  void SendFromPeer() { ASSERT_EQ(::send(peer_, "x", 1, 0), 1); }
  bool PeerSeesTheEnd() {
    char byte;
    return ::recv(peer_, &byte, 1, 0) == 0;
  }

  std::unique_ptr<asio::io_context> context_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> keep_running_;
  std::optional<StreamSocket> socket_;
  int peer_ = -1;
  int calls_ = 0;
  std::function<void()> then_;
};

TEST_F(StreamSocketTest, CallsOnceForEachWait) {
  socket_->WaitReadable();
  context_->poll();
  EXPECT_EQ(calls_, 0);
  SendFromPeer();
  context_->poll();
  EXPECT_EQ(calls_, 1);
  SendFromPeer();
  context_->poll();
  EXPECT_EQ(calls_, 1);
  socket_->WaitWritable();
  context_->poll();
  EXPECT_EQ(calls_, 2);
}

TEST_F(StreamSocketTest, OneThatIsDestroyedWhileItWaitsCallsNobody) {
  socket_->WaitReadable();
  context_->poll();
  socket_.reset();
  EXPECT_TRUE(PeerSeesTheEnd());
  context_->poll();
  EXPECT_EQ(calls_, 0);
}

TEST_F(StreamSocketTest, OneThatIsDestroyedInTheLoopCallsNobody) {
  socket_->WaitReadable();
  context_->poll();
  asio::post(*context_, [this] { socket_.reset(); });
  context_->poll();
  EXPECT_TRUE(PeerSeesTheEnd());
  EXPECT_EQ(calls_, 0);
}

TEST_F(StreamSocketTest, OneThatIsDestroyedByACallHearsNothingOfTheOtherWait) {
  then_ = [this] { socket_.reset(); };
  SendFromPeer();
  socket_->WaitReadable();
  socket_->WaitWritable();
  context_->poll();
  EXPECT_EQ(calls_, 1);
}

TEST_F(StreamSocketTest, TheLoopMayEndBeforeACancelledWaitHasComeBack) {
  socket_->WaitReadable();
  context_->poll();
  socket_.reset();
  keep_running_.reset();
  context_.reset();
  EXPECT_EQ(calls_, 0);
}

TEST_F(StreamSocketTest, AReleasedDescriptorStaysOpen) {
  socket_->WaitReadable();
  const transport::Channel channel = socket_->Release();
  socket_.reset();
  context_->poll();
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(::send(channel.descriptor(), "x", 1, 0), 1);
}

}  // namespace
}  // namespace ringkv::server
