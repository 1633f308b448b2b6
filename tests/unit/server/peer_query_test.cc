// SPDX-License-Identifier: MIT
// What a node says to another one that it asks what it is: on a real socket, with the test as the other node.
#include "server/sentinel/peer_query.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "server/config/options.h"
#include "storage/base/clock.h"

namespace ringkv::server {
namespace {

constexpr char kInfo[] = "$13\r\nrole:master\r\n\r\n";

class PeerQueryTest : public testing::Test {
 protected:
  PeerQueryTest() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    query_.emplace(NodeAddress{"127.0.0.1", ntohs(address.sin_port)});
    options_.sentinel_master_name.Set("mymaster");
    options_.sentinel_down_after_milliseconds = 5000;
  }
  ~PeerQueryTest() override {
    if (peer_ >= 0) ::close(peer_);
    ::close(listener_);
  }

  // Asks, and returns what the other node gets, which answers so.
  std::string Exchange(const NodeAddress& announced, const std::string& meet_reply) {
    query_->Ask(options_, announced, never_, clock_);
    if (peer_ < 0) peer_ = ::accept(listener_, nullptr, nullptr);
    char room[4096];
    const ssize_t got = ::recv(peer_, room, sizeof room, 0);
    const std::string asked(room, got > 0 ? static_cast<size_t>(got) : 0);
    const std::string replies = (asked.find("MEET") == std::string::npos ? "" : meet_reply) + kInfo;
    EXPECT_EQ(::send(peer_, replies.data(), replies.size(), 0), static_cast<ssize_t>(replies.size()));
    std::optional<std::string> answer;
    while (!answer && query_->is_connected()) {
      answer = query_->TakeAnswer();
      if (!answer) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(answer, kInfo);
    return asked;
  }
  bool Introduces(const NodeAddress& announced, const std::string& meet_reply) {
    return Exchange(announced, meet_reply).find("MEET") != std::string::npos;
  }

  const int listener_;
  int peer_ = -1;
  Options options_;
  storage::ManualClock clock_{1'000'000};
  const std::atomic<bool> never_{false};
  std::optional<PeerQuery> query_;
};

TEST_F(PeerQueryTest, IntroducesItselfUntilTheOtherAgrees) {
  const NodeAddress here{"", 7000};
  EXPECT_TRUE(Introduces(here, "-LOADING it is loading\r\n"));
  EXPECT_TRUE(Introduces(here, "-LOADING it is loading\r\n"));
  EXPECT_TRUE(Introduces(here, "+OK\r\n"));
  EXPECT_FALSE(Introduces(here, "+OK\r\n"));
  EXPECT_TRUE(Introduces({"10.0.0.1", 7000}, "+OK\r\n")) << "it is found elsewhere now";
  EXPECT_FALSE(Introduces({"10.0.0.1", 7000}, "+OK\r\n"));
}

TEST_F(PeerQueryTest, SeldomComesBackToWhoRefuses) {
  const NodeAddress here{"", 7000};
  const std::string refusal = "-ERR unknown command 'SENTINEL'\r\n";
  EXPECT_TRUE(Introduces(here, refusal));
  EXPECT_FALSE(Introduces(here, refusal));
  clock_.Advance(60'000);
  EXPECT_TRUE(Introduces(here, "+OK\r\n"));
  clock_.Advance(60'000);
  EXPECT_FALSE(Introduces(here, "+OK\r\n"));
}

}  // namespace
}  // namespace ringkv::server
