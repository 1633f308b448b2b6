// SPDX-License-Identifier: MIT
// A server that does not answer.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace ringkv::test {

// A port that takes connections, which nobody answers but a test that accepts them.
class SilentTarget {
 public:
  SilentTarget() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
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
  int listener_;
  int port_ = 0;
};

}  // namespace ringkv::test
