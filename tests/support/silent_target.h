// SPDX-License-Identifier: MIT
// A server that does not answer.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/support/loopback.h"

namespace ringkv::test {

// A port that takes connections, which nobody answers but a test that accepts them.
class SilentTarget {
 public:
  SilentTarget() : listener_(ListenOnLoopback(port_)) {}
  ~SilentTarget() { Close(); }
  std::string port() const { return std::to_string(port_); }
  // A MIGRATE is at work from now on.
  void AwaitConnection() {
    pollfd waiting{listener_, POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
  }
  int Accept() { return ::accept(listener_, nullptr, nullptr); }
  // Accept ends.
  void Shutdown() { ::shutdown(listener_, SHUT_RDWR); }
  // Ends all connections that were not accepted.
  void Close() {
    if (listener_ >= 0) ::close(listener_);
    listener_ = -1;
  }

 private:
  int port_ = 0;
  int listener_;
};

}  // namespace ringkv::test
