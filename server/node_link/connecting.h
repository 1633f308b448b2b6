// SPDX-License-Identifier: MIT
// A connection to another node that is being made: the system's and, with TLS, its handshake. A state machine over a
// non-blocking descriptor: whoever drives it decides whether to wait.
//
// Threads: confined.
#pragma once

#include <netdb.h>
#include <poll.h>

#include <cstdint>
#include <memory>
#include <string>

#include "server/node_link/outward.h"
#include "storage/base/result.h"
#include "transport/channel.h"

namespace ringkv::server {

class Connecting {
 public:
  // Resolves the host: a name, not an address, may wait for a name server here. `timeout_ms`: for each of its
  // addresses, and for TLS.
  Connecting(const std::string& host, int port, int64_t timeout_ms, const Outward& outward);

  // Goes on as far as it can without waiting. The channel, once the connection stands, and then no more; a closed one
  // while it does not. The error names the address and the reason.
  storage::Result<transport::Channel> GoOn(int64_t now);
  // After a closed channel: the event to wait for, and until when.
  pollfd awaited() const { return {channel_.descriptor(), events_, 0}; }
  int64_t ends_at() const { return ends_at_ms_; }

 private:
  // False if no address is left.
  bool BeginWithNextAddress(int64_t now);
  // 0: it stands; EINPROGRESS: not yet; or the error.
  int Outcome(int64_t now) const;
  storage::Result<transport::Channel> ShakeHands(int64_t now);
  tl::unexpected<storage::Error> Fail(const std::string& why) const;

  const std::string host_;
  const std::string where_;
  const int64_t timeout_ms_;
  const Outward outward_;
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses_{nullptr, &::freeaddrinfo};
  const addrinfo* next_ = nullptr;
  std::string failure_;  // of the last address
  transport::Channel channel_;
  bool is_shaking_hands_ = false;
  short events_ = POLLOUT;
  int64_t ends_at_ms_ = 0;
};

}  // namespace ringkv::server
