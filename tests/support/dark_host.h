// SPDX-License-Identifier: MIT
// A host that does not answer, as if it had no power.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "tests/support/loopback.h"

namespace ringkv::test {

// A port on which no connection comes to stand, and none is refused: as many wait for it as the system takes.
class DarkHost {
 public:
  DarkHost() : listener_(ListenOnLoopback(port_)) {
    EXPECT_EQ(::listen(listener_, 0), 0);
    while (Fills()) {
    }
  }
  ~DarkHost() {
    for (const int each : waiting_) ::close(each);
    ::close(listener_);
  }
  DarkHost(const DarkHost&) = delete;
  DarkHost& operator=(const DarkHost&) = delete;

  int port() const { return port_; }

 private:
  // Begins one more connection. False if it does not come to stand: those of others won't either.
  bool Fills() {
    constexpr int kPatienceMs = 300;
    waiting_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in address = LoopbackAt(port_);
    if (::connect(waiting_.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    pollfd connecting{waiting_.back(), POLLOUT, 0};
    return ::poll(&connecting, 1, kPatienceMs) == 1;
  }

  int port_ = 0;
  const int listener_;
  std::vector<int> waiting_;
};

}  // namespace ringkv::test
